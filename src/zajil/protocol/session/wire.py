"""The frames of the session layer, tags 1 to 7: `[tag, field, ...]` in MessagePack, one in each record."""

from __future__ import annotations

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from zajil.protocol.errors import Malformed, error
from zajil.protocol.frames import B16, U16, U32, U64, Code
from zajil.protocol.limits import DATA_BODY_BYTES
from zajil.protocol.records import pad, unpad

VERSION: Final = 1
ECHO_BYTES: Final = 4096
"""Largest PING record, and so the largest PONG."""
SEGMENT_FRAG: Final = 3584
"""`frag` of a segmented carrier; anything under ECHO_BYTES means one."""
SEGMENT_BYTES: Final = 8192
"""Bytes of records that a segmented carrier moves in one direction, at most."""
ROTATE_BYTES: Final = 4096
"""With this much in either direction the client dials the next carrier."""


class Open(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Client, first on every carrier. resume: nil = new session. rx: highest n in order.

    frag: bytes, the largest record the client wants; under 4,096 the carrier is segmented. serial: counts the client's
    carriers from 1, so that an OPEN that comes late takes nothing over; 0 does not say.
    """

    version: U16
    resume: B16 | None
    rx: U64
    frag: U32
    serial: U32 = 0


class Opened(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Server, answers OPEN. known false: a new session, n starts at 1 in both directions."""

    resume: B16
    rx: U64
    known: bool


class Data(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """A part of a message. more: another part follows."""

    n: U64
    ack: U64
    more: bool
    body: Annotated[bytes, Meta(max_length=DATA_BODY_BYTES)]


class Ack(msgspec.Struct, frozen=True, array_like=True, tag=4):
    """Everything up to `ack` has arrived in order."""

    ack: U64


class Ping(msgspec.Struct, frozen=True, array_like=True, tag=5):
    """Asks for a PONG of the same size, at most 4,096 bytes."""

    id: U32


class Pong(msgspec.Struct, frozen=True, array_like=True, tag=6):
    """Answers a PING."""

    id: U32


class Close(msgspec.Struct, frozen=True, array_like=True, tag=7):
    """The session ends here; `code` is of the error table."""

    code: Code
    retry_ms: U32


class Part(msgspec.Struct, frozen=True, gc=False):
    """What a stream keeps of one DATA until it is acknowledged."""

    n: int
    more: bool
    body: bytes


SessionFrame: TypeAlias = Open | Opened | Data | Ack | Ping | Pong | Close
_DECODER: msgspec.msgpack.Decoder[SessionFrame] = msgspec.msgpack.Decoder(SessionFrame)


def encode_record(frame: SessionFrame, *, at_least: int = 0) -> bytes:
    """The record of one session frame, of `at_least` bytes or more."""
    return pad(msgspec.msgpack.encode(frame), at_least=at_least)


def parse_record(record: bytes) -> SessionFrame:
    """The session frame of one record. Raises RemoteProtocolError `protocol`."""
    try:
        return _DECODER.decode(unpad(record))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, Malformed):
        raise error("protocol", "session frame") from None
