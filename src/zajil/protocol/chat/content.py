"""Message bodies: MIMI content inside an application message, its id, its tag and the sender's own signature.

Plaintext = CBOR `[1, content bstr, sig 64]`. content = `mimiContent` of draft-ietf-mimi-content-08, deterministic:
`[salt 16, replaces, topicId, expires, inReplyTo, extensions, NestedPart]`, parts nested at most 4 levels.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from zajil.protocol import cbor
from zajil.protocol.errors import error
from zajil.protocol.fields import Fields
from zajil.protocol.ids import AccountId, GroupId, MessageId, encode_b64
from zajil.protocol.limits import CONTENT_DEPTH, CONTENT_SIZES, TEXT_BYTES

SALT_BYTES: Final = 16
SENDER_URI, ROOM_URI, DEVICE_ID, SENT_MS, LIST_GOSSIP = 1, 2, -1, -2, -3
"""Keys of extensions: URIs of the draft, then ours: device id, ms of the sender's clock, `[list seq, list hash]`."""
UNSPECIFIED, RENDER, REACTION, PROFILE, INLINE, ICON, ATTACHMENT, SESSION, PREVIEW = range(9)
"""Dispositions of a part."""
CHOOSE_ONE, SINGLE_UNIT, PROCESS_ALL = range(3)
"""How the parts of a MultiPart belong together."""
MARKDOWN: Final = "text/markdown;variant=GFM-MIMI"
_PART_TEXT_BYTES: Final = 2048
_EXTENSION_BYTES: Final = 4095


@dataclass(frozen=True, slots=True)
class Expires:
    """relative: `time` counts seconds from reading (sender: from sending), else Unix seconds. time: u32."""

    relative: bool
    time: int


@dataclass(frozen=True, slots=True)
class NullPart:
    """No body: takes back what `replaces` names."""

    disposition: int = RENDER
    language: str = ""


@dataclass(frozen=True, slots=True)
class SinglePart:
    """A body in the message itself."""

    content_type: str
    content: bytes
    disposition: int = RENDER
    language: str = ""


@dataclass(frozen=True, slots=True)
class ExternalPart:
    """A body elsewhere. expires: Unix seconds or 0; size: bytes or 0; enc_alg, hash_alg: IANA numbers or 0."""

    content_type: str
    url: str
    expires: int
    size: int
    enc_alg: int
    key: bytes
    nonce: bytes
    aad: bytes
    hash_alg: int
    content_hash: bytes
    description: str
    filename: str
    disposition: int = ATTACHMENT
    language: str = ""


@dataclass(frozen=True, slots=True)
class MultiPart:
    """Two or more parts."""

    semantics: int
    parts: tuple[Part, ...]
    disposition: int = RENDER
    language: str = ""


Part: TypeAlias = NullPart | SinglePart | ExternalPart | MultiPart


@dataclass(frozen=True, slots=True)
class MimiContent:
    """One message body. extensions: int or text keys; values as CBOR, at most 4,095 bytes each."""

    salt: bytes
    body: Part
    replaces: MessageId | None = None
    topic_id: bytes = b""
    expires: Expires | None = None
    in_reply_to: MessageId | None = None
    extensions: Mapping[cbor.Key, cbor.Value] = field(default_factory=dict)


def encode_content(content: MimiContent) -> bytes:
    """The bytes that are signed, tagged and named by the message id. They travel as they are."""
    expires = None if content.expires is None else [content.expires.relative, content.expires.time]
    head: list[cbor.Value] = [content.salt, content.replaces, content.topic_id, expires, content.in_reply_to]
    return cbor.encode([*head, content.extensions, _part_value(content.body)])


def _part_value(part: Part) -> cbor.Value:
    head: list[cbor.Value] = [part.disposition, part.language]
    match part:
        case NullPart():
            return [*head, 0]
        case SinglePart():
            return [*head, 1, part.content_type, part.content]
        case ExternalPart():
            place: list[cbor.Value] = [part.content_type, part.url, part.expires, part.size]
            secret: list[cbor.Value] = [part.enc_alg, part.key, part.nonce, part.aad]
            rest: list[cbor.Value] = [part.hash_alg, part.content_hash, part.description, part.filename]
            return [*head, 2, *place, *secret, *rest]
        case MultiPart():
            return [*head, 3, part.semantics, [_part_value(inner) for inner in part.parts]]


def parse_content(data: bytes) -> MimiContent:
    """The content of its bytes. Raises Malformed for any other shape, more than 4 levels, not deterministic CBOR."""
    fields = Fields.of_array(cbor.parse(data), 7)
    replaces = fields.blob_or_none(1, size=32)
    in_reply_to = fields.blob_or_none(4, size=32)
    return MimiContent(
        salt=fields.blob(0, size=SALT_BYTES),
        replaces=None if replaces is None else MessageId(replaces),
        topic_id=fields.blob(2, most=4096),
        expires=_parse_expires(fields.raw(3)),
        in_reply_to=None if in_reply_to is None else MessageId(in_reply_to),
        extensions=_parse_extensions(fields.pairs(5, most=64)),
        body=_parse_part(fields.raw(6), 1),
    )


def _parse_expires(value: cbor.Parsed) -> Expires | None:
    if value is None:
        return None
    fields = Fields.of_array(value, 2)
    return Expires(fields.flag(0), fields.number(1, bits=32))


def _parse_extensions(pairs: dict[cbor.Key, cbor.Parsed]) -> dict[cbor.Key, cbor.Value]:
    for key, value in pairs.items():
        named = isinstance(key, int) or (isinstance(key, str) and 1 <= len(key.encode()) <= 255)
        if not named or len(cbor.encode(value)) > _EXTENSION_BYTES:
            raise error("malformed", "extension of a message")
    return dict(pairs)


def _parse_part(value: cbor.Parsed, level: int) -> Part:
    if not isinstance(value, list) or level > CONTENT_DEPTH:
        raise error("malformed", "message parts")
    fields = Fields(dict(enumerate(value)))
    disposition, language = fields.number(0, bits=8), fields.text(1, most=_PART_TEXT_BYTES)
    match fields.number(2, bits=8), len(value):
        case 0, 3:
            return NullPart(disposition, language)
        case 1, 5:
            content_type = fields.text(3, most=_PART_TEXT_BYTES)
            return SinglePart(content_type, fields.blob(4), disposition, language)
        case 2, 15:
            return _parse_external(fields, disposition, language)
        case 3, 5:
            inner = fields.items(4, most=256)
            semantics = fields.number(3, bits=8)
            if semantics not in (CHOOSE_ONE, SINGLE_UNIT, PROCESS_ALL) or len(inner) < 2:
                raise error("malformed", "multipart")
            parts = tuple(_parse_part(item, level + 1) for item in inner)
            return MultiPart(semantics, parts, disposition, language)
    raise error("malformed", "message part")


def _parse_external(fields: Fields, disposition: int, language: str) -> ExternalPart:
    return ExternalPart(
        content_type=fields.text(3, most=_PART_TEXT_BYTES),
        url=fields.text(4, most=_PART_TEXT_BYTES),
        expires=fields.number(5, bits=32),
        size=fields.number(6),
        enc_alg=fields.number(7, bits=16),
        key=fields.blob(8, most=64),
        nonce=fields.blob(9, most=64),
        aad=fields.blob(10, most=_PART_TEXT_BYTES),
        hash_alg=fields.number(11, bits=8),
        content_hash=fields.blob(12, most=64),
        description=fields.text(13, most=_PART_TEXT_BYTES),
        filename=fields.text(14, most=_PART_TEXT_BYTES),
        disposition=disposition,
        language=language,
    )


def sender_uri(server_name: str, account: AccountId) -> str:
    """Extension 1 of our messages."""
    return f"mimi://{server_name}/u/{encode_b64(account)}"


def room_uri(server_name: str, gid: GroupId) -> str:
    """Extension 2 of our messages."""
    return f"mimi://{server_name}/r/{encode_b64(gid)}"


def message_id(content: bytes, *, sender: str, room: str, salt: bytes) -> MessageId:
    """The MIMI message id of encoded content: 0x01 || 31 bytes of SHA-256 (draft-ietf-mimi-content-08, 3.3).

    sender, room: the URIs of extensions 1 and 2; the caller checks that they are those of the MLS sender and group.
    """
    digest = hashlib.sha256()
    for uri in (sender.encode(), room.encode()):
        if len(uri) >= 1 << 16:
            raise error("malformed", "URI too long")
        digest.update(len(uri).to_bytes(2, "big") + uri)
    digest.update(content + salt)
    return MessageId(b"\x01" + digest.digest()[:31])


def message_id_of(content: MimiContent, data: bytes) -> MessageId:
    """The message id by the URIs the content itself carries. Raises Malformed where one is missing.

    data: the bytes `content` was read from or encoded to.
    """
    sender, room = content.extensions.get(SENDER_URI), content.extensions.get(ROOM_URI)
    if not isinstance(sender, str) or not isinstance(room, str):
        raise error("malformed", "message without sender or room")
    return message_id(data, sender=sender, room=room, salt=content.salt)


def text_content(text: str, *, salt: bytes, extensions: Mapping[cbor.Key, cbor.Value]) -> MimiContent:
    """A text message. Raises HomeError `text-too-long` over 65,536 bytes of UTF-8, Malformed for no UTF-8."""
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise error("malformed", "text with a lone surrogate") from None
    if len(data) > TEXT_BYTES:
        raise error("text-too-long")
    return MimiContent(salt, SinglePart(MARKDOWN, data), extensions=extensions)


def find_text(content: MimiContent) -> str | None:
    """The text to show, or None if the body is of another kind. Raises Malformed for bytes that are not UTF-8."""
    body = content.body
    if not isinstance(body, SinglePart) or body.content_type != MARKDOWN or body.disposition != RENDER:
        return None
    try:
        return body.content.decode("utf-8")
    except UnicodeDecodeError:
        raise error("malformed", "text is not UTF-8") from None


@dataclass(frozen=True, slots=True)
class Application:
    """The plaintext of an application message: encoded content and the sender's signature, not yet verified."""

    content: bytes
    sig: bytes


def encode_application(content: bytes, sig: bytes) -> bytes:
    """The plaintext to seal. sig: 64 bytes over `report_tbs`."""
    return cbor.encode([1, content, sig])


def parse_application(plaintext: bytes) -> Application:
    """Content and signature of a plaintext. Raises Malformed."""
    fields = Fields.of_array(cbor.parse(plaintext), 3)
    if fields.number(0) != 1:
        raise error("malformed", "application message of another version")
    return Application(fields.blob(1), fields.blob(2, size=64))


def content_tag(salt: bytes, content: bytes) -> bytes:
    """32 bytes: HMAC-SHA256(salt, content); the AAD carries it, so the server can frank what it cannot read."""
    return hmac.digest(salt, content, "sha256")


def _vector(data: bytes) -> bytes:
    """A variable-size vector of RFC 9420 2.1.2; all of ours are short."""
    size = len(data)
    return (bytes((size,)) if size < 64 else (0x4000 | size).to_bytes(2, "big")) + data


def report_tbs(tag: bytes, gid: GroupId, epoch: int) -> bytes:
    """What the leaf key signs: SafeSignWithLabel(component 0xF001, "report", tag || gid || epoch u64).

    The MLS library names no sender to every client, and a report must prove one without it.
    Source: draft-ietf-mls-extensions, safe application interface; RFC 9420 5.1.2.
    """
    label = _vector(b"MLS Component") + (0xF001).to_bytes(2, "big") + _vector(b"report")
    return _vector(b"MLS 1.0 " + label) + _vector(tag + gid + epoch.to_bytes(8, "big"))


def pad_to(size: int) -> int:
    """The size of PrivateMessageContent to pad to: 704, 3776, 16064 or 69120, the smallest that holds `size` bytes.

    size: of the content with its signature, before padding. Raises Malformed `too-big` beyond the largest.
    """
    for step in CONTENT_SIZES:
        if size <= step:
            return step
    raise error("too-big", "message body")


def padded_size(plaintext: bytes) -> int:
    """`pad_to` for a plaintext, with the vector lengths and the 64-byte signature that MLS adds (RFC 9420 6.3.1)."""
    prefix = 1 if len(plaintext) < 1 << 6 else 2 if len(plaintext) < 1 << 14 else 4
    return pad_to(prefix + len(plaintext) + 2 + 64)
