"""The attempts of one round and what may start next. Pure; `dialer` decides, this counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple, TypedDict

from zajil.protocol.path.candidates import Candidate, Failure, Mode, same_place
from zajil.protocol.path.view import Result

STAGGER_S: Final = 0.25
PARALLEL: Final = 4
PARALLEL_HOST: Final = 2
SILENT_DIAL_S: Final = 3.0
"""A dial that hangs this long holds no place any more: where most addresses are dead, the others get their turn."""
ROUND: Final = 6
"""Candidates of one round."""
PRIVATE_AFTER_S: Final = 3.0
PRIVATE_SOONER_S: Final = 1.0
"""The same where a route ended that worked: noticing it took its 3 s already."""
PRIVATE_PLACES: Final = 2
"""Of a round: however many public ways there are, so many private bridges are in it."""
DIAL_S: Final = 12.0
"""A dial that was not reported in this time is given up; the shell's own deadline is 10 s."""
PATIENCE_S: Final = 3.0
"""Once an echo stopped, dials that are older than this are not waited for."""
ECHO_BYTES: Final = 24_576
ECHO_PAUSE_S: Final = 3.0
ECHO_S: Final = 15.0
FREEZE_BYTES: Final = 4_096
"""An echo or a carrier that stops with less than this was cut for another reason."""
FREEZE_MOST_BYTES: Final = 65_536


class Shown(TypedDict):
    """Fields of `view.Try`."""

    result: Result
    stage: str
    reason: str
    connect_ms: int
    usable_ms: int
    echo_bytes: int
    echo_ms: int
    mode: Mode
    in_outage: bool


class Phase(Enum):
    """How far an attempt is. STOPPED: its echo stood still after 4 KiB. SLOW: it still moves after 15 s."""

    DIALING = 1
    USABLE = 2
    PROVING = 3
    STOPPED = 4
    SLOW = 5


@dataclass(slots=True, eq=False)
class Attempt:
    """One carrier, from its dial on. result, failure: how it ended, for the table that people see."""

    number: int
    candidate: Candidate
    mode: Mode
    started_at: float
    rotation: bool = False
    """Takes over from a segmented carrier of the same candidate; it belongs to no round."""
    phase: Phase = Phase.DIALING
    doubted: bool = False
    """It may be dead: the next usable attempt takes over."""
    connected_at: float = 0.0
    usable_at: float = 0.0
    carried_at: float = 0.0
    echo_from: float = 0.0
    echo_at: float = 0.0
    echo_bytes: int = 0
    echo_ms: int = 0
    result: Result = "dialing"
    failure: Failure | None = None
    in_outage: bool = False
    """It failed while nothing carried any more, so the server or the network may have been away."""

    @property
    def racing(self) -> bool:
        """It still has to show something."""
        return not self.rotation and self.phase in (Phase.DIALING, Phase.PROVING)

    @property
    def sound(self) -> bool:
        """It can carry, as far as anyone knows."""
        return self.phase is not Phase.DIALING and not self.doubted

    def shown(self) -> Shown:
        """Its part of the table that people see."""
        failure = self.failure or Failure("", "")
        return Shown(
            result=self.result,
            stage=failure.stage,
            reason=failure.reason,
            connect_ms=_ms(self.started_at, self.connected_at),
            usable_ms=_ms(self.started_at, self.usable_at),
            echo_bytes=self.echo_bytes,
            echo_ms=self.echo_ms,
            mode=self.mode,
            in_outage=self.in_outage,
        )


def _ms(start: float, end: float) -> int:
    return round(1000 * (end - start)) if end else 0


class Entry(NamedTuple):
    """What a round means to start."""

    candidate: Candidate
    mode: Mode


@dataclass(slots=True)
class Round:
    """One race. quiet: beside a route that works. sooner: after one. final: segments, after every echo stopped."""

    started_at: float
    queue: list[Entry]
    held: frozenset[str] = frozenset()
    """Private candidates that wait for the public ones."""
    quiet: bool = False
    sooner: bool = False
    final: bool = False
    segmented: bool = False
    """The first that froze is tried in segments while others are still proved."""
    failures: dict[Candidate, Failure] = field(default_factory=dict)
    frozen: list[Candidate] = field(default_factory=list)
    """Those whose echo stopped after 4 KiB, in the order in which they became usable."""

    def next_start(self, attempts: Sequence[Attempt], now: float) -> tuple[Entry | None, float]:
        """The entry that may start, and from when on; None and the time at which one may be let go, or infinity."""
        racing = [a for a in attempts if a.racing]
        release = self._release(attempts, now)
        # Public ways that hang would take up all places for as long as a dial may last.
        kept = now < release < float("inf") and any(entry.candidate.id in self.held for entry in self.queue)
        fresh = [a.started_at + SILENT_DIAL_S for a in racing if a.phase is Phase.DIALING]
        fresh = [until for until in fresh if now < until]
        dialing = len(fresh) + sum(a.phase is Phase.PROVING for a in racing)
        dialing += sum(a.rotation and a.phase is Phase.DIALING for a in attempts)
        if dialing >= PARALLEL - kept:
            return None, min([*fresh, release] if kept and dialing < PARALLEL else fresh, default=float("inf"))
        # Once private bridges may start they go before second strategies of what has shown nothing.
        queue = self.queue if now < release else sorted(self.queue, key=lambda one: one.candidate.id not in self.held)
        for entry in queue:
            near = sum(same_place(a.candidate.endpoint, entry.candidate.endpoint) for a in racing)
            if near < PARALLEL_HOST and (entry.candidate.id not in self.held or now >= release):
                moved = max((a.echo_at for a in racing if a.phase is Phase.PROVING), default=float("-inf"))
                return entry, moved + STAGGER_S
        return None, release if any(entry.candidate.id in self.held for entry in self.queue) else float("inf")

    def _release(self, attempts: Sequence[Attempt], now: float) -> float:
        """When private bridges may be shown to this network: 3 s (1 s) without a usable route, or all others failed."""
        if self.frozen or any(a.sound for a in attempts):
            return float("inf")
        waiting = [*(e.candidate.id for e in self.queue), *(a.candidate.id for a in attempts if a.racing)]
        after_s = PRIVATE_SOONER_S if self.sooner else PRIVATE_AFTER_S
        return self.started_at + after_s if any(one not in self.held for one in waiting) else now

    def settled_at(self, attempts: Iterable[Attempt], now: float) -> float:
        """When nothing more is to be hoped for: a time that may have passed, or infinity while something moves."""
        attempts = list(attempts)
        racing = [a for a in attempts if a.racing]
        fallback = bool(self.frozen) or any(a.phase is Phase.SLOW for a in attempts)
        usable = any(a.sound for a in attempts)
        if any(a.phase is Phase.PROVING for a in racing):
            return float("inf")
        if any(not (usable or fallback) or e.candidate.id not in self.held for e in self.queue):
            return float("inf")
        if not racing:
            return now
        return max(a.started_at for a in racing) + PATIENCE_S if fallback else float("inf")
