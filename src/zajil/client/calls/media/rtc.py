"""WebRTC by aiortc: one connection that sends voice, or one that hears it, and neither in clear.

aiortc has no hook between codec and packet, so sealing goes around it:

- Sending: the track gives packets instead of sound. aiortc passes those on as they are, so what it gets is sealed
  already. Before a packet enters SRTP it is compared with what was sealed; anything else is dropped, and `alarm` is
  called. That guard replaces a method of the connection's DTLS transport.
- Hearing: `aiortc.rtcrtpreceiver.get_decoder` is replaced for the whole process. A decoder is found by the codec object
  of its connection, and one that belongs to no connection of ours hears nothing.

Both touch what aiortc does not promise, so its version is pinned, and tests look at what leaves. One connection has one
direction: a call has two with each peer (Chromium sends in clear where one carries both).
Source: docs/protocol/call-media.md, docs/decisions/0009-aiortc.md; aiortc 1.16.0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from aiortc import (
    AudioStreamTrack,
    InvalidStateError,
    RTCConfiguration,
    RTCIceServer,
    RTCOutboundRtpStreamStats,
    RTCPeerConnection,
    RTCRemoteInboundRtpStreamStats,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
    rtcrtpreceiver,
)
from aiortc.codecs.base import Decoder
from aiortc.exceptions import InternalError, InvalidAccessError, OperationError
from aiortc.jitterbuffer import JitterFrame
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcconfiguration import RTCBundlePolicy, RTCIceTransportPolicy
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket, is_rtcp
from aiortc.sdp import candidate_from_sdp
from av.frame import Frame
from av.packet import Packet
from av.stream import Stream

from zajil.client.calls.keys import CounterSpent
from zajil.client.calls.media import sdp
from zajil.client.calls.media.sound import FRAME_MS, FRAME_SAMPLES
from zajil.client.calls.media.voice import TIME_BASE, HeardVoice, SealedVoice

LEAVING_S: Final = 2.0
"""How long a relay has to answer that an allocation is given up: three questions and a slow round trip."""
GATHERING_S: Final = 6.0
"""How long a closing waits for what is being gathered. aioice gives up a relay after 5 s."""
Rung: TypeAlias = Literal["direct", "relay-udp", "relay-tcp", "relay-tls"]
_OPUS: Final = [codec for codec in RTCRtpSender.getCapabilities("audio").codecs if codec.mimeType == "audio/opus"]
# Its parsers index, assert and call `next` on what a peer wrote; StopIteration leaves a coroutine as RuntimeError.
_AIORTC_RAISES: Final = (
    *(ValueError, LookupError, AttributeError, AssertionError, RuntimeError, TypeError),
    *(InternalError, InvalidAccessError, InvalidStateError, OperationError),
)


class BadDescription(Exception):
    """An SDP or a candidate that aiortc cannot use: of a peer, so it is dropped and counted."""


@dataclass(frozen=True, slots=True)
class Relay:
    """One TURN server. url: `turn:H:P?transport=udp|tcp` or `turns:H:P?transport=tcp`."""

    url: str
    username: str
    credential: str

    @property
    def host(self) -> str:
        """Its name or address."""
        return self.url.split(":")[1]

    @property
    def rung(self) -> Rung:
        """What a link by it is called."""
        if self.url.startswith("turns:"):
            return "relay-tls"
        return "relay-tcp" if self.url.endswith("transport=tcp") else "relay-udp"


@dataclass(frozen=True, slots=True)
class Route:
    """What ICE may use. relay_only: no address of this machine is gathered or tried."""

    relay: Relay | None
    relay_only: bool


def _connection(route: Route) -> RTCPeerConnection:
    relay = route.relay
    # Never None: aiortc would then ask a STUN server of its own choice for our address.
    servers = [] if relay is None else [RTCIceServer(relay.url, relay.username, relay.credential)]
    policy = RTCIceTransportPolicy.RELAY if route.relay_only else RTCIceTransportPolicy.ALL
    return RTCPeerConnection(RTCConfiguration(servers, policy, RTCBundlePolicy.MAX_BUNDLE))


class _SealedTrack(AudioStreamTrack):
    """Sealed frames as a track of packets, one every 20 ms."""

    def __init__(self, voice: SealedVoice, spent: Callable[[], None]) -> None:
        super().__init__()
        self._voice, self._spent = voice, spent
        self._began: float | None = None
        self._frames = 0

    async def recv(self) -> Packet[Stream]:  # type: ignore[override]  # aiortc's senders take packets from any track
        while True:
            await self._wait_for_turn()
            try:
                frame = self._voice.next_frame()
            except CounterSpent:
                self._spent()
                raise MediaStreamError from None
            if frame is not None:
                packet = Packet(frame)
                packet.pts = (self._frames - 1) * FRAME_SAMPLES
                packet.time_base = TIME_BASE
                return packet

    async def _wait_for_turn(self) -> None:
        """Until the next frame's time. A loop that was held up for long does not send all it missed at once."""
        if self.readyState != "live":
            raise MediaStreamError
        now = asyncio.get_running_loop().time()
        if self._began is None:
            self._began = now
        due = self._began + self._frames * FRAME_MS / 1000
        if now - due > 10 * FRAME_MS / 1000:
            self._began += now - due
        await asyncio.sleep(max(0.0, due - now))
        self._frames += 1


class _HearingDecoder(Decoder):
    """In the place of aiortc's Opus decoder: gives the track nothing, and the voice every frame."""

    def __init__(self, voice: HeardVoice) -> None:
        self._voice = voice

    def decode(self, encoded_frame: JitterFrame) -> list[Frame]:
        self._voice.take(encoded_frame.data, encoded_frame.timestamp)
        return []


class _DeafDecoder(Decoder):
    """For a codec that no connection of ours negotiated."""

    def decode(self, encoded_frame: JitterFrame) -> list[Frame]:  # noqa: ARG002 - aiortc's signature
        return []


_HEARING: list[tuple[RTCRtpCodecParameters, HeardVoice]] = []


def find_decoder(codec: RTCRtpCodecParameters) -> Decoder:
    """What aiortc's decoder thread calls. By identity: every connection has codec objects of its own."""
    for known, voice in _HEARING:
        if known is codec:
            return _HearingDecoder(voice)
    return _DeafDecoder()


async def _close(pc: RTCPeerConnection, gathering: asyncio.Task[None] | None) -> None:
    """aioice lets go of a socket only once it has gathered all of them, so that a closing waits for that."""
    if gathering is not None:
        await asyncio.wait((gathering,), timeout=GATHERING_S)
        if gathering.done() and not gathering.cancelled():
            gathering.exception()  # whoever wanted it was told, or has left
    closing = asyncio.ensure_future(pc.close())
    await asyncio.wait((closing,), timeout=LEAVING_S)
    if not closing.done():
        _leave_relays(pc)
    with suppress(ConnectionError):
        await closing


def _leave_relays(pc: RTCPeerConnection) -> None:
    """End what still asks a relay to give up an allocation, which aioice would do for 36 s; it expires without."""
    for transceiver in pc.getTransceivers():
        ice = transceiver.receiver.transport.transport._connection  # noqa: SLF001 - aiortc names no relay
        for protocol in ice._protocols:  # noqa: SLF001 - likewise
            task = getattr(protocol.transport, "_TurnTransport__close_task", None)
            if task is not None:
                # It closes its socket on the way, and so everything that waits for it goes on.
                task.cancel()


async def _told_by_aiortc(step: Awaitable[None]) -> None:
    """Raises BadDescription for whatever aiortc raises on bytes of a peer that our own checks let through."""
    try:
        await step
    except _AIORTC_RAISES as bad:
        raise BadDescription(type(bad).__name__) from None


async def _add_candidates(pc: RTCPeerConnection, candidates: Sequence[str], *, done: bool) -> None:
    """Candidates `candidate:...` of the first section, which is the transport of all. TCP ones are passed over."""
    for text in candidates:
        await _told_by_aiortc(_add_candidate(pc, text))
    if done:
        await _told_by_aiortc(pc.addIceCandidate(None))


async def _add_candidate(pc: RTCPeerConnection, text: str) -> None:
    candidate = candidate_from_sdp(text.removeprefix("candidate:"))
    if candidate.protocol.lower() != "udp":
        return
    candidate.sdpMLineIndex = 0
    await pc.addIceCandidate(candidate)


def _rung(transceiver: RTCRtpTransceiver, route: Route) -> Rung | None:
    """The rung of the pair in use; None before there is one."""
    ice = transceiver.receiver.transport.transport._connection  # noqa: SLF001 - aiortc's stats name no pair
    pair = ice._nominated.get(1)  # noqa: SLF001 - likewise
    if pair is None:
        return None
    relayed = pair.local_candidate.type == "relay" and route.relay is not None
    return route.relay.rung if relayed and route.relay is not None else "direct"


class SendingPeer:
    """A connection that sends one voice. It makes the offer.

    alarm: called once, at the first packet that would have left and was not sealed by `voice`; nothing leaves from then
    on. spent: called when the voice's counters are used up.
    """

    def __init__(
        self, voice: SealedVoice, route: Route, *, alarm: Callable[[], None], spent: Callable[[], None]
    ) -> None:
        self.voice, self._route, self._alarm = voice, route, alarm
        self._pc = _connection(route)
        self._transceiver = self._pc.addTransceiver(_SealedTrack(voice, spent), direction="sendonly")
        self._transceiver.setCodecPreferences(_OPUS)
        self.left = 0
        """Media packets that left."""
        self.rtt_ms = 0.0
        """Of the last report that the peer sent; 0 before one came."""
        self.refused = 0
        """Media packets that were not sealed, and did not leave."""
        self._gathering: asyncio.Task[None] | None = None
        self._guard()

    def _guard(self) -> None:
        transport = self._transceiver.sender.transport
        send = transport._send_rtp  # noqa: SLF001 - the last place before SRTP; aiortc has no public one
        no_extensions = HeaderExtensionsMap()

        async def send_sealed(data: bytes) -> None:
            if is_rtcp(data):
                await send(data)
                return
            if self.refused or not self.voice.is_ours(RtpPacket.parse(data, no_extensions).payload):
                self.refused += 1
                if self.refused == 1:
                    self._alarm()
                return
            self.left += 1
            await send(data)

        transport._send_rtp = send_sealed  # type: ignore[method-assign]  # noqa: SLF001 - as above

    @property
    def state(self) -> str:
        """`new`, `connecting`, `connected`, `failed` or `closed`."""
        return str(self._pc.connectionState)

    @property
    def rung(self) -> Rung | None:
        return _rung(self._transceiver, self._route)

    @property
    def host(self) -> str:
        """Of the relay in use, empty without one."""
        return "" if self._route.relay is None or self.rung in (None, "direct") else self._route.relay.host

    async def offer(self) -> tuple[str, list[str]]:
        """The offer without candidates, and all of them. Gathers, which takes as long as the relay does."""
        self._gathering = asyncio.create_task(self._pc.setLocalDescription())
        await asyncio.shield(self._gathering)
        return sdp.our_description(self._pc.localDescription.sdp)

    async def take_answer(self, answer: str) -> None:
        """The peer's answer, which passed `protocol.calls.sdp`. Raises BadDescription."""
        await _told_by_aiortc(
            self._pc.setRemoteDescription(RTCSessionDescription(sdp.peer_answer(answer), type="answer"))
        )

    async def add_candidates(self, candidates: Sequence[str], *, done: bool) -> None:
        """The peer's, after its answer. Raises BadDescription."""
        await _add_candidates(self._pc, candidates, done=done)

    async def packets_sent(self) -> int:
        """As aiortc counts them: for the watch, which trusts no guard."""
        report = await self._transceiver.sender.getStats()
        for row in report.values():
            if isinstance(row, RTCRemoteInboundRtpStreamStats) and row.roundTripTime is not None:
                self.rtt_ms = 1_000 * row.roundTripTime
        return sum(row.packetsSent for row in report.values() if isinstance(row, RTCOutboundRtpStreamStats))

    async def close(self) -> None:
        """Send nothing more. Once is enough."""
        await _close(self._pc, self._gathering)


class HearingPeer:
    """A connection that hears one voice. It answers an offer."""

    def __init__(self, voice: HeardVoice) -> None:
        rtcrtpreceiver.get_decoder = find_decoder  # type: ignore[attr-defined]  # a name that aiortc imported there
        self.voice = voice
        self._pc: RTCPeerConnection | None = None
        self._audio: RTCRtpTransceiver | None = None
        self._route: Route | None = None
        self._gathering: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def state(self) -> str:
        """`new`, `connecting`, `connected`, `failed` or `closed`."""
        if self._closed:
            return "closed"
        return "new" if self._pc is None else str(self._pc.connectionState)

    @property
    def rung(self) -> Rung | None:
        return None if self._audio is None or self._route is None else _rung(self._audio, self._route)

    async def answer(self, offer: str, route: Route) -> tuple[str, list[str]]:
        """The answer without candidates, and all of them. Once.

        offer: passed `protocol.calls.sdp`. Raises BadDescription, also where it was closed in the meantime.
        """
        if self._closed:
            raise BadDescription("closed")
        self._route, self._pc = route, _connection(route)
        text = sdp.peer_offer(offer)
        await _told_by_aiortc(self._pc.setRemoteDescription(RTCSessionDescription(text, type="offer")))
        for transceiver in self._pc.getTransceivers():
            if transceiver.kind == "audio":
                self._audio = transceiver
            else:
                transceiver.direction = "inactive"
        if self._audio is None:
            raise BadDescription("no audio")
        # Before the connection can start, so that no decoder is asked for earlier.
        _HEARING.extend((codec, self.voice) for codec in self._audio._codecs)  # noqa: SLF001 - see `find_decoder`
        self._gathering = asyncio.create_task(self._pc.setLocalDescription())
        await _told_by_aiortc(asyncio.shield(self._gathering))
        return sdp.our_description(self._pc.localDescription.sdp)

    async def add_candidates(self, candidates: Sequence[str], *, done: bool) -> None:
        """The peer's, after its offer. Raises BadDescription."""
        if self._pc is not None:
            await _add_candidates(self._pc, candidates, done=done)

    async def close(self) -> None:
        """Hear nothing more. Once is enough."""
        self._closed = True
        if self._pc is not None:
            await _close(self._pc, self._gathering)
        _HEARING[:] = [(codec, voice) for codec, voice in _HEARING if voice is not self.voice]
