"""Identifiers and their text form.

Every identifier is bytes with a meaning; `NewType` keeps a mailbox from being used where a group is meant.
Text form everywhere (JSON, URLs, CLI): base64url without padding, RFC 4648 section 5.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import ClassVar, NewType

from zajil.protocol.errors import error

AccountId = NewType("AccountId", bytes)
"""16 bytes: H("zajil account v1" || first account key)[:16]. Self-certifying, never reused."""
DeviceId = NewType("DeviceId", int)
"""u32, counted per account from 1; a revoked number is not given out again."""
ClientId = NewType("ClientId", bytes)
"""20 bytes: account id || device id as u32, big endian. One MLS leaf per group."""
MailboxId = NewType("MailboxId", bytes)
"""16 bytes, random, made by the server: the queue of one device."""
GroupId = NewType("GroupId", bytes)
"""16 bytes, random, made by the creating client: the MLS group id."""
Mid = NewType("Mid", bytes)
"""16 bytes, random, made by the client: names one sealed request (idempotency)."""
MessageId = NewType("MessageId", bytes)
"""32 bytes: the MIMI message id, 0x01 || 31 bytes of SHA-256."""
PersonaId = NewType("PersonaId", bytes)
"""16 bytes: SHA-256(persona key)[:16]. A public identity; never derived from an account id, never stored beside one."""
ChannelId = NewType("ChannelId", bytes)
"""16 bytes, random, made by the server."""
PostId = NewType("PostId", bytes)
"""16 bytes, random, made by the server: a post or comment, the same for all its versions."""

ID_BYTES = 16
CLIENT_ID_BYTES = 20
MESSAGE_ID_BYTES = 32
_ALPHABET = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)


def encode_b64(data: bytes) -> str:
    """Base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def parse_b64(text: str, *, size: int | None = None) -> bytes:
    """The bytes of one base64url text; exactly one text stands for given bytes.

    size: the number of bytes it must have. Raises Malformed for padding, foreign characters, loose bits, another size.
    """
    if _ALPHABET.fullmatch(text) is None or len(text) % 4 == 1:
        raise error("malformed", "not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise error("malformed", "not base64url") from None
    if encode_b64(data) != text:
        raise error("malformed", "base64url with loose bits")
    if size is not None and len(data) != size:
        raise error("malformed", f"base64url of {len(data)} bytes instead of {size}")
    return data


def client_id(account: AccountId, device: DeviceId) -> ClientId:
    """The MLS client of one device. Raises LocalProtocolError when a part has the wrong size."""
    if len(account) != ID_BYTES or not 0 <= device < 1 << 32:
        raise error("wrong-call", "client_id of a 16-byte account and a u32 device")
    return ClientId(account + device.to_bytes(4, "big"))


def split_client_id(client: ClientId) -> tuple[AccountId, DeviceId]:
    """Account and device of a client id. Raises Malformed unless it has 20 bytes."""
    if len(client) != CLIENT_ID_BYTES:
        raise error("malformed", "client id")
    return AccountId(client[:ID_BYTES]), DeviceId(int.from_bytes(client[ID_BYTES:], "big"))


class Blob(bytes):
    """Bytes that travel as base64url text in JSON; SIZE is the exact number of bytes, None any."""

    SIZE: ClassVar[int | None] = None


class B8(Blob):
    """8 bytes."""

    SIZE = 8


class B16(Blob):
    """16 bytes."""

    SIZE = 16


class B32(Blob):
    """32 bytes."""

    SIZE = 32


class B64(Blob):
    """64 bytes."""

    SIZE = 64
