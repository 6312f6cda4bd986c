"""The MLSMessage header every message on the wire starts with (RFC 9420 6)."""

import enum

from zajil.mls.errors import DecodeError, Invalid
from zajil.mls.messages.credentials import MLS10
from zajil.mls.primitives.codec import Reader, encode_u16

MAX_MESSAGE_BYTES = 4 << 20
"""Longest MLSMessage the engine parses."""


class WireFormat(enum.IntEnum):
    """IANA MLS Wire Formats."""

    PUBLIC_MESSAGE = 1
    PRIVATE_MESSAGE = 2
    WELCOME = 3
    GROUP_INFO = 4
    KEY_PACKAGE = 5


def wrap(wire_format: WireFormat, body: bytes) -> bytes:
    """MLSMessage around an encoded body (RFC 9420 6)."""
    return encode_u16(MLS10) + encode_u16(wire_format) + body


def unwrap(message: bytes) -> tuple[WireFormat, Reader]:
    """The kind of an MLSMessage and a reader over its body, whose end the caller checks.

    Raises Invalid F1 for another version or an unknown wire format, DecodeError when too long or truncated.
    """
    if len(message) > MAX_MESSAGE_BYTES:
        raise DecodeError("message too long")
    reader = Reader(message)
    version, kind = reader.u16(), reader.u16()
    if version != MLS10:
        raise Invalid("F1", "version")
    if kind not in WireFormat.__members__.values():
        raise Invalid("F1", "wire format")
    return WireFormat(kind), reader
