"""What is known of one peer of a call: its attempts in both directions, which of them counts, and the rungs left."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from zajil.client.calls.media.attempts import Hears, Sends
from zajil.client.calls.media.rtc import Relay, Route
from zajil.client.calls.media.sound import Sink, Switch
from zajil.client.calls.showing import Measure
from zajil.protocol.calls.ladder import Kind, Ladder
from zajil.protocol.calls.quality import Sample
from zajil.protocol.calls.winner import Winner

Counts: TypeAlias = "int | str | bool | Sequence[Counts] | Mapping[str, Counts] | None"
"""What JSON can hold."""
HANDOVER_MS: Final = 60
"""An attempt that gave nothing for this long is left for one that does."""
UDP_ANSWER_S: Final = 0.5
"""So long an answer waits for a relay to answer over UDP."""


@dataclass(slots=True)
class Peer:
    """Everything with one leaf. Times are milliseconds of the call's clock.

    outgoing, incoming: by `pc`. playing: the attempt of the peer's that is listened to. loud_ms: when it last gave
    more than silence. begun: the ladder is open. udp_answers: the relay gave us an address over UDP. up_after_ms: from
    `open_link` to the first time both directions were there. measured: what was heard a second ago, see `measure`.
    """

    leaf: int
    relay_only: bool
    source: Switch
    sink: Sink
    opened_ms: int
    ladder: Ladder = field(default_factory=Ladder)
    winner: Winner = field(default_factory=Winner)
    begun: bool = False
    outgoing: dict[int, Sends] = field(default_factory=dict)
    incoming: dict[int, Hears] = field(default_factory=dict)
    playing: int | None = None
    loud_ms: int = 0
    udp_answers: asyncio.Event = field(default_factory=asyncio.Event)
    up: bool = False
    up_after_ms: int | None = None
    downs: int = 0
    measured: tuple[int, int, int] | None = None

    @property
    def carrying(self) -> Sends | None:
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

    def takes_over(self, attempt: Hears, *, loud: bool, now_ms: int) -> bool:
        """Whether this attempt, which gives sound now, is listened to from here on. loud: it is more than silence.

        It is where the one that plays gives nothing, or the silence of an attempt that does not carry.
        """
        current = self.incoming.get(-1 if self.playing is None else self.playing)
        if current is None or current is attempt:
            return True
        last_ms = current.opened_at_ms
        stopped = last_ms is None or now_ms - last_ms >= HANDOVER_MS
        return stopped or (loud and now_ms - self.loud_ms >= HANDOVER_MS)

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
        """How the link is, since this was called last."""
        sends, hears = self.carrying, self.incoming.get(-1 if self.playing is None else self.playing)
        before, sample = self.measured, None
        self.measured = None if hears is None else (hears.pc, *hears.progress())
        if hears is not None and self.measured is not None and before is not None and before[0] == hears.pc:
            total, lost = self.measured[1] - before[1], max(0, self.measured[2] - before[2])
            buffer_ms, frame_ms = hears.pace
            sample = Sample(lost, total, 0.0 if sends is None else sends.rtt_ms, buffer_ms, frame_ms)
        return Measure(
            sample,
            sealed=0 if sends is None else sends.sealed,
            opened=0 if hears is None else hears.opened,
            rung="" if sends is None else sends.rung or "",
            host="" if sends is None else sends.host,
            tries=self.ladder.tries,
        )

    def counts(self) -> Counts:
        """Numbers alone: no name and no address."""
        sends: list[Counts] = [
            {"pc": one.pc, "rung": one.rung, "carries": one is self.carrying, **one.counts()}
            for one in self.outgoing.values()
        ]
        hears: list[Counts] = [
            {"pc": one.pc, "rung": one.rung, "plays": one.pc == self.playing, **one.counts()}
            for one in self.incoming.values()
        ]
        state: dict[str, Counts] = {"leaf": self.leaf, "up": self.up, "up_after_ms": self.up_after_ms}
        return {**state, "downs": self.downs, "sends": sends, "hears": hears}


def split_relays(relays: Sequence[Relay]) -> tuple[Relay | None, Relay | None]:
    """The best one over UDP, and the best one over a stream: TLS before TCP. aioice knows one relay a connection."""
    by_rung = {relay.rung: relay for relay in reversed(relays)}
    return by_rung.get("relay-udp"), by_rung.get("relay-tls") or by_rung.get("relay-tcp")


def decide_kinds(relays: Sequence[Relay], *, relay_only: bool, room: bool = False) -> tuple[Kind, ...]:
    """The kinds of attempts that the policy and the relays leave. room: there is a media room."""
    kinds: tuple[Kind, ...] = ("A", "B")
    found = tuple(kind for kind in kinds if decide_route(kind, relays, relay_only=relay_only) is not None)
    return (*found, "C") if room else found


def decide_route(kind: Kind, relays: Sequence[Relay], *, relay_only: bool) -> Route | None:
    """A: direct where that is allowed, and the relay over UDP. B: the relay over a stream. None: there is none."""
    udp, stream = split_relays(relays)
    if kind == "A":
        return None if relay_only and udp is None else Route(udp, relay_only=relay_only)
    return None if kind == "C" or stream is None else Route(stream, relay_only=True)
