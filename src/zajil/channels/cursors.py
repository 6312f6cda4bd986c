"""Cursors: places in a list, opaque to clients and read with suspicion.

Base64url of `kind u8 || number u64`. Whoever makes one up only moves in a list that shows nothing else anyway.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from zajil.protocol.errors import error
from zajil.protocol.ids import encode_b64, parse_b64

_SIZE: Final = 9
_MAX: Final = (1 << 63) - 1


class Kind(IntEnum):
    """Which list a cursor is of; one of another list is refused."""

    POSTS = 1
    COMMENTS = 2
    SEARCH = 3
    EVENTS = 4


def encode_cursor(kind: Kind, number: int) -> str:
    """The cursor of a place."""
    return encode_b64(bytes([kind]) + number.to_bytes(_SIZE - 1, "big"))


def parse_cursor(kind: Kind, text: str) -> int:
    """The place. Raises Malformed for anything but a cursor of this list."""
    data = parse_b64(text, size=_SIZE)
    number = int.from_bytes(data[1:], "big")
    if data[0] != kind or number > _MAX:
        raise error("malformed", "cursor")
    return number
