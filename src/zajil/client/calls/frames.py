"""Frames as they travel: which bytes of a codec's frame stay in clear, and what a media WebSocket frame authenticates.

    WebRTC:     clear bytes || SFrame of the rest, metadata = the clear bytes
    WebSocket:  header (8 bytes) || SFrame, metadata = the header

VP8 alone keeps bytes in clear, those that packetising and a depacketiser look at: 10 of a key frame, 1 of another.
Source: docs/protocol/call-media.md; RFC 6386 9.1 (VP8's frame header).
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NewType

from zajil.client.calls.keys import Opener, Sealer
from zajil.client.calls.sframe import FrameDropped

MEDIA_HEADER_BYTES: Final = 8
SealedMedia = NewType("SealedMedia", bytes)
"""Header and SFrame: what `seal_media` made, and all that a media room is ever sent."""
_VP8_KEY_FRAME = 10
_VP8_DELTA_FRAME = 1


class Codec(Enum):
    """The codecs that calls may use. H.264 and AV1 are never offered."""

    OPUS = "opus"
    VP8 = "vp8"
    VP9 = "vp9"


def clear_bytes(codec: Codec, *, key_frame: bool) -> int:
    """How many bytes at the front of a frame stay readable."""
    if codec is not Codec.VP8:
        return 0
    return _VP8_KEY_FRAME if key_frame else _VP8_DELTA_FRAME


def seal_frame(sealer: Sealer, frame: bytes, codec: Codec, *, key_frame: bool, now_ms: int) -> bytes:
    """A codec's frame as WebRTC carries it.

    Raises what `Sealer.seal` raises, and FrameDropped: "empty", "short" for a frame that would be clear bytes alone.
    """
    clear, rest = _split(frame, clear_bytes(codec, key_frame=key_frame))
    return clear + sealer.seal(rest, clear, now_ms=now_ms)


def open_frame(opener: Opener, frame: bytes, codec: Codec, *, key_frame: bool, now_ms: int) -> bytes:
    """The codec's frame of what WebRTC carried. Raises FrameDropped."""
    try:
        clear, rest = _split(frame, clear_bytes(codec, key_frame=key_frame))
    except FrameDropped as dropped:
        opener.dropped[dropped.reason] += 1
        raise
    return clear + opener.open(rest, clear, now_ms=now_ms)


def _split(frame: bytes, clear: int) -> tuple[bytes, bytes]:
    if not frame:
        raise FrameDropped("empty")
    if len(frame) <= clear:
        raise FrameDropped("short")
    return frame[:clear], frame[clear:]


def seal_media(sealer: Sealer, header: bytes, frame: bytes, *, now_ms: int) -> SealedMedia:
    """A frame as the media WebSocket carries it. header: its 8 bytes, of `protocol/calls/media`.

    Raises what `Sealer.seal` raises, ValueError for a header of another length.
    """
    if len(header) != MEDIA_HEADER_BYTES:
        raise ValueError("a media header has 8 bytes")
    return SealedMedia(header + sealer.seal(frame, header, now_ms=now_ms))


def open_media(opener: Opener, frame: bytes, *, now_ms: int) -> bytes:
    """The codec's frame of what a media WebSocket brought from one slot, without the slot. Raises FrameDropped."""
    return opener.open(frame[MEDIA_HEADER_BYTES:], frame[:MEDIA_HEADER_BYTES], now_ms=now_ms)
