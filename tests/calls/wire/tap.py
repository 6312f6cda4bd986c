"""A tap that ends the DTLS-SRTP of a sender in the place of its peer: it sees each RTP packet as whoever held the keys.

It answers offers as a device does, says `got` when a frame has opened, sends nothing, and keeps every packet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription, rtcrtpreceiver
from aiortc.rtcconfiguration import RTCBundlePolicy, RTCIceTransportPolicy
from aiortc.rtp import HeaderExtensionsMap, RtpPacket
from aiortc.sdp import candidate_from_sdp
from tests.calls.wire.chromium import PATIENCE_S, Told

from zajil.client.calls.media import sdp
from zajil.client.calls.media.rtc import find_decoder
from zajil.protocol.calls.sdp import RED_LINE

_NO_EXTENSIONS = HeaderExtensionsMap()
Describe: TypeAlias = Callable[[str], tuple[str, list[str]]]
"""From our whole description, what is sent of it, and the candidates apart."""


@dataclass(frozen=True, slots=True)
class Wired:
    """One RTP packet after SRTP. codec: `opus`, also for RED, `vp8` or `rtx`. extensions: raw ids of its header's."""

    codec: str
    packet: RtpPacket
    data: bytes

    @property
    def payload(self) -> bytes:
        return bytes(self.packet.payload)


@dataclass
class Line:
    """One attempt of a sender, ended here. seen: called with each packet. relay: the only way to this end, if given."""

    pc: int
    offer: str
    seen: Callable[[Line, Wired], None]
    moved: Callable[[], None]
    """The state of the connection is another one."""
    relay: RTCIceServer | None = None
    packets: list[Wired] = field(default_factory=list)
    stray: list[bytes] = field(default_factory=list)
    """What came by SRTP and is no RTP packet of a codec of the offer."""
    got: bool = False
    places: set[tuple[str, str, int]] = field(default_factory=set)
    """Type, address and port of all that this end heard of, or was reached from, until it was closed."""
    ports: set[int] = field(default_factory=set)
    """Where this end is reached."""

    def __post_init__(self) -> None:
        # aiortc would decode what comes; nothing here needs that, and its decoders complain about what is sealed.
        rtcrtpreceiver.get_decoder = find_decoder  # type: ignore[attr-defined]  # a name that aiortc imported there
        policy = RTCIceTransportPolicy.ALL if self.relay is None else RTCIceTransportPolicy.RELAY
        relays = [] if self.relay is None else [self.relay]
        self._connection = RTCPeerConnection(RTCConfiguration(relays, policy, RTCBundlePolicy.MAX_BUNDLE))
        self._connection.on("connectionstatechange", self.moved)

    async def answer(self, describe: Describe) -> tuple[str, list[str]]:
        """The answer, and our candidates."""
        text = sdp.peer_offer(self.offer)
        await self._connection.setRemoteDescription(RTCSessionDescription(text, type="offer"))
        codecs: dict[int, str] = {}
        for transceiver in self._connection.getTransceivers():
            for codec in transceiver._codecs:
                assert codec.payloadType is not None
                codecs[codec.payloadType] = codec.mimeType.partition("/")[2].lower()
        for transport in {one.receiver.transport for one in self._connection.getTransceivers()}:
            looking = self._between(transport._handle_rtp_data, codecs)
            transport._handle_rtp_data = looking  # type: ignore[assignment, method-assign]  # behind SRTP
        await self._connection.setLocalDescription()
        answer, candidates = describe(self._connection.localDescription.sdp)
        # aiortc knows no RED, and what is in it is not its business here.
        codecs |= {int(line.removeprefix(RED_LINE)): "opus" for line in answer.splitlines() if RED_LINE in line}
        return answer, candidates

    def _between(
        self, pass_on: Callable[..., Awaitable[None]], codecs: dict[int, str]
    ) -> Callable[[bytes, int], Coroutine[Any, Any, None]]:
        async def look(data: bytes, arrival_time_ms: int) -> None:
            packet = RtpPacket.parse(data, _NO_EXTENSIONS)
            codec = codecs.get(packet.payload_type)
            if codec is None:
                self.stray.append(data)
            else:
                wired = Wired(codec, packet, data)
                self.packets.append(wired)
                self.seen(self, wired)
            # To aiortc, for the reports and requests that a sender expects.
            await pass_on(data, arrival_time_ms=arrival_time_ms)

        return look

    async def add(self, candidates: list[str]) -> None:
        """Candidates of the sender."""
        for text in candidates:
            candidate = candidate_from_sdp(text.removeprefix("candidate:"))
            if candidate.protocol.lower() == "udp":
                candidate.sdpMLineIndex = 0
                await self._connection.addIceCandidate(candidate)

    @property
    def state(self) -> str:
        return str(self._connection.connectionState)

    async def close(self) -> None:
        """Ends it."""
        ice: Any = self._connection.getTransceivers()[0].receiver.transport.transport._connection
        known = [*ice.remote_candidates, *(pair.remote_candidate for pair in ice._check_list)]
        self.places |= {(one.type, one.host, one.port) for one in known}
        self.ports |= {one.port for one in ice.local_candidates}
        await self._connection.close()


class Tap:
    """Poses as the device of a leaf towards one sender. It answers with `describe`: at first as a device does.

    say: signals to the sender, with the fields that its page knows. opens: whether a packet is a frame that this device
    opens; an attempt is told `got` at the first one.
    """

    def __init__(self, leaf: int, say: Callable[[Told], Awaitable[None]], opens: Callable[[Line, Wired], bool]) -> None:
        self.leaf = leaf
        self.lines: dict[int, Line] = {}
        self.describe: Describe = sdp.our_description
        self.relay: RTCIceServer | None = None
        self._say, self._opens = say, opens
        self._changed = asyncio.Event()
        self._signals: asyncio.Queue[Told] = asyncio.Queue()
        self._tasks = {asyncio.create_task(self._listen())}

    def hear(self, signal: Told) -> None:
        """A signal of the sender."""
        if signal["to"] == self.leaf:
            self._signals.put_nowait(signal)

    async def _listen(self) -> None:
        while True:
            await self._follow(await self._signals.get())

    async def _follow(self, signal: Told) -> None:
        pc = signal["pc"]
        if signal["t"] == "desc" and signal["role"] == "offer" and pc not in self.lines:
            line = self.lines[pc] = Line(pc, signal["sdp"], self._see, self._changed.set, self.relay)
            answer, candidates = await line.answer(self.describe)
            await self._signal("desc", pc, role="answer", sdp=answer)
            await self._signal("cand", pc, cands=candidates, done=True)
        elif signal["t"] == "cand" and pc in self.lines:
            await self.lines[pc].add(signal["cands"])

    async def _signal(self, kind: str, pc: int, **fields: object) -> None:
        await self._say({"t": kind, "pc": pc, **fields})

    def _see(self, line: Line, wired: Wired) -> None:
        self._changed.set()
        if not line.got and self._opens(line, wired):
            line.got = True
            self._tasks.add(asyncio.create_task(self._signal("got", line.pc)))

    @property
    def carrying(self) -> Line:
        """The attempt that was the first to open, or the only one."""
        return next(line for line in self.lines.values() if line.got or len(self.lines) == 1)

    async def until(self, what: str, holds: Callable[[], object]) -> None:
        """Wait for packets, and for connections that come and go."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            counts = {pc: (line.state, len(line.packets), line.got) for pc, line in self.lines.items()}
            raise TimeoutError(f"the tap saw no {what}: {counts}") from None

    async def close(self) -> None:
        """Ends every connection. Raises what a signal of the sender made go wrong."""
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome
        for line in self.lines.values():
            await line.close()
