"""Voice between sound and sealed frames: Opus at a constant rate, then SFrame, and back.

The two halves of a link meet no WebRTC here. What leaves `SealedVoice` is sealed already, so nothing behind it ever
holds a frame in clear; what `HeardVoice` cannot open goes nowhere. Both count, and a link's watch compares.

Needs `av` (extra `zajil[calls]`), whose libopus does the coding.
Source: docs/protocol/call-media.md; RFC 6716, RFC 6562.
"""

from __future__ import annotations

import fractions
from collections.abc import Callable
from typing import Final, Literal

import av
from av import AudioFrame, CodecContext
from av.audio.codeccontext import AudioCodecContext
from av.packet import Packet

from zajil.client.calls.frames import Codec, open_frame, seal_frame
from zajil.client.calls.keys import NoKey, Opener, Sealer
from zajil.client.calls.media.sound import FRAME_MS, QUIET_FRAME, SAMPLE_RATE, Source
from zajil.client.calls.sframe import FrameDropped

TIME_BASE: Final = fractions.Fraction(1, SAMPLE_RATE)
BIT_RATE: Final = 32_000
BIT_RATE_TCP: Final = 24_000
BIT_RATE_FLOOR: Final = 16_000
LOSS_PCT: Final = 10
"""Of packets on UDP, as the encoder is told. Within a stream none gets lost."""
FEC_LEAST: Final = BIT_RATE
"""Below it nothing is spent on the packet before: libopus has too little left, and a steady tone becomes near silence
for seconds (level 126 of 5,000 at 24 kbit/s, and holes at 28)."""
# A decoder may give more than 20 ms for a frame of a peer that speaks in longer ones; RFC 6716 ends at 120.
_HELD_FRAMES = 64


def _codec(mode: Literal["r", "w"]) -> AudioCodecContext:
    codec = CodecContext.create("libopus", mode)
    codec.format = av.AudioFormat("s16")
    codec.layout = av.AudioLayout("mono")
    codec.sample_rate = SAMPLE_RATE
    return codec


class OpusEncoder:
    """20 ms of sound to one packet, or 40, all packets of one size (RFC 6562: sizes say nothing about speech).

    loss_pct: what of it may get lost on its way. Above 0, and from FEC_LEAST on, bits of each packet are spent on the
    one before it.
    """

    def __init__(self, bit_rate: int, *, frame_ms: int = FRAME_MS, loss_pct: int = LOSS_PCT) -> None:
        self.bit_rate = bit_rate
        self._samples = SAMPLE_RATE * frame_ms // 1000
        self._codec = _codec("w")
        self._codec.bit_rate = bit_rate
        self._codec.time_base = TIME_BASE
        fec = loss_pct > 0 and bit_rate >= FEC_LEAST
        self._codec.options = {
            "application": "voip",
            "vbr": "off",
            "dtx": "0",
            "fec": str(int(fec)),
            "packet_loss": str(loss_pct if fec else 0),
            "frame_duration": str(frame_ms),
        }
        self._at = 0

    def encode(self, pcm: bytes) -> bytes:
        """One packet. pcm: 1,920 bytes for 20 ms."""
        frame = AudioFrame(format="s16", layout="mono", samples=self._samples)
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = TIME_BASE
        frame.pts = self._at
        frame.planes[0].update(pcm)
        self._at += self._samples
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))


class OpusDecoder:
    """One packet to the sound in it."""

    def __init__(self) -> None:
        self._codec = _codec("r")

    def decode(self, packet: bytes) -> bytes:
        """int16 mono at 48 kHz; empty where libopus cannot read the packet."""
        if not packet:
            # To FFmpeg it is the end of the stream, and the decoder would be silent about all that follows.
            return b""
        held = Packet(packet)
        held.time_base = TIME_BASE
        try:
            return b"".join(bytes(frame.planes[0])[: 2 * frame.samples] for frame in self._codec.decode(held))
        except av.FFmpegError:
            return b""


class SealedVoice:
    """The sending half of a link: sealed frames of 20 ms, silence until `open_to` names what may be heard."""

    def __init__(
        self, sealer: Sealer, *, now_ms: Callable[[], int], bit_rate: int = BIT_RATE, loss_pct: int = LOSS_PCT
    ) -> None:
        self._sealer, self._now_ms, self._loss_pct = sealer, now_ms, loss_pct
        self._encoder = OpusEncoder(bit_rate, loss_pct=loss_pct)
        self._source: Source | None = None
        self._recent: list[bytes] = []

    @property
    def sealed(self) -> int:
        """Frames so far."""
        return self._sealer.sealed

    def open_to(self, source: Source | None) -> None:
        """Send this from now on; None: silence again. Only after the peer's `got`."""
        self._source = source

    def set_bit_rate(self, bit_rate: int) -> None:
        """Another constant rate from the next frame on."""
        if bit_rate != self._encoder.bit_rate:
            self._encoder = OpusEncoder(bit_rate, loss_pct=self._loss_pct)

    def next_frame(self) -> bytes | None:
        """The next sealed frame; None where there is no key, and nothing may be sent.

        Raises CounterSpent.
        """
        pcm = QUIET_FRAME if self._source is None else self._source.read()
        try:
            frame = seal_frame(
                self._sealer, self._encoder.encode(pcm), Codec.OPUS, key_frame=False, now_ms=self._now_ms()
            )
        except (NoKey, FrameDropped):
            return None
        self._recent = [*self._recent[1 - _HELD_FRAMES :], frame]
        return frame

    def is_ours(self, payload: bytes) -> bool:
        """Whether this is one of the newest 64 frames that were sealed here."""
        return payload in self._recent


class HeardVoice:
    """The receiving half of a link: opens frames, gives their sound away, and keeps the counts of the watch.

    `take` is called in a decoder's thread, all else in the loop's; what `take` leaves are plain numbers.
    """

    def __init__(self, opener: Opener, *, now_ms: Callable[[], int], hear: Callable[[bytes, int], None]) -> None:
        self._opener, self._now_ms, self._hear = opener, now_ms, hear
        self._decoder = OpusDecoder()
        self.seen = 0
        """Frames that arrived, opened or not."""
        self.first_seen_ms = 0
        self.opened = 0
        self.opened_at_ms: int | None = None
        self.newest_at = 0
        """RTP timestamp of the newest frame that opened."""
        self.wrong_in_a_row = 0
        """Frames since the last good one that were sealed by nobody we know, with their key at hand."""
        self.dropped: dict[str, int] = {}

    def take(self, frame: bytes, at: int) -> None:
        """Open a frame and hand its sound on. at: its RTP timestamp, in samples. Raises nothing for a bad frame."""
        now = self._now_ms()
        self.first_seen_ms = self.first_seen_ms if self.seen else now
        self.seen += 1
        try:
            packet = open_frame(self._opener, frame, Codec.OPUS, key_frame=False, now_ms=now)
        except FrameDropped as dropped:
            self.dropped[dropped.reason] = self.dropped.get(dropped.reason, 0) + 1
            # A late key and a frame of no bytes are no attack.
            self.wrong_in_a_row += dropped.reason not in ("empty", "unknown-key", "replayed")
            return
        self.opened += 1
        self.opened_at_ms = now
        self.newest_at = max(self.newest_at, at)
        self.wrong_in_a_row = 0
        self._hear(self._decoder.decode(packet), at)
