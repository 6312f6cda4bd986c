"""The five fields of an MLS PrivateMessage a blind server may read, and nothing of MLS beyond them.

Source: RFC 9420 sections 6 and 6.3 (PrivateMessage), 2.1.2 (variable-size vectors).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

import msgspec

from zajil.protocol.errors import error

MLS10, PRIVATE_MESSAGE = 1, 2
APPLICATION, PROPOSAL, COMMIT = 1, 2, 3
_FIXED: Final = bytes((0, MLS10, 0, PRIVATE_MESSAGE))
_LONG = 64
_EPOCH_BYTES: Final = 8
_GROUP_ID_BYTES: Final = 16
_USUAL: Final = Struct(">4sB16sQBB")
"""Up to the length of the AAD, where the group's id has 16 bytes: those of all of ours do."""


class PrivateHeader(msgspec.Struct, frozen=True, gc=False):
    """The cleartext of a PrivateMessage. content_type: 1 application, 2 proposal, 3 commit."""

    group_id: bytes
    epoch: int
    content_type: int
    authenticated_data: bytes


def parse_header(message: bytes) -> PrivateHeader:
    """The header of one MLSMessage holding a PrivateMessage; the rest is only measured.

    Raises Malformed for another version or wire format, lengths not in their shortest form, any end but the exact.
    """
    if not message.startswith(_FIXED):
        raise error("malformed", "not an MLS 1.0 PrivateMessage")
    if len(message) >= _USUAL.size and message[len(_FIXED)] == _GROUP_ID_BYTES:
        _, _, group_id, epoch, kind, _ = _USUAL.unpack_from(message)
        at = _USUAL.size - 1
    else:
        start, at = _find_vector(message, len(_FIXED))
        group_id = message[start:at]
        if len(message) - at < _EPOCH_BYTES + 1:
            raise error("malformed", "MLS message ends early")
        epoch, kind = int.from_bytes(message[at : at + _EPOCH_BYTES], "big"), message[at + _EPOCH_BYTES]
        at += _EPOCH_BYTES + 1
    if kind not in (APPLICATION, PROPOSAL, COMMIT):
        raise error("malformed", "MLS content type")
    start, at = _find_vector(message, at)
    aad = message[start:at]
    _, at = _find_vector(message, at)  # encrypted sender data
    _, at = _find_vector(message, at)  # ciphertext
    if at != len(message):
        raise error("malformed", "MLS message with trailing bytes")
    return PrivateHeader(group_id, epoch, kind, aad)


def _find_vector(data: bytes, at: int) -> tuple[int, int]:
    """Where the vector whose length stands here begins and ends."""
    if at >= len(data):
        raise error("malformed", "MLS message ends early")
    size = data[at]
    at += 1
    if size >= _LONG:  # of more than one byte
        width = 1 << (size >> 6)
        rest = data[at : at + width - 1]
        size = (size & 63) << 8 * (width - 1) | int.from_bytes(rest, "big")
        if width > 4 or len(rest) < width - 1 or size < 1 << (4 * width - 2):
            raise error("malformed", "MLS vector length")
        at += width - 1
    if size > len(data) - at:
        raise error("malformed", "MLS message ends early")
    return at, at + size
