"""Two members of a chat and the media of a call between them: real WebRTC on this machine, signals as on the wire."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from zajil.client.calls.keys import KeyRing
from zajil.client.calls.media.attempts import Incoming, Outgoing
from zajil.client.calls.media.links import Links, Means
from zajil.client.calls.media.rtc import Relay
from zajil.client.calls.media.sound import SAMPLE_RATE, Sink, Source, Tone
from zajil.client.calls.ports import LinkSignal
from zajil.client.calls.showing import Measure
from zajil.client.calls.way import OpenMedia
from zajil.protocol.calls.signals import Desc, encode_signal, parse_signal

CALL = bytes(range(16))
KEYS = [bytes([number]) * 16 for number in range(1, 9)]
PATIENCE_S = 20


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


async def until(holds: Callable[[], object]) -> None:
    """Wait for real media; how long it takes is not judged."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event to wait on
            await asyncio.sleep(0.01)


class Ear:
    """A sink that keeps what it heard, and tells how much of it is the tone of 440 Hz."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, bytes]] = []

    def write(self, pcm: bytes, at: int) -> None:
        self.frames.append((at, pcm))

    def hears_tone(self) -> bool:
        """Whether the newest frame is the tone and little else."""
        return bool(self.frames) and tone_share(self.frames[-1][1]) > 0.8

    def missing(self, since: int) -> int:
        """Frames that did not come between the one at index `since` and the newest."""
        places = [at for at, _ in self.frames[since:]]
        return (places[-1] - places[0]) // 960 + 1 - len(places)


def tone_share(pcm: bytes) -> float:
    """Energy at 440 Hz by all energy, 0..1 (Goertzel); 0 for silence."""
    samples = memoryview(pcm).cast("h")
    energy = sum(sample * sample for sample in samples)
    if energy < len(samples) * 100:
        return 0.0
    turn = 2 * math.cos(2 * math.pi * 440 / SAMPLE_RATE)
    last, before = 0.0, 0.0
    for sample in samples:
        last, before = sample + turn * last - before, last
    power = last * last + before * before - turn * last * before
    return 2 * power / (len(samples) * energy)


class Member:
    """One device: links, keys, and a mouth and an ear for each peer."""

    def __init__(
        self,
        leaf: int,
        *,
        source: Callable[[], Source] = Tone,
        relays: Sequence[Relay] = (),
        relay_only: bool = False,
        sink: Sink | None = None,
        open_media: OpenMedia | None = None,
    ) -> None:
        self.leaf, self.relay_only = leaf, relay_only
        self.ring = KeyRing()
        self.ear = Ear()
        self.sink = sink
        self.sent: list[LinkSignal] = []
        self.ups: list[int] = []
        self.downs: list[int] = []
        self.alarms: list[int] = []
        self.shut: list[int] = []
        self.measures: list[Measure] = []
        self.routeless: list[int] = []
        self.others: dict[int, Member] = {}
        self.deaf_to: Callable[[LinkSignal], bool] = lambda _: False
        self._source, self._relays = source, relays
        self._next_pc = 1_000 * leaf
        self.links = Links(
            Means(
                call=CALL,
                leaf=leaf,
                ring=self.ring,
                next_pc=self._take_pc,
                relays=self._find_relays,
                sound=lambda _: (self._source(), self.sink or self.ear),
                now_ms=now_ms,
                open_media=open_media,
            ),
            self,
        )

    def _take_pc(self) -> int:
        self._next_pc += 2
        return self._next_pc

    async def _find_relays(self) -> Sequence[Relay]:
        return self._relays

    def add(self, epoch: int, *, removed: bool = False, key: bytes | None = None) -> None:
        self.ring.add(epoch, KEYS[epoch] if key is None else key, removed=removed, now_ms=now_ms())

    # what the links tell

    def local_signal(self, signal: LinkSignal) -> None:
        self.sent.append(signal)
        heard = parse_signal(encode_signal(signal))
        assert heard == signal
        other = self.others.get(signal.to)
        if other is not None and not other.deaf_to(signal):
            other.links.hear(self.leaf, signal)

    def link_up(self, leaf: int) -> None:
        self.ups.append(leaf)

    def link_down(self, leaf: int) -> None:
        self.downs.append(leaf)

    def no_route(self, leaf: int) -> None:
        self.routeless.append(leaf)

    def measured(self, leaf: int, measure: Measure) -> None:
        self.measures.append(measure)

    def alarm(self, leaf: int) -> None:
        self.alarms.append(leaf)

    def unopened(self, leaf: int) -> None:
        self.shut.append(leaf)

    # what tests ask

    def carrying(self) -> Outgoing:
        """The attempt of ours that carries, by WebRTC."""
        (peer,) = self.links._peers.values()
        assert isinstance(peer.carrying, Outgoing)
        return peer.carrying

    def sending(self) -> tuple[int, int, int]:
        """Sealed, left and refused, of the attempt that won."""
        one = self.carrying()
        return one.voice.sealed, one.peer.left, one.peer.refused

    def hearing(self) -> tuple[int, int, dict[str, int]]:
        """Seen, opened and dropped, of the attempt that plays."""
        (peer,) = self.links._peers.values()
        one = peer.incoming[peer.playing or 0]
        assert isinstance(one, Incoming)
        return one.voice.seen, one.voice.opened, one.voice.dropped

    def outgoing(self) -> list[Outgoing]:
        """All attempts of ours by WebRTC."""
        return [
            one for peer in self.links._peers.values() for one in peer.outgoing.values() if isinstance(one, Outgoing)
        ]

    def incoming(self) -> list[Incoming]:
        """All attempts of peers by WebRTC."""
        return [
            one for peer in self.links._peers.values() for one in peer.incoming.values() if isinstance(one, Incoming)
        ]

    def rungs(self) -> tuple[str | None, str | None]:
        """Of what it sends, and of what it hears."""
        (peer,) = self.links._peers.values()
        return self.carrying().rung, peer.incoming[peer.playing or 0].rung

    def descriptions(self) -> list[str]:
        return [signal.sdp for signal in self.sent if isinstance(signal, Desc)]


def talk(one: Member, other: Member) -> None:
    """Both take up the call."""
    one.others[other.leaf], other.others[one.leaf] = other, one
    one.links.open_link(other.leaf, relay_only=one.relay_only)
    other.links.open_link(one.leaf, relay_only=other.relay_only)


@asynccontextmanager
async def call(one: Member, other: Member, *, epoch: int = 1) -> AsyncIterator[tuple[Member, Member]]:
    """A call of two that hear each other's tone; closed at the end."""
    try:
        for member in (one, other):
            member.add(epoch)
        talk(one, other)
        yield one, other
    finally:
        await asyncio.gather(one.links.close(), other.links.close())
