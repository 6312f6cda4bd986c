"""What is known of one peer of a call: its attempts in both directions, which of them counts, and the rungs left."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from zajil.client.calls.media.attempts import Incoming, Outgoing
from zajil.client.calls.media.rtc import Relay, Route
from zajil.client.calls.media.sound import FRAME_MS, FRAME_SAMPLES, Sink, Switch
from zajil.client.calls.showing import Measure
from zajil.protocol.calls.ladder import Kind, Ladder
from zajil.protocol.calls.quality import Sample

Counts: TypeAlias = "int | str | bool | list[Counts] | dict[str, Counts] | None"
"""What JSON can hold."""
BUFFER_MS: Final = 80
"""aiortc's audio buffer gives a frame away when four later ones are there."""
UDP_ANSWER_S: Final = 0.5
"""So long an answer waits for a relay to answer over UDP."""


@dataclass(slots=True)
class Peer:
    """Everything with one leaf. Times are milliseconds of the call's clock.

    outgoing, incoming: by `pc`. playing: the attempt of the peer's that is listened to. udp_answers: the
    relay gave us an address over UDP. up_after_ms: from `open_link`
    to the first time both directions were there. measured: what was heard a second ago, see `measure`.
    """

    leaf: int
    relay_only: bool
    source: Switch
    sink: Sink
    opened_ms: int
    ladder: Ladder = field(default_factory=Ladder)
    outgoing: dict[int, Outgoing] = field(default_factory=dict)
    incoming: dict[int, Incoming] = field(default_factory=dict)
    playing: int | None = None
    udp_answers: asyncio.Event = field(default_factory=asyncio.Event)
    up: bool = False
    up_after_ms: int | None = None
    downs: int = 0
    measured: tuple[int, int, int] | None = None

    @property
    def carrying(self) -> Outgoing | None:
        """The attempt of ours that the peer hears, or heard last."""
        number = None if self.ladder.carrying is None else self.ladder.carrying.number
        return next((one for one in self.outgoing.values() if one.number == number), None)

    def wants(self, number: int) -> bool:
        """Whether the ladder still has this attempt."""
        return any(one.number == number for one in self.ladder.attempts)

    def is_proved(self) -> bool:
        """Whether we hear it, and it hears us."""
        return self.ladder.flows and any(one.proved for one in self.incoming.values())

    def choose_playing(self) -> None:
        """Where the one that played is gone: any other that is heard."""
        current = self.incoming.get(-1 if self.playing is None else self.playing)
        if current is None or not current.proved:
            self.playing = next((one.pc for one in self.incoming.values() if one.proved), None)

    def decide_answering_route(self, relays: Sequence[Relay]) -> Route | None:
        """What to answer an offer with; None where the policy leaves nothing.

        aioice speaks to one relay a connection, so it should be one that answers: over UDP if our own attempt got an
        address there, else over TLS or TCP.
        """
        udp, stream = split_relays(relays)
        relay = udp if self.udp_answers.is_set() or stream is None else stream
        return None if self.relay_only and relay is None else Route(relay, relay_only=self.relay_only)

    async def wait_for_udp(self, relays: Sequence[Relay]) -> None:
        """Until it is known that the relay answers over UDP, where that is a question; not for long."""
        udp, stream = split_relays(relays)
        if udp is not None and stream is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(UDP_ANSWER_S):
                    await self.udp_answers.wait()

    def measure(self) -> Measure:
        """How the link is, since this was called last.

        Sound never pauses here, so what is missing between two RTP timestamps was lost.
        """
        sends, hears = self.carrying, self.incoming.get(-1 if self.playing is None else self.playing)
        before, sample = self.measured, None
        self.measured = None
        if hears is not None:
            self.measured = (hears.pc, hears.voice.newest_at // FRAME_SAMPLES, hears.voice.opened)
        if self.measured is not None and before is not None and before[0] == self.measured[0]:
            total = self.measured[1] - before[1]
            lost = max(0, total - (self.measured[2] - before[2]))
            rtt_ms = 0.0 if sends is None else sends.peer.rtt_ms
            sample = Sample(lost, total, rtt_ms, BUFFER_MS, FRAME_MS)
        return Measure(
            sample,
            sealed=0 if sends is None else sends.voice.sealed,
            opened=0 if hears is None else hears.voice.opened,
            rung="" if sends is None else sends.rung or "",
            host="" if sends is None else sends.host,
            tries=self.ladder.tries,
        )

    def counts(self) -> Counts:
        """Numbers alone: no name and no address."""
        sends: list[Counts] = [
            {
                "pc": one.pc,
                "rung": one.rung,
                "carries": one is self.carrying,
                "sealed": one.voice.sealed,
                "left": one.peer.left,
                "refused": one.peer.refused,
            }
            for one in self.outgoing.values()
        ]
        hears: list[Counts] = [
            {
                "pc": one.pc,
                "rung": one.rung,
                "plays": one.pc == self.playing,
                "seen": one.voice.seen,
                "opened": one.voice.opened,
                "dropped": dict(one.voice.dropped),
            }
            for one in self.incoming.values()
        ]
        state: dict[str, Counts] = {"leaf": self.leaf, "up": self.up, "up_after_ms": self.up_after_ms}
        return {**state, "downs": self.downs, "sends": sends, "hears": hears}


def split_relays(relays: Sequence[Relay]) -> tuple[Relay | None, Relay | None]:
    """The best one over UDP, and the best one over a stream: TLS before TCP. aioice knows one relay a connection."""
    by_rung = {relay.rung: relay for relay in reversed(relays)}
    return by_rung.get("relay-udp"), by_rung.get("relay-tls") or by_rung.get("relay-tcp")


def decide_kinds(relays: Sequence[Relay], *, relay_only: bool) -> tuple[Kind, ...]:
    """The kinds of attempts that the policy and the relays leave."""
    kinds: tuple[Kind, ...] = ("A", "B")
    return tuple(kind for kind in kinds if decide_route(kind, relays, relay_only=relay_only) is not None)


def decide_route(kind: Kind, relays: Sequence[Relay], *, relay_only: bool) -> Route | None:
    """A: direct where that is allowed, and the relay over UDP. B: the relay over a stream. None: there is none."""
    udp, stream = split_relays(relays)
    if kind == "A":
        return None if relay_only and udp is None else Route(udp, relay_only=relay_only)
    return None if kind == "C" or stream is None else Route(stream, relay_only=True)
