"""What a message body means: the forms of MIMI content that this version speaks, and how each is written.

| Form | replaces | inReplyTo | body |
|---|---|---|---|
| Text | - | quoted message or - | Markdown, render |
| Files | - | quoted message or - | files, in MultiPart processAll behind Markdown or nothing; see `files`, `looks` |
| Edit | the message as first sent | quoted message or - | Markdown, render |
| Deletion | the message as first sent | - | NullPart, render; extension -4 true: as an admin |
| Reaction | - | the message | `text/plain;charset=utf-8`, one emoji, reaction |
| TakeBack | the reaction | the message | NullPart, reaction |
| Receipts, Control | - | - | see `receipts`, `parts` |
| CallLog | - | - | `application/vnd.zajil.call-log`, CBOR map, render |

Source: draft-ietf-mimi-content-08, 5 (examples reply, reaction, edit, delete, unlike); service.md 7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias, get_args

from zajil.protocol import cbor
from zajil.protocol.chat import content, files, parts, receipts
from zajil.protocol.chat.content import MimiContent, NullPart, SinglePart
from zajil.protocol.chat.emoji import check_emoji
from zajil.protocol.chat.files import File
from zajil.protocol.chat.looks import LOOKS, Look, encode_looks, parse_looks
from zajil.protocol.errors import error
from zajil.protocol.fields import Fields
from zajil.protocol.ids import MessageId

AS_ADMIN: Final = -4
"""Key of extensions: true where somebody deletes another's message by the right of an admin."""
PLAIN: Final = "text/plain;charset=utf-8"
CALL_LOG: Final = "application/vnd.zajil.call-log"
CALL_ID_BYTES: Final = 16
CallKind = Literal["audio", "video"]
CallOutcome = Literal["answered", "missed", "declined", "busy", "failed"]
EDIT_MS: Final = 86_400_000
"""A text can be edited for 24 hours, by the clock of its sender."""
TYPING_MS: Final = 4_000
"""`typing` is told at most this often."""
TYPING_SHOWN_MS: Final = 6_000
"""How long one `typing` is shown."""


@dataclass(frozen=True, slots=True)
class Text:
    """A new text. reply_to: the message it answers."""

    text: str
    reply_to: MessageId | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """One to ten files, with a text or none. Such a message is not edited. reply_to: the message it answers.

    looks: one for each file, None for a file without; empty where none has one.
    """

    files: tuple[File, ...]
    text: str = ""
    reply_to: MessageId | None = None
    looks: tuple[Look | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """Another text for a message of the same account. target: its id as first sent."""

    target: MessageId
    text: str
    reply_to: MessageId | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """A message is gone for all. as_admin: not by its author, but by the right of an admin."""

    target: MessageId
    as_admin: bool = False


@dataclass(frozen=True, slots=True)
class Reaction:
    """One emoji; an account has at most one on a message, and the latest counts."""

    target: MessageId
    emoji: str


@dataclass(frozen=True, slots=True)
class TakeBack:
    """The own reaction on a message is gone. reaction: its message id."""

    target: MessageId
    reaction: MessageId


@dataclass(frozen=True, slots=True)
class Receipts:
    """What came in or was read at the sender."""

    receipts: tuple[receipts.Receipt, ...]


@dataclass(frozen=True, slots=True)
class CallLog:
    """What became of a call, told once by its caller (calls.md 4). call: 16 bytes. seconds: 0 unless answered; u32."""

    call: bytes
    kind: CallKind
    outcome: CallOutcome
    seconds: int


@dataclass(frozen=True, slots=True)
class Control:
    """Something between clients."""

    part: parts.ControlPart | parts.UnknownPart


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A body of a later version. shown: people should see that there is one."""

    shown: bool


Form: TypeAlias = Text | Files | Edit | Deletion | Reaction | TakeBack | Receipts | CallLog | Control | Unsupported
Action: TypeAlias = Edit | Deletion | Reaction | TakeBack
"""Forms that change another message."""
Submitted: TypeAlias = Text | Files | Action | Receipts | CallLog
"""Forms that are queued to be sent."""


def encode_form(form: Submitted, blank: MimiContent) -> MimiContent:
    """The content of a form. blank: gives salt and extensions; its other fields are replaced.

    Raises HomeError `text-too-long`, `too-many-files`, Malformed for text that is no UTF-8 or not one emoji.
    """
    match form:
        case Files():
            return _encode_files(form, blank)
        case Text() | Edit():
            made = content.text_content(form.text, salt=blank.salt, extensions=blank.extensions)
            target = form.target if isinstance(form, Edit) else None
            return replace(made, replaces=target, in_reply_to=form.reply_to)
        case Deletion():
            extensions = dict(blank.extensions) | ({AS_ADMIN: True} if form.as_admin else {})
            return replace(blank, body=NullPart(), replaces=form.target, extensions=extensions)
        case Reaction():
            body = SinglePart(PLAIN, check_emoji(form.emoji).encode(), content.REACTION)
            return replace(blank, body=body, in_reply_to=form.target)
        case TakeBack():
            body_of_none = NullPart(content.REACTION)
            return replace(blank, body=body_of_none, replaces=form.reaction, in_reply_to=form.target)
        case Receipts():
            return replace(blank, body=receipts.encode_receipts(form.receipts))
        case CallLog():
            values: dict[cbor.Key, cbor.Value] = {"c": form.call, "kind": form.kind, "outcome": form.outcome}
            return replace(blank, body=SinglePart(CALL_LOG, cbor.encode({**values, "seconds": form.seconds})))


def _encode_files(form: Files, blank: MimiContent) -> MimiContent:
    extensions = dict(blank.extensions)
    if form.looks:
        if len(form.looks) != len(form.files):
            raise error("wrong-call", "a look for each file")
        extensions[LOOKS] = encode_looks(form.looks)
    body = files.encode_body(form.files, form.text)
    return replace(blank, body=body, in_reply_to=form.reply_to, extensions=extensions)


def parse_form(body: MimiContent) -> Form:
    """What a body means. Raises Malformed for a known form that is broken."""
    part = body.body
    if isinstance(part, NullPart):
        return _parse_null(body, part)
    if isinstance(part, SinglePart):
        if part.content_type == parts.CONTROL_TYPE:
            return Control(parts.parse_part(part))
        if part.content_type == receipts.STATUS_TYPE:
            return Receipts(receipts.parse_receipts(part))
        if part.content_type == CALL_LOG and body.replaces is None:
            return _parse_call_log(Fields.of_open_map(cbor.parse(part.content))) or Unsupported(shown=True)
        if part.disposition == content.REACTION:
            return _parse_reaction(body, part)
        text = content.find_text(body)
        if text is not None and body.replaces is not None:
            return Edit(body.replaces, text, body.in_reply_to)
        if text is not None:
            return Text(text, body.in_reply_to)
    found = files.parse_body(part) if body.replaces is None else None
    if found is not None:
        looks = parse_looks(body.extensions.get(LOOKS), len(found[0]))
        return Files(found[0], found[1], body.in_reply_to, looks)
    shown = part.disposition in (content.RENDER, content.INLINE, content.ATTACHMENT)
    return Unsupported(shown and body.replaces is None)


def _parse_null(body: MimiContent, part: NullPart) -> Form:
    if body.replaces is None:
        return Unsupported(shown=False)
    if part.disposition != content.REACTION:
        return Deletion(body.replaces, body.extensions.get(AS_ADMIN) is True)
    if body.in_reply_to is None:
        raise error("malformed", "reaction of no message")
    return TakeBack(body.in_reply_to, body.replaces)


def _parse_call_log(fields: Fields) -> CallLog | None:
    """The log of these fields, None for words of a later version. Raises Malformed."""
    kind, outcome = fields.text("kind", most=16), fields.text("outcome", most=16)
    call, seconds = fields.blob("c", size=CALL_ID_BYTES), fields.number("seconds", bits=32)
    for known_kind in get_args(CallKind):
        for known_outcome in get_args(CallOutcome):
            if (kind, outcome) == (known_kind, known_outcome):
                return CallLog(call, known_kind, known_outcome, seconds)
    return None


def _parse_reaction(body: MimiContent, part: SinglePart) -> Form:
    if part.content_type != PLAIN:
        return Unsupported(shown=False)
    if body.in_reply_to is None:
        raise error("malformed", "reaction to no message")
    try:
        emoji = part.content.decode("utf-8")
    except UnicodeDecodeError:
        raise error("malformed", "reaction is not UTF-8") from None
    return Reaction(body.in_reply_to, check_emoji(emoji))
