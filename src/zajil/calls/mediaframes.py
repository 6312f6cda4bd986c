"""What a media room reads of a frame: its kind, whether it is a key frame, and the leaf in the SFrame header.

    client -> server   kind u8 | flags u8 (bit 0 key frame of video) | seq u16 | ts u32 ms | SFrame ciphertext
    server -> client   slot u8 of the sender | the same bytes; slot 0: code u8 and slots

The rest is ciphertext. The leaf is whatever the sender wrote there; only receivers can tell whether it is true.
Source: RFC 9605 4.3 (header), docs/protocol/calls.md.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from zajil.protocol.calls.limits import LEAF_BITS
from zajil.protocol.calls.media import (
    AUDIO,
    AUDIO_BYTES,
    CONTROL,
    FRAME_BYTES,
    HEADER_BYTES,
    KEY_FRAME,
    TAG_BYTES,
    VIDEO,
)

_LARGEST: Final = {AUDIO: AUDIO_BYTES, VIDEO: FRAME_BYTES, CONTROL: FRAME_BYTES}


class Head(NamedTuple):
    """leaf: of the KID, `ctx << 24 | leaf << 8 | epoch`."""

    kind: int
    is_key: bool
    leaf: int


def is_oversize(record: bytes) -> bool:
    """Whether it is larger than any frame of its kind."""
    return len(record) > (_LARGEST.get(record[0], FRAME_BYTES) if record else FRAME_BYTES)


def parse_head(record: bytes) -> Head | None:
    """None for what is no media frame."""
    if len(record) <= HEADER_BYTES + TAG_BYTES or record[0] not in _LARGEST:
        return None
    if record[1] > (KEY_FRAME if record[0] == VIDEO else 0):
        return None
    kid = _parse_kid(record[HEADER_BYTES:])
    return None if kid is None else Head(record[0], bool(record[1]), kid >> 8 & (1 << LEAF_BITS) - 1)


def _parse_kid(sealed: bytes) -> int | None:
    """The KID of an SFrame header: three bits, or as many bytes as they say; None if header and tag do not fit."""
    config = sealed[0]
    kid_bytes = (config >> 4 & 7) + 1 if config & 0x80 else 0
    ctr_bytes = (config & 7) + 1 if config & 0x08 else 0
    if len(sealed) < 1 + kid_bytes + ctr_bytes + TAG_BYTES:
        return None
    return int.from_bytes(sealed[1 : 1 + kid_bytes], "big") if kid_bytes else config >> 4 & 7


def notice(code: int, *slots: int) -> bytes:
    """What the room itself says: JOINED (own slot, then the others), CAME, LEFT."""
    return bytes((0, code, *slots))
