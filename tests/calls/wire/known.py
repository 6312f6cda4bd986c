"""What the fake devices of this browser look and sound like in clear, recorded once without calls, and what is like it.

A frame is known by how it begins and how long it is, and by what a decoder makes of it. Sealed VP8 keeps its clear
bytes, so that pictures are compared as they are shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import av
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from tests.calls.wire.chromium import Page

ALIKE = 12.0
"""Mean difference of brightness, below which two pictures show the same."""
_SENDS_IN_CLEAR = """
(async () => {
  const devices = await navigator.mediaDevices.getUserMedia({
    audio: true, video: { width: 640, height: 360, frameRate: 20 },
  });
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  const codecs = { audio: ['audio/opus'], video: ['video/VP8', 'video/rtx'] };
  for (const track of [...devices.getAudioTracks(), ...devices.getVideoTracks()]) {
    const transceiver = pc.addTransceiver(track, { direction: 'sendonly' });
    const all = RTCRtpReceiver.getCapabilities(track.kind).codecs;
    transceiver.setCodecPreferences(all.filter(({ mimeType }) => codecs[track.kind].includes(mimeType)));
  }
  const tell = (signal) => window.told({ told: 'signal', signal: { to: 1, pc: 1, ...signal } });
  pc.onicecandidate = ({ candidate }) => candidate?.candidate && tell({ t: 'cand', cands: [candidate.candidate] });
  await pc.setLocalDescription();
  tell({ t: 'desc', role: 'offer', sdp: pc.localDescription.sdp });
  window.hear = async ({ t, sdp, cands }) => {
    if (t === 'desc') await pc.setRemoteDescription({ type: 'answer', sdp });
    else for (const candidate of cands ?? []) await pc.addIceCandidate({ candidate, sdpMLineIndex: 0 });
  };
})()
"""


async def send_in_clear(page: Page) -> None:
    """The page sends its devices to leaf 1 as any page does that knows nothing of transforms; `window.hear` signals."""
    await page.run(_SENDS_IN_CLEAR)


def loudness(frames: Iterable[bytes]) -> float:
    """The loudest of what Opus makes of these frames: root mean square of one of them, 0..1."""
    decoder = av.CodecContext.create("libopus", "r")
    loudest = 0.0
    for frame in frames:
        try:
            decoded = decoder.decode(Packet(frame))
        except FFmpegError:
            continue
        for sound in decoded:
            values = memoryview(bytes(sound.planes[0])[: sound.samples * sound.layout.nb_channels * 2]).cast("h")
            loudest = max(loudest, math.sqrt(sum(value * value for value in values) / max(1, len(values))) / 32_768)
    return loudest


def pictures(frames: Iterable[bytes]) -> list[tuple[int, ...]]:
    """What VP8 makes of these frames, each as 16 x 9 values of brightness; frames that show nothing leave none."""
    decoder = av.CodecContext.create("libvpx", "r")
    found = []
    for frame in frames:
        try:
            decoded = decoder.decode(Packet(frame))
        except FFmpegError:
            continue
        found += [_thumbnail(one) for one in decoded if isinstance(one, VideoFrame)]
    return found


def _thumbnail(picture: VideoFrame) -> tuple[int, ...]:
    plane = picture.planes[0]
    data, width, height = bytes(plane), plane.line_size, picture.height
    return tuple(
        data[(2 * row + 1) * height // 18 * width + (2 * column + 1) * picture.width // 32]
        for row in range(9)
        for column in range(16)
    )


@dataclass(frozen=True, slots=True)
class Known:
    """The devices in clear. begins: first bytes of their Opus frames. sizes: of those. shown: pictures."""

    begins: frozenset[int]
    sizes: frozenset[int]
    shown: Sequence[tuple[int, ...]]

    @classmethod
    def of(cls, audio: Sequence[bytes], video: Sequence[bytes]) -> Known:
        """From a recording."""
        return cls(frozenset(one[0] for one in audio), frozenset(map(len, audio)), pictures(video))

    def is_sound(self, frame: bytes) -> bool:
        """Whether a frame begins as one of the microphone does."""
        return frame[0] in self.begins

    def is_shown(self, picture: tuple[int, ...]) -> bool:
        """Whether this is a picture of the camera, and not the dark of a dummy or of nothing."""
        return max(picture) > 200 and min(_distance(picture, one) for one in self.shown) < ALIKE


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)
