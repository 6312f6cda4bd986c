"""The dialer's carriers: starting, stopping, moving the session, rotating segments. `race` decides; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from zajil.protocol.calls.ladder import Kind
from zajil.protocol.path import attempts as at
from zajil.protocol.path.actions import Action, Carry, Route, Start, Stop
from zajil.protocol.path.attempts import Attempt, Entry, Phase, Round
from zajil.protocol.path.candidates import Candidate, Failure, Mode, Preference, Random
from zajil.protocol.path.failures import ROUNDS_S, Failures
from zajil.protocol.path.memory import Memory, Network
from zajil.protocol.path.pace import CARRIERS, Pace
from zajil.protocol.path.view import State

NEVER: Final = float("inf")


class Carriers:
    """The state of the dialer, and what it does to single carriers.

    random: drawn for order and pauses. memory: what `parse_memory` gave; `changes` tells when to store it. network: key
    of the network the device is on. rounds_s: when rounds begin, as `ROUNDS_S`.
    """

    def __init__(
        self,
        *,
        random: Random,
        memory: Memory | None = None,
        network: str = "",
        now: float = 0.0,
        rounds_s: Sequence[float] = ROUNDS_S,
    ) -> None:
        self.memory = memory or Memory()
        self.changes = 0
        """Raised whenever `memory` is worth storing."""
        self.pace = Pace()
        self._random = random
        self._rounds_s = rounds_s
        self._candidates: dict[str, Candidate] = {}
        self._preference = Preference.SPEED
        self._key = network
        self._network: Network = self.memory.network(network, now)
        self._failures = Failures(random)
        self._online: bool | None = None
        self._actions: list[Action] = []
        self._attempts: dict[int, Attempt] = {}
        self._seen: dict[str, Attempt] = {}
        """The last attempt over each candidate, for people."""
        self._numbers = 0
        self._wanted = False
        self._carrying: Attempt | None = None
        self._route: Route | None = None
        self._routes = 0
        self._round: Round | None = None
        self._outage = False
        """A route was lost, or a round found nothing, and no other route was proved since."""
        self._rounds = 0
        """Rounds in a row that found nothing lasting."""
        self._retry_at = NEVER
        self._started_at = -NEVER
        self._recoveries: list[float] = []
        self._died_at = -NEVER
        self._died_early = ""
        self._down_since = now
        self._verdict: State | None = None
        self._suspect = ""
        """It seemed to freeze: begun in segments, and to be proved as a stream if that works."""
        self._check_at = NEVER
        """When an echo decides anew about the segmented route."""
        self._rotating = False
        self._rotation_fails = 0
        self._slow_until = -NEVER
        self._slow_bytes_s = 0.0
        self._tapped_at = self._alternative_at = -NEVER
        self._tap_waits = False
        """Pressed while a round ran: where that finds nothing, another one begins at once."""
        self._state: State = "waiting"
        self._since = self._now = now

    # -- calls
    def find_rung(self, now: float) -> Kind | None:
        """What carried a call last on this network."""
        return self._network.find_rung(now)

    def keep_rung(self, kind: Kind, now: float) -> None:
        """It carries a call on this network."""
        self._network.keep_rung(kind, now)
        self.changes += 1

    # -- attempts
    def _start(self, entry: Entry, now: float, *, rotation: bool = False) -> None:
        self._numbers += 1
        attempt = Attempt(self._numbers, entry.candidate, entry.mode, now, rotation)
        self._attempts[attempt.number] = self._seen[entry.candidate.id] = attempt
        if entry.mode is Mode.SEGMENTED:
            self.pace.started(now)
        self._started_at = now
        if entry.candidate.endpoint.private:
            self._network.note_private(entry.candidate.endpoint.id, now)
            self.changes += 1
        self._actions.append(Start(attempt.number, entry.candidate.id, entry.mode))

    def _stop(self, attempt: Attempt, now: float) -> None:
        if attempt.phase is Phase.DIALING or attempt.phase is Phase.PROVING:
            attempt.result = "stopped"
        self._forget(attempt, now)
        self._actions.append(Stop(attempt.number))

    def _forget(self, attempt: Attempt, now: float) -> None:
        if self._attempts.pop(attempt.number, None) is None:
            return
        if attempt.mode is Mode.SEGMENTED:
            self.pace.ended()
        if attempt is self._carrying:
            self._carrying = None
            self._down_since = now
            if attempt.candidate.id in self._network.known:
                self._network.known[attempt.candidate.id].last_ok = now
            if attempt.mode is Mode.STREAM:
                self._route = None

    def _carry(self, attempt: Attempt, now: float) -> None:
        """The session moves there; what carried before is closed behind it."""
        old, self._carrying = self._carrying, attempt
        self._rotating = False
        attempt.carried_at = now
        self._actions.append(Carry(attempt.number))
        if old is not None:
            self._stop(old, now)
        if not attempt.rotation or self._route is None:
            self._show_route(attempt)

    def _show_route(self, attempt: Attempt) -> None:
        self._routes += 1
        self._route = Route(attempt.candidate.id, attempt.mode, self._routes, attempt.mode is Mode.SEGMENTED)

    def _hand_over(self, now: float) -> None:
        """Nothing sound carries: the first usable attempt does, one that is not on trial before the others."""
        if self._carrying is not None and not self._carrying.doubted:
            return
        sound = [a for a in self._attempts.values() if a.sound and a is not self._carrying]
        if sound:
            self._carry(min(sound, key=lambda a: (a.phase is Phase.PROVING, a.usable_at)), now)

    def _note_failure(self, attempt: Attempt, failure: Failure) -> None:
        attempt.result, attempt.failure = "failed", failure
        attempt.in_outage = self._outage and self._route is None
        if self._round is not None:
            self._round.failures[attempt.candidate] = failure

    def _note_frozen(self, attempt: Attempt) -> None:
        attempt.result, attempt.failure = "frozen", Failure("echo", "frozen")
        if self._round is not None and attempt.candidate not in self._round.frozen:
            self._round.frozen.append(attempt.candidate)

    # -- segments
    def _rotate(self, now: float) -> None:
        """The next segment, when the pace allows."""
        if now < self._rotation_at():
            return
        candidate = self._candidates.get(self._route.candidate_id) if self._route is not None else None
        if candidate is None:
            self._rotating = False
            return
        if self.pace.open >= CARRIERS and self._carrying is not None:
            # Another session has a carrier too: break before make.
            self._stop(self._carrying, now)
        if self.pace.may_dial(now):
            self._start(Entry(candidate, Mode.SEGMENTED), now, rotation=True)

    def _rotation_at(self) -> float:
        """When the next segment may be dialled; infinity while none is wanted, or one is on its way."""
        dialing = [a for a in self._attempts.values() if a.phase is Phase.DIALING]
        full = len(dialing) >= at.PARALLEL or (self.pace.open >= CARRIERS and self._carrying is None)
        waits = full or any(a.rotation for a in dialing)
        return self.pace.ready_at if self._rotating and not waits else NEVER
