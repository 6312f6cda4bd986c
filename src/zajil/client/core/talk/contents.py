"""What a verified message body does here: a text is shown, an action changes a text, a control part what we know."""

from __future__ import annotations

from typing import Literal

import msgspec

from zajil.client.core import groups, judge, messages, readd
from zajil.client.core.contact import blocking, leaving, names, naming, requests
from zajil.client.core.expiry import sweep
from zajil.client.core.joins import admitting, asking, putting_out
from zajil.client.core.talk import actions, arranging, privacy, reading, receipts, whispers
from zajil.client.state import accounts, deadlines, rows
from zajil.client.state.rows import CallRow, Chat, FileRow, StoredMessage
from zajil.client.state.step import Step
from zajil.protocol.chat import expiry, forms, parts
from zajil.protocol.chat.content import parse_content
from zajil.protocol.chat.receipts import Status
from zajil.protocol.errors import Malformed

LEAVE_RANK_MS = 3_000
_FORMS_KEY = b"forms"
_FORMS = b"\x01"
"""Changes with every kind of message that is shown and was not: then what is kept is read once more."""


def take_content(step: Step, chat: Chat, opened: messages.Opened) -> None:
    """Apply a message body seen for the first time. Raises Malformed for one that is none of our forms."""
    place = _place(step, chat)
    if _is_unheard(step, chat, place, opened):
        return
    if chat.request == "incoming":
        requests.take(step, chat, opened)
        return
    form = forms.parse_form(opened.content)
    if _writes(form) and not judge.may_write(place, opened.account):
        step.change_chat(chat.gid, unshown=chat.unshown + 1)
        step.event("bad-message", chat.gid)
        return
    match form:
        case forms.Text(text, reply_to):
            _show(step, chat, opened, text=text, reply_to=reply_to or b"")
        case forms.Files(files, text, reply_to):
            _show(step, chat, opened, text=text, reply_to=reply_to or b"", files=tuple(map(FileRow.of, files)))
        case forms.Unsupported(shown=True):
            _show(step, chat, opened, kept=opened.data)
        case forms.Edit() | forms.Deletion() | forms.Reaction() | forms.TakeBack() as action:
            actions.take(step, place, opened, action)
        case forms.Receipts(told) if opened.account == step.profile.account_id:
            read = receipts.take_own(step, chat, told)
            reading.note_read(step, chat.merged or chat.gid, read, at=opened.sent)
        case forms.Receipts(told):
            receipts.take(step, chat, opened.account, told)
        case forms.CallLog() as log:
            _show(step, chat, opened, call=CallRow.of(log))
        case forms.Control(part):
            _take_control(step, chat, opened, part)
        case _:
            pass


def _place(step: Step, chat: Chat) -> Chat:
    """The group that people see in the place of this one: its roles say who may do what in either."""
    return step.chat(chat.merged) if chat.heir is not None else chat


def _is_unheard(step: Step, chat: Chat, place: Chat, opened: messages.Opened) -> bool:
    """Whether its author is blocked, or spoke in the group of before and is out of it since. place: people see."""
    if chat.heir is not None and opened.account not in place.accounts():
        return True
    return blocking.is_hidden(step, opened.account) and not _concerns_group(chat, opened)


def _concerns_group(chat: Chat, opened: messages.Opened) -> bool:
    """Whether it is about the group, which is all members', also where its author is blocked."""
    match forms.parse_form(opened.content):
        case forms.Control(parts.Lists() | parts.Leave() | parts.Readd() | parts.PutOut()):
            return chat.kind == groups.GROUP
    return False


def _writes(form: forms.Form) -> bool:
    """Whether it puts words into the chat. Who may not write may still react, and take back what was written before."""
    shown = isinstance(form, forms.Unsupported) and form.shown
    return shown or isinstance(form, forms.Text | forms.Files | forms.Edit | forms.CallLog)


def _show(
    step: Step,
    chat: Chat,
    opened: messages.Opened,
    *,
    text: str = "",
    reply_to: bytes = b"",
    kept: bytes = b"",
    call: CallRow | None = None,
    files: tuple[FileRow, ...] = (),
) -> None:
    leaving.note_alive(step, opened.account)
    place = chat.merged or chat.gid
    own = opened.account == step.profile.account_id
    # What another device of ours wrote is sent: it came from the server.
    state: Literal["sent", "received"] = "sent" if own else "received"
    shown = StoredMessage(opened.message_id, place, opened.account, opened.device, opened.sent, state, text)
    proofs = () if own or call is not None or opened.proof is None else (opened.proof,)
    shown = msgspec.structs.replace(shown, reply_to=reply_to, arrived=step.now, kept=kept, proofs=proofs, call=call)
    shown = msgspec.structs.replace(shown, files=files)
    shown = rows.changed(shown, expire_s=expiry.find_span(opened.content.expires, sent=opened.sent))
    shown = deadlines.start_own(step.tx, shown)
    if shown.expires_at and shown.expires_at <= step.now:
        # Ours from another device, and over before it reached this one: nobody sees it for a moment.
        deadlines.drop(step.tx, shown.message_id)
        sweep.note_gone(step, shown.message_id)
        return
    messages.show(step, shown)
    if not own:
        if reading.counts(shown):
            reading.note_new(step, place, shown)
            ts = 0 if opened.proof is None else opened.proof.ts
            arranging.hear(step, place, ts or min(opened.sent, step.now))
        receipts.owe(step, place, {opened.message_id: Status.DELIVERED})
    actions.settle_early(step, chat, opened.message_id)


def has_old_kept(step: Step) -> bool:
    """Whether another version wrote last what it knew."""
    return step.tx.find("meta", _FORMS_KEY) != _FORMS


def show_kept(step: Step) -> None:
    """Messages that were kept as a kind of a later version stand where they stood, as what they are."""
    for n, data in step.tx.rows("message"):
        message = rows.parse_row(data, StoredMessage)
        fresh = _read_again(message) if message.kept else None
        if fresh is not None:
            step.tx.replace("message", n, rows.encode_row(fresh))
    step.tx.put("meta", _FORMS_KEY, _FORMS)


def _read_again(message: StoredMessage) -> StoredMessage | None:
    """The message as this version shows it, None where it does not know its kind either."""
    try:
        form = forms.parse_form(parse_content(message.kept))
    except Malformed:
        return None
    match form:
        case forms.Text(text, reply_to):
            return rows.changed(message, text=text, reply_to=reply_to or b"", kept=b"")
        case forms.Files(files, text, reply_to):
            shown = rows.changed(message, text=text, reply_to=reply_to or b"", kept=b"")
            return rows.changed(shown, files=tuple(map(FileRow.of, files)))
        case forms.CallLog() as log:
            return rows.changed(message, call=CallRow.of(log), proofs=(), kept=b"")
    return None


def _take_control(step: Step, chat: Chat, opened: messages.Opened, part: parts.ControlPart | parts.UnknownPart) -> None:
    own = step.profile.account_id
    match part:
        case parts.Profile():
            if opened.account == own:
                told = tuple(a for a in chat.accounts() if a != own)
                step.change_chat(chat.gid, told=told)
            else:
                names.take(step, opened.account, part, sent=opened.sent)
                step.event("profile", chat.gid)
        case parts.Lists():
            for data in part.lists:
                accounts.learn_list(step, accounts.list_owner(data), data)
        case parts.Leave() if chat.kind == groups.DM:
            leaving.note_gone(step, chat, opened.account)
        case parts.Leave():
            _note_leave(step, _place(step, chat), opened.account)
        case parts.Readd():
            readd.take_request(step, opened.account, opened.device, part)
        case parts.JoinRequest() | parts.JoinAnswer() | parts.PutOut():
            _take_joining(step, chat, opened, part)
        case parts.Sync() if chat.kind == groups.SELF:
            _take_sync(step, part, at=opened.sent)
        case parts.Call():
            whispers.hear_signal(step, chat, opened, part)
        case _:
            pass


def _take_joining(
    step: Step, chat: Chat, opened: messages.Opened, part: parts.JoinRequest | parts.JoinAnswer | parts.PutOut
) -> None:
    """About who comes into groups by their links."""
    match part:
        case parts.JoinRequest():
            admitting.take_request(step, chat, opened, part)
        case parts.JoinAnswer() if opened.account == step.profile.account_id:
            admitting.take_own_answer(step, part)
        case parts.JoinAnswer():
            asking.take_answer(step, chat, opened, part)
        case parts.PutOut():
            putting_out.take(step, _place(step, chat), opened.account, part)


def _take_sync(step: Step, part: parts.Sync, *, at: int) -> None:
    """What another device of ours did. at: when it told, Unix ms."""
    for contact in part.contacts:
        accounts.learn_introduction(step, contact.account_id, contact.name, contact.contact_token)
        accounts.change(step, contact.account_id, contact=True)
    for gid, sent in part.read:
        reading.note_read_until(step, gid, sent, at=at)
    if part.privacy is not None:
        privacy.take(step, part.privacy)
    arranging.take(step, part.settings)
    if part.blocked is not None:
        blocking.take(step, part.blocked)
    if part.username is not None:
        naming.take(step, part.username)


def _note_leave(step: Step, chat: Chat, account: bytes) -> None:
    """Somebody leaves: the first member by leaf order removes him at once, the others 3 s later each."""
    if chat.kind != groups.GROUP:
        return
    ranks = [m.leaf for m in sorted(chat.members, key=lambda m: m.leaf) if m.account != account]
    rank = ranks.index(chat.own_leaf) if chat.own_leaf in ranks else 0
    step.change_chat(chat.gid, left=chat.left | {account: step.now + rank * LEAVE_RANK_MS})
    step.event("leaving", chat.gid)
