"""The five fields of an MLS PrivateMessage a blind server may read, and nothing of MLS beyond them.

Source: RFC 9420 sections 6 and 6.3 (PrivateMessage), 2.1.2 (variable-size vectors).
"""

from __future__ import annotations

from typing import NamedTuple

from zajil.protocol.errors import error

MLS10, PRIVATE_MESSAGE = 1, 2
APPLICATION, PROPOSAL, COMMIT = 1, 2, 3
_LONG = 64


class PrivateHeader(NamedTuple):
    """The cleartext of a PrivateMessage. content_type: 1 application, 2 proposal, 3 commit."""

    group_id: bytes
    epoch: int
    content_type: int
    authenticated_data: bytes


def parse_header(message: bytes) -> PrivateHeader:
    """The header of one MLSMessage holding a PrivateMessage; the rest is only measured.

    Raises Malformed for another version or wire format, lengths not in their shortest form, any end but the exact.
    """
    fixed, at = _take(message, 0, 4)
    if fixed != bytes((0, MLS10, 0, PRIVATE_MESSAGE)):
        raise error("malformed", "not an MLS 1.0 PrivateMessage")
    group_id, at = _take_vector(message, at)
    number, at = _take(message, at, 8)
    kind, at = _take(message, at, 1)
    if kind[0] not in (APPLICATION, PROPOSAL, COMMIT):
        raise error("malformed", "MLS content type")
    aad, at = _take_vector(message, at)
    _, at = _take_vector(message, at)  # encrypted sender data
    _, at = _take_vector(message, at)  # ciphertext
    if at != len(message):
        raise error("malformed", "MLS message with trailing bytes")
    return PrivateHeader(group_id, int.from_bytes(number, "big"), kind[0], aad)


def _take(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    if size > len(data) - at:
        raise error("malformed", "MLS message ends early")
    return data[at : at + size], at + size


def _take_vector(data: bytes, at: int) -> tuple[bytes, int]:
    if at >= len(data):
        raise error("malformed", "MLS message ends early")
    first = data[at]
    if first < _LONG:  # a length of one byte, which most are
        return _take(data, at + 1, first)
    width = 1 << (first >> 6)
    raw, at = _take(data, at, width) if width < 8 else (b"", at)
    size = int.from_bytes(raw, "big") & ((1 << (8 * width - 2)) - 1)
    if not raw or size < 1 << (4 * width - 2):
        raise error("malformed", "MLS vector length")
    return _take(data, at, size)
