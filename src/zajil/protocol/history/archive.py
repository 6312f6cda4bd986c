"""An archive of messages, from device to device: version 1, deterministic CBOR (docs/protocol/history.md).

An archive is one or more parts, each whole by itself and sealed as one attachment. A part holds what its reader may
show and nothing that lets anybody act: no MLS secret, no token, no key but those of files that messages name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from zajil.protocol import cbor
from zajil.protocol.attachments import FILE_BYTES
from zajil.protocol.chat.emoji import EMOJI_BYTES
from zajil.protocol.chat.expiry import SPAN_MAX_S
from zajil.protocol.chat.files import FILES_MAX, KEY_BYTES, NAME_BYTES, NONCE_BYTES, TYPE_BYTES
from zajil.protocol.errors import error
from zajil.protocol.fields import Fields
from zajil.protocol.limits import TEXT_BYTES

VERSION: Final = 1
PARTS_MAX: Final = 32
PART_BYTES: Final = 8 * 1024 * 1024
"""A part is closed once it holds so much; its last message may reach beyond."""
PART_BYTES_MAX: Final = 16 * 1024 * 1024
CHATS_MAX: Final = 4096
MESSAGES_MAX: Final = 65_536
VERSIONS_MAX: Final = 1024
PEOPLE_MAX: Final = 4096
KEPT_BYTES: Final = 64 * 1024
STATES: Final = ("received", "sent", "delivered", "read")
CALL_KINDS: Final = ("audio", "video")
CALL_OUTCOMES: Final = ("answered", "missed", "declined", "busy", "failed")
NOTICES: Final = (
    "device-added",
    "device-replaced",
    "left",
    "timer",
    "write-admins",
    "write-members",
    "rules",
    "link-made",
    "link-ended",
    "asked",
)
NOTICES_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """A file that a message names. attachment_id: 16 bytes, or empty where its upload failed."""

    attachment_id: bytes
    name: str
    content_type: str
    size: int
    key: bytes
    nonce: bytes
    sha256: bytes


@dataclass(frozen=True, slots=True)
class ArchivedMessage:
    """One message as its device shows it. Times: Unix ms. state: of STATES.

    versions: (text, at, id of the edit); reactions: (account, emoji, at, id); receipts: (account, delivered, read).
    call: (id, kind, outcome, seconds). expire_s: its span, 0 = it stays; expires_at: Unix ms at which it is over, 0 =
    its span did not begin.
    """

    message_id: bytes
    account: bytes
    device: int
    sent: int
    arrived: int
    state: str
    text: str = ""
    reply_to: bytes = b""
    versions: tuple[tuple[str, int, bytes], ...] = ()
    deleted_by: bytes = b""
    reactions: tuple[tuple[bytes, str, int, bytes], ...] = ()
    receipts: tuple[tuple[bytes, int, int], ...] = ()
    kept: bytes = b""
    call: tuple[bytes, str, str, int] | None = None
    files: tuple[ArchivedFile, ...] = ()
    expire_s: int = 0
    expires_at: int = 0


@dataclass(frozen=True, slots=True)
class ArchivedChat:
    """Messages of one chat, oldest first. read_to: id of the newest that was read, empty for none in this part.

    notices: (code, account, at, seconds of a timer), with the first part of a chat.
    """

    gid: bytes
    read_to: bytes
    messages: tuple[ArchivedMessage, ...]
    notices: tuple[tuple[str, bytes, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Archive:
    """One part. account: whose it is, 16 bytes."""

    account: bytes
    chats: tuple[ArchivedChat, ...]

    def encode(self) -> bytes:
        """The plaintext of the attachment."""
        chats: cbor.Value = [
            {
                1: chat.gid,
                2: chat.read_to,
                3: [_message_value(message) for message in chat.messages],
                4: [[NOTICES.index(code), account, at, seconds] for code, account, at, seconds in chat.notices],
            }
            for chat in self.chats
        ]
        return cbor.encode({1: VERSION, 2: self.account, 3: chats})

    @classmethod
    def parse(cls, data: bytes) -> Archive:
        """The part of its bytes. Raises Malformed; Refused `unsupported-version` for a later version."""
        if len(data) > PART_BYTES_MAX:
            raise error("malformed", "archive too big")
        fields = Fields.of_open_map(cbor.parse(data), (1, 2, 3))
        if fields.number(1) != VERSION:
            raise error("unsupported-version")
        chats = tuple(_parse_chat(item) for item in fields.items(3, most=CHATS_MAX))
        return cls(fields.blob(2, size=16), chats)


def _message_value(message: ArchivedMessage) -> cbor.Value:
    values: dict[cbor.Key, cbor.Value] = {
        1: message.message_id,
        2: message.account,
        3: message.device,
        4: message.sent,
        5: message.arrived,
        6: STATES.index(message.state),
    }
    more: dict[cbor.Key, cbor.Value] = {
        7: message.text,
        8: message.reply_to,
        9: [list(version) for version in message.versions],
        10: message.deleted_by,
        11: [list(reaction) for reaction in message.reactions],
        12: [list(receipt) for receipt in message.receipts],
        13: message.kept,
        15: [
            [f.attachment_id, f.name, f.content_type, f.size, f.key, f.nonce, f.sha256] for f in message.files
        ],
        16: [message.expire_s, message.expires_at] if message.expire_s else [],
    }  # fmt: skip
    if message.call is not None:
        call, kind, outcome, seconds = message.call
        more[14] = [call, CALL_KINDS.index(kind), CALL_OUTCOMES.index(outcome), seconds]
    return values | {key: value for key, value in more.items() if value}


def _parse_chat(value: cbor.Parsed) -> ArchivedChat:
    fields = Fields.of_open_map(value, (1, 2, 3, 4))
    notices = [Fields.of_array(item, 4) for item in fields.items(4, most=NOTICES_MAX)]
    return ArchivedChat(
        fields.blob(1, size=16),
        _blob_or_empty(fields, 2, 32),
        tuple(_parse_message(item) for item in fields.items(3, most=MESSAGES_MAX)),
        tuple((_one_of(NOTICES, one, 0), one.blob(1, size=16), one.number(2), one.number(3)) for one in notices),
    )


def _parse_message(value: cbor.Parsed) -> ArchivedMessage:
    fields = Fields.of_open_map(value, range(1, 7))
    versions = [Fields.of_array(item, 3) for item in _items(fields, 9, VERSIONS_MAX)]
    reactions = [Fields.of_array(item, 4) for item in _items(fields, 11, PEOPLE_MAX)]
    receipts = [Fields.of_array(item, 3) for item in _items(fields, 12, PEOPLE_MAX)]
    expire_s, expires_at = _parse_span(fields)
    return ArchivedMessage(
        fields.blob(1, size=32),
        fields.blob(2, size=16),
        fields.number(3, bits=32),
        fields.number(4),
        fields.number(5),
        _one_of(STATES, fields, 6),
        fields.text_or_none(7, most=TEXT_BYTES) or "",
        _blob_or_empty(fields, 8, 32),
        tuple((one.text(0, most=TEXT_BYTES), one.number(1), one.blob(2, size=32)) for one in versions),
        _blob_or_empty(fields, 10, 16),
        tuple(
            (one.blob(0, size=16), one.text(1, most=EMOJI_BYTES), one.number(2), one.blob(3, size=32))
            for one in reactions
        ),
        tuple((one.blob(0, size=16), one.number(1), one.number(2)) for one in receipts),
        fields.blob_or_none(13, most=KEPT_BYTES) or b"",
        _parse_call(fields),
        tuple(_parse_file(item) for item in _items(fields, 15, FILES_MAX)),
        expire_s,
        expires_at,
    )


def _parse_call(fields: Fields) -> tuple[bytes, str, str, int] | None:
    if 14 not in fields:
        return None
    call = Fields.of_array(fields.raw(14), 4)
    return call.blob(0, size=16), _one_of(CALL_KINDS, call, 1), _one_of(CALL_OUTCOMES, call, 2), call.number(3)


def _parse_span(fields: Fields) -> tuple[int, int]:
    if 16 not in fields:
        return 0, 0
    span = Fields.of_array(fields.raw(16), 2)
    if not 0 < span.number(0) <= SPAN_MAX_S:
        raise error("malformed", "span of a message")
    return span.number(0), span.number(1)


def _parse_file(value: cbor.Parsed) -> ArchivedFile:
    one = Fields.of_array(value, 7)
    size = one.number(3)
    if size > FILE_BYTES:
        raise error("malformed", "file too big")
    return ArchivedFile(
        _blob_or_empty(one, 0, 16),
        one.text(1, most=NAME_BYTES),
        one.text(2, most=TYPE_BYTES),
        size,
        one.blob(4, size=KEY_BYTES),
        one.blob(5, size=NONCE_BYTES),
        one.blob(6, size=32),
    )


def _items(fields: Fields, key: int, most: int) -> list[cbor.Parsed]:
    return fields.items(key, most=most) if key in fields else []


def _blob_or_empty(fields: Fields, key: int, size: int) -> bytes:
    found = fields.blob_or_none(key, most=size) or b""
    if len(found) not in (0, size):
        raise error("malformed", "bytes of another size")
    return found


def _one_of(names: tuple[str, ...], fields: Fields, key: int) -> str:
    at = fields.number(key)
    if at >= len(names):
        raise error("malformed", "unknown number")
    return names[at]
