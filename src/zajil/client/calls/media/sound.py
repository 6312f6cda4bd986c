"""Sound of a call that comes from no microphone: silence, a tone, and what was heard, half a second later.

Everything is 48 kHz mono, int16 little-endian, in frames of 20 ms. Nothing here knows a codec or a clock: who reads
a source paces it, and `at` is the place of a frame in its stream, in samples.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Sequence
from typing import Final, Protocol

SAMPLE_RATE: Final = 48_000
FRAME_SAMPLES: Final = 960
FRAME_BYTES: Final = 2 * FRAME_SAMPLES
FRAME_MS: Final = 20
QUIET_FRAME: Final = bytes(FRAME_BYTES)
ECHO_MS: Final = 500
TONE_HZ: Final = 440
_TONE_PEAK = 8_000
# Beyond these a stream is taken up anew instead of being filled up or played late.
_GAP_SAMPLES_MAX = SAMPLE_RATE
_HELD_BYTES_MAX = 2 * SAMPLE_RATE


LOUD: Final = 8
"""A level above it is more than the silence of an attempt that does not carry."""
_FADE_SAMPLES = SAMPLE_RATE // 100
_LEVEL_STEP = 8


class Source(Protocol):
    """Where the sound of a link comes from."""

    def read(self) -> bytes:
        """The next 20 ms: 1,920 bytes."""


class Sink(Protocol):
    """Where the sound of a link goes."""

    def write(self, pcm: bytes, at: int) -> None:
        """Take what was heard. at: place of its first sample; a gap since the last frame was lost."""


class Silence:
    """Nothing, for as long as one likes."""

    def read(self) -> bytes:
        return QUIET_FRAME


class Nowhere:
    """Keeps nothing of what it hears."""

    def write(self, pcm: bytes, at: int) -> None:
        """Forget it."""


class Switch:
    """A source that can be turned off: then silence flows on, so that nobody sees it on the wire."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.on = True

    def read(self) -> bytes:
        frame = self._source.read()
        return frame if self.on else QUIET_FRAME


class Tone:
    """A sine of 440 Hz, a quarter of full scale."""

    def __init__(self) -> None:
        # 11 waves fill 1,200 samples exactly, so that the end meets the beginning.
        period = SAMPLE_RATE * 11 // TONE_HZ
        waves = [round(_TONE_PEAK * math.sin(2 * math.pi * 11 * at / period)) for at in range(period)]
        self._period = struct.pack(f"<{period}h", *waves)
        self._at = 0

    def read(self) -> bytes:
        end = self._at + FRAME_BYTES
        frame = (self._period * 3)[self._at : end]
        self._at = end % len(self._period)
        return frame


class Echo:
    """Gives back what it heard, 500 ms later. Lost frames come back as silence."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._next: int | None = None

    def write(self, pcm: bytes, at: int) -> None:
        gap = 0 if self._next is None else at - self._next
        self._next = at + len(pcm) // 2
        if not self._held:
            self._held.extend(bytes(2 * SAMPLE_RATE * ECHO_MS // 1000))
        elif 0 < gap <= _GAP_SAMPLES_MAX:
            self._held.extend(bytes(2 * gap))
        self._held.extend(pcm)
        if len(self._held) > _HELD_BYTES_MAX:
            del self._held[: len(self._held) - _HELD_BYTES_MAX]

    def read(self) -> bytes:
        frame = bytes(self._held[:FRAME_BYTES])
        del self._held[:FRAME_BYTES]
        return frame.ljust(FRAME_BYTES, b"\0")


def mixed(frames: Sequence[bytes]) -> bytes:
    """All of them at once, no louder than a sample can be. frames: of one length."""
    if len(frames) == 1:
        return frames[0]
    parts = [memoryview(frame).cast("h") for frame in frames]
    return array("h", (max(-32_768, min(32_767, sum(each))) for each in zip(*parts, strict=True))).tobytes()


def find_level(pcm: bytes) -> int:
    """How loud it is: the mean of every eighth sample without its sign, 0 to 32,768."""
    samples = memoryview(pcm).cast("h")[::_LEVEL_STEP]
    return sum(map(abs, samples)) // len(samples) if len(samples) else 0


def fading_out(before: bytes, size_bytes: int) -> bytes:
    """What a gap sounds like: the last 10 ms before it, backwards and fading, then silence. size_bytes: of the gap."""
    tail = memoryview(before).cast("h")[-_FADE_SAMPLES:]
    faded = array("h", (sample * (len(tail) - at) // len(tail) for at, sample in enumerate(reversed(tail), 1)))
    return faded.tobytes()[:size_bytes].ljust(size_bytes, b"\0")


def fading_in(pcm: bytes) -> bytes:
    """The first sound after a gap: its first 10 ms rise from silence."""
    head = memoryview(pcm).cast("h")[:_FADE_SAMPLES]
    return array("h", (sample * at // len(head) for at, sample in enumerate(head))).tobytes() + pcm[2 * len(head) :]
