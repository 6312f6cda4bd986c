"""How a file is drawn before it is fetched: extension -5 of a message with files, one entry for each of them.

| Entry | Of |
|---|---|
| null | a file that is drawn as nothing but a file |
| `[1, width, height, thumbhash]` | a picture; pixels 1 to 65,535; 5 to 32 bytes of ThumbHash |
| `[2, duration, waveform]` | a voice note; ms, up to a day; 64 bytes, one of loudness each |
| `[3, width, height, duration, thumbhash]` | a video |

It comes from somebody else and says nothing certain about the file: it only draws. What is not exactly of this form
counts as null and never spoils its message; clients that do not know the extension ignore it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from zajil.protocol import cbor
from zajil.protocol.errors import Malformed, error
from zajil.protocol.fields import Fields

LOOKS: Final = -5
"""Key of extensions."""
DURATION_MAX_MS: Final = 86_400_000
WAVEFORM_BYTES: Final = 64
THUMBHASH_LEAST_BYTES: Final = 5
THUMBHASH_MOST_BYTES: Final = 32
_IMAGE, _VOICE, _VIDEO = 1, 2, 3


@dataclass(frozen=True, slots=True)
class ImageLook:
    """width, height: pixels. thumbhash: 5 to 32 bytes, a blurred picture."""

    width: int
    height: int
    thumbhash: bytes


@dataclass(frozen=True, slots=True)
class VoiceLook:
    """duration_ms: up to a day. waveform: 64 bytes. Shown as a voice note only for a content type of audio."""

    duration_ms: int
    waveform: bytes


@dataclass(frozen=True, slots=True)
class VideoLook:
    """As `ImageLook`, and how long it plays."""

    width: int
    height: int
    duration_ms: int
    thumbhash: bytes


Look: TypeAlias = ImageLook | VoiceLook | VideoLook


def encode_looks(looks: Sequence[Look | None]) -> cbor.Value:
    """The value of the extension."""
    return [None if look is None else _encode(look) for look in looks]


def _encode(look: Look) -> cbor.Value:
    match look:
        case ImageLook():
            return [_IMAGE, look.width, look.height, look.thumbhash]
        case VoiceLook():
            return [_VOICE, look.duration_ms, look.waveform]
        case VideoLook():
            return [_VIDEO, look.width, look.height, look.duration_ms, look.thumbhash]


def parse_looks(value: cbor.Value, count: int) -> tuple[Look | None, ...]:
    """The looks of so many files; empty where no file has one, whatever the value is. Raises nothing."""
    if not isinstance(value, list) or len(value) != count:
        return ()
    looks = tuple(_parse(entry) if isinstance(entry, list) else None for entry in value)
    return looks if any(look is not None for look in looks) else ()


def _parse(entry: list[cbor.Parsed]) -> Look | None:
    fields = Fields(dict(enumerate(entry)))
    try:
        match fields.number(0), len(entry):
            case 1, 4:
                return ImageLook(_side(fields, 1), _side(fields, 2), _thumbhash(fields, 3))
            case 2, 3:
                return VoiceLook(_duration(fields, 1), fields.blob(2, size=WAVEFORM_BYTES))
            case 3, 5:
                return VideoLook(_side(fields, 1), _side(fields, 2), _duration(fields, 3), _thumbhash(fields, 4))
    except Malformed:
        pass
    return None


def _side(fields: Fields, key: int) -> int:
    side = fields.number(key, bits=16)
    if side == 0:
        raise error("malformed", "a side of nothing")
    return side


def _duration(fields: Fields, key: int) -> int:
    duration_ms = fields.number(key)
    if duration_ms > DURATION_MAX_MS:
        raise error("malformed", "longer than a day")
    return duration_ms


def _thumbhash(fields: Fields, key: int) -> bytes:
    data = fields.blob(key, most=THUMBHASH_MOST_BYTES)
    if len(data) < THUMBHASH_LEAST_BYTES:
        raise error("malformed", "no ThumbHash")
    return data
