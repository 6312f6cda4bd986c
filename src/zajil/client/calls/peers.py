"""What is known of one peer of a call: its attempts in both directions, which of them counts, and the rungs left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from zajil.client.calls.attempts import Incoming, Outgoing
from zajil.client.calls.rtc import Relay, Route
from zajil.client.calls.sound import Sink, Source

Counts: TypeAlias = "int | str | bool | list[Counts] | dict[str, Counts] | None"
"""What JSON can hold."""


@dataclass(slots=True)
class Peer:
    """Everything with one leaf. Times are milliseconds of the call's clock.

    rungs: routes of this round not tried yet, best first. winner: the attempt of ours that the peer hears. playing: the
    attempt of the peer's that is listened to. up_after_ms: from `open_link` to the first time both were there.
    """

    leaf: int
    relay_only: bool
    source: Source
    sink: Sink
    opened_ms: int
    rungs: list[Route] = field(default_factory=list)
    next_rung_ms: int | None = None
    outgoing: dict[int, Outgoing] = field(default_factory=dict)
    incoming: dict[int, Incoming] = field(default_factory=dict)
    winner: int | None = None
    playing: int | None = None
    up: bool = False
    up_after_ms: int | None = None
    downs: int = 0
    asking: bool = False

    def is_proved(self) -> bool:
        """Whether we hear it, and it hears us."""
        return self.winner is not None and any(one.proved for one in self.incoming.values())

    def choose_playing(self) -> None:
        """Where the one that played is gone: any other that is heard."""
        current = self.incoming.get(-1 if self.playing is None else self.playing)
        if current is None or not current.proved:
            self.playing = next((one.pc for one in self.incoming.values() if one.proved), None)

    def decide_answering_route(self, relays: Sequence[Relay]) -> Route | None:
        """What to answer the next offer with; None where the policy leaves nothing.

        The peer's first attempt of a round goes by UDP and its second by TLS or TCP. We cannot see which one an offer
        is, so while one of them is open by UDP, the next gets the other relay.
        """
        udp, stream = split_relays(relays)
        by_udp = any(one.by_udp and not one.proved for one in self.incoming.values())
        relay = stream if by_udp and stream is not None else udp or stream
        return None if self.relay_only and relay is None else Route(relay, relay_only=self.relay_only)

    def counts(self) -> Counts:
        """Numbers alone: no name and no address."""
        sends: list[Counts] = [
            {
                "pc": one.pc,
                "rung": one.rung,
                "wins": one.pc == self.winner,
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


def decide_rungs(relays: Sequence[Relay], *, relay_only: bool) -> list[Route]:
    """The routes of a ladder: attempt A, direct or by a relay over UDP; attempt B, by a relay over a stream.

    Empty where the policy leaves none.
    """
    udp, stream = split_relays(relays)
    rungs = [] if relay_only and udp is None else [Route(udp, relay_only=relay_only)]
    return rungs if stream is None else [*rungs, Route(stream, relay_only=True)]
