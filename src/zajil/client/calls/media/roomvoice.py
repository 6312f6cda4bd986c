"""Voice in the media room: 40 ms of Opus to one sealed record, and records back to sound in time.

One device has one `Upload`, whoever listens; each listener has an `Ear` for each upload that it was told of. No browser
is behind it, so time is kept here: `zajil.protocol.calls.jitter` says what is due.
Source: docs/protocol/call-media.md, "Sound over the message server".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from zajil.client.calls.frames import SealedMedia, open_media, seal_media
from zajil.client.calls.keys import NoKey, Opener, Sealer, split_kid
from zajil.client.calls.media.sound import (
    FRAME_BYTES,
    SAMPLE_RATE,
    Source,
    fading_in,
    fading_out,
    find_level,
    mixed,
)
from zajil.client.calls.media.voice import BIT_RATE_TCP, OpusDecoder, OpusEncoder
from zajil.client.calls.sframe import TAG_BYTES, FrameDropped, parse_header
from zajil.protocol.calls import media
from zajil.protocol.calls.jitter import FRAME_MS, Gap, JitterBuffer, Play, Wait
from zajil.protocol.errors import Malformed

ROOM_FRAME_SAMPLES: Final = SAMPLE_RATE * FRAME_MS // 1000
ROOM_FRAME_BYTES: Final = 2 * ROOM_FRAME_SAMPLES
_READS: Final = ROOM_FRAME_BYTES // FRAME_BYTES
_QUIET: Final = bytes(ROOM_FRAME_BYTES)
_SEQ = 1 << 16
_REPORTS: Final = 8
"""So many of ours are known when their echoes come, one a second."""
_HELD_MAX_MS: Final = (1 << 16) - 1
_TS = 1 << 32


def _encoder(bit_rate: int) -> OpusEncoder:
    """Nothing gets lost within a stream: what is missing was dropped in time, and no packet after it could help."""
    return OpusEncoder(bit_rate, frame_ms=FRAME_MS, loss_pct=0)


class NotSealed(Exception):
    """What would have left is not what SFrame makes of it. It did not leave."""


class Upload:
    """What one device sends into the room, as long as it is there: silence, unless it is open to somebody.

    pc: the ctx of `sealer`, and the number in `room` signals. leaf: our own.
    """

    def __init__(self, sealer: Sealer, *, pc: int, leaf: int, now_ms: Callable[[], int]) -> None:
        self.pc = pc
        self._sealer, self._leaf, self._now_ms = sealer, leaf, now_ms
        self._encoder = _encoder(BIT_RATE_TCP)
        self._sources: dict[int, Source] = {}
        self._sound_seq = self._report_seq = 0
        self._reports: dict[int, int] = {}
        """By their ts: when the newest left, by our clock."""

    @property
    def sealed(self) -> int:
        """Records so far."""
        return self._sealer.sealed

    def open_to(self, leaf: int, source: Source | None) -> None:
        """Let this be heard, for the sake of that peer; None: not any more. Only after the peer's `got`.

        The others in the room hear it too: there is one upload.
        """
        if source is None:
            self._sources.pop(leaf, None)
        else:
            self._sources[leaf] = source

    def is_open_to(self, leaf: int) -> bool:
        """Whether that peer's sound is in it."""
        return leaf in self._sources

    def set_bit_rate(self, bit_rate: int) -> None:
        """Another constant rate from the next frame on; never above 24 kbit/s."""
        bit_rate = min(bit_rate, BIT_RATE_TCP)
        if bit_rate != self._encoder.bit_rate:
            self._encoder = _encoder(bit_rate)

    def skip(self) -> None:
        """40 ms pass and nothing is sent: what was said then is not said later."""
        self._read()

    def next_sound(self, turn: int) -> SealedMedia | None:
        """The record of the next 40 ms; None where there is no key, and nothing may be sent.

        turn: counts 40 ms, also those that were not sent. Raises CounterSpent, NotSealed.
        """
        header = media.Frame("audio", False, self._sound_seq % _SEQ, FRAME_MS * turn % _TS, b"").header
        self._sound_seq += 1
        return self._seal(header, self._encoder.encode(self._read()))

    def report(self, turn: int, report: media.Control) -> SealedMedia | None:
        """What we hear, for those whom we hear. As `next_sound`."""
        ts = FRAME_MS * turn % _TS
        header = media.Frame("control", False, self._report_seq % _SEQ, ts, b"").header
        self._report_seq += 1
        self._reports[ts] = self._now_ms()
        while len(self._reports) > _REPORTS:
            del self._reports[next(iter(self._reports))]
        return self._seal(header, media.encode_control(report))

    def find_round_trip(self, echo: media.Echo) -> int | None:
        """Milliseconds to who sent this echo of a report of ours, and back; None for what we did not send lately."""
        sent_at = self._reports.get(echo.ts)
        return None if sent_at is None else max(0, self._now_ms() - sent_at - echo.held_ms)

    def _read(self) -> bytes:
        heard = [b"".join(source.read() for _ in range(_READS)) for source in self._sources.values()]
        return mixed(heard) if heard else _QUIET

    def _seal(self, header: bytes, plain: bytes) -> SealedMedia | None:
        try:
            record = seal_media(self._sealer, header, plain, now_ms=self._now_ms())
        except NoKey:
            return None
        if not self._looks_sealed(record[len(header) :], plain):
            raise NotSealed
        return record

    def _looks_sealed(self, frame: bytes, plain: bytes) -> bool:
        """By the frame alone, whatever sealed it: our KID, a tag more than the plaintext, and not that plaintext."""
        try:
            header = parse_header(frame)
        except FrameDropped:
            return False
        body = frame[header.size_bytes :]
        ours = split_kid(header.kid)[:2] == (self.pc, self._leaf)
        return ours and len(body) == len(plain) + TAG_BYTES and body[: len(plain)] != plain


class Ear:
    """What is heard of one upload of one leaf.

    opened: called after each frame of sound that opened. hear: takes sound and its place, in samples, when it is due;
    the fading at the begin of a gap too, and nothing for the rest of it.
    """

    def __init__(
        self,
        opener: Opener,
        *,
        now_ms: Callable[[], int],
        opened: Callable[[], None],
        hear: Callable[[bytes, int], None],
    ) -> None:
        self._opener, self._now_ms, self._opened, self._hear = opener, now_ms, opened, hear
        self._decoder = OpusDecoder()
        self._before = b""
        self._at = 0
        self.jitter = JitterBuffer()
        self.seen = 0
        """Frames of sound that arrived, opened or not."""
        self.opened = 0
        self.opened_at_ms: int | None = None
        self.dropped: dict[str, int] = {}
        self.far: media.Control | None = None
        """What the peer said last of how it hears."""
        self._reported: tuple[int, int] | None = None
        """The ts of that report, and when it came."""

    def take(self, frame: media.Frame) -> None:
        """A frame whose KID names this upload. Raises nothing for a bad one."""
        now = self._now_ms()
        self.seen += frame.kind == "audio"
        try:
            plain = open_media(self._opener, frame.header + frame.payload, now_ms=now)
            if frame.kind == "control":
                self.far = media.parse_control(plain)
                self._reported = frame.ts, now
        except FrameDropped as dropped:
            self._count(dropped.reason)
            return
        except Malformed:
            self._count("control")
            return
        if frame.kind == "audio":
            self.opened += 1
            self.opened_at_ms = now
            # Only now: what did not open must not take the place of what does.
            self.jitter.push(frame.seq, frame.ts, arrival_ms=now, payload=plain)
            self._opened()

    def echo(self, leaf: int) -> media.Echo | None:
        """For the report that goes back to this leaf, whose upload this is; None while there is nothing fresh."""
        if self._reported is None or (held_ms := self._now_ms() - self._reported[1]) > _HELD_MAX_MS:
            return None
        return media.Echo(leaf, self._reported[0], held_ms)

    def _count(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def play(self) -> None:
        """Give away what is due."""
        now = self._now_ms()
        while True:
            match self.jitter.pull(now):
                case Play(payload):
                    pcm = self._decoder.decode(payload)
                    if self.jitter.leaves_out(find_level(pcm)):
                        continue
                    self._give(pcm)
                case Gap():
                    self._give(b"")
                case Wait():
                    return

    def _give(self, pcm: bytes) -> None:
        """The next 40 ms; empty: a gap."""
        at, before = self._at, self._before
        self._at += len(pcm) // 2 or ROOM_FRAME_SAMPLES
        self._before = pcm
        if pcm:
            self._hear(pcm if before else fading_in(pcm), at)
        elif before:
            self._hear(fading_out(before, ROOM_FRAME_BYTES), at)
