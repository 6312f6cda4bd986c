"""The rules of a race: who starts, who wins, what is concluded. `dialer` tells what happens; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from zajil.protocol.path import attempts as at
from zajil.protocol.path.actions import Route, Stop
from zajil.protocol.path.attempts import Attempt, Entry, Phase, Round
from zajil.protocol.path.candidates import Candidate, Failure, Mode, plan
from zajil.protocol.path.carriers import NEVER, Carriers
from zajil.protocol.path.failures import next_round_s
from zajil.protocol.path.memory import PRIVATE_A_DAY, PROOF_S
from zajil.protocol.path.view import ORIGIN_DOWN, judge

REMEMBERED: Final = 2
STEADY_S: Final = 10.0
"""A carrier that lived this long shows that the route works."""
RECOVERIES: Final = 3
RECOVERIES_S: Final = 60.0
TOGETHER_S: Final = 5.0
"""Two carriers that die within this time put the proofs of the network in doubt."""
SILENT_S: Final = 1.0
CHECK_AGAIN_S: Final = 60.0
"""A streaming echo that could not be run decides later."""
ROTATIONS: Final = 2
"""Failed dials in a row after which a segmented candidate is down."""


class Race(Carriers):
    """What follows from what happens to the carriers."""

    # -- rounds
    def _mode(self, candidate: Candidate, now: float) -> Mode:
        return Mode.SEGMENTED if self._network.find(candidate.id).segmented(now) else Mode.STREAM

    def _again(self, route: Route | None, now: float, *, suspect: bool = False) -> list[Entry]:
        """A round that begins with the route in use; in segments where it seems to freeze."""
        candidate = self._candidates.get(route.candidate_id) if route is not None else None
        if candidate is None:
            return []
        mode = self._mode(candidate, now)
        if suspect and mode is Mode.STREAM:
            self._suspect, mode = candidate.id, Mode.SEGMENTED
        return [Entry(candidate, mode)]

    def _begin(
        self, now: float, first: Sequence[Entry] = (), *, fill: bool = False, quiet: bool = False, sooner: bool = False
    ) -> None:
        """A round. first: before all others. fill: also what failed lately. quiet: one other, beside the route.

        sooner: private bridges need not wait as long as elsewhere.
        """

        def failing(candidate: Candidate) -> bool:
            return self._failures.until(self._key, candidate.id) > now

        known = [self._candidates[one] for one in self._network.winners() if one in self._candidates]
        remembered = [c.id for c in known if not failing(c)][:REMEMBERED]
        # What worked last is never left out: after a long night without the server it is the one to ask.
        home = known[:1]
        ordered = plan(
            list(self._candidates.values()), remembered=remembered, preference=self._preference, random=self._random
        )
        chosen = [c for c in ordered if c in home or not failing(c)]
        if fill or not (chosen or quiet):
            late = [c for c in ordered if c not in chosen]
            chosen += sorted(late, key=lambda c: self._failures.until(self._key, c.id))
        racing = {a.candidate.id for a in self._attempts.values() if a.racing or quiet}
        taken = {entry.candidate.id for entry in first} | racing
        chosen = [c for c in chosen if c.id not in taken]
        entries = [Entry(c, self._mode(c, now)) for c in chosen]
        held = frozenset(c.id for c in chosen if c.endpoint.private and c.id not in remembered)
        if quiet:
            entries = [e for e in entries if e.candidate.id not in held and e.mode is Mode.STREAM][:1]
        places = at.ROUND - len(first)
        entries = _cut(self._within_budget(entries, first, now), held, places)
        self._round = Round(now, [*first, *entries], held, quiet, sooner)
        self._retry_at, self._tap_waits = NEVER, False

    def _within_budget(self, entries: Sequence[Entry], first: Sequence[Entry], now: float) -> list[Entry]:
        """Without the private endpoints of which there were enough today. first: are tried in any case."""
        tried = set(self._network.private_tried(now))
        tried |= {entry.candidate.endpoint.id for entry in first if entry.candidate.endpoint.private}
        out = []
        for entry in entries:
            endpoint = entry.candidate.endpoint
            if endpoint.private and endpoint.id not in tried:
                if len(tried) >= PRIVATE_A_DAY:
                    continue
                tried.add(endpoint.id)
            out.append(entry)
        return out

    def _begin_in_doubt(self, first: Sequence[Entry], now: float, *, sooner: bool = False) -> None:
        """A round while what carries may be dead: the first usable attempt takes over."""
        self._doubt_carrying(now)
        self._begin(now, first, sooner=sooner)

    def _doubt_carrying(self, now: float) -> None:
        if self._carrying is not None:
            self._carrying.doubted = True
        self._route, self._down_since = None, now

    def _recover(self, first: Sequence[Entry], now: float) -> None:
        """The route is gone or in doubt: at once, but not for ever."""
        if self._round is not None and not self._round.quiet:
            return
        self._outage = True
        self._recoveries = [then for then in self._recoveries if now < then + RECOVERIES_S]
        if len(self._recoveries) >= RECOVERIES:
            self._doubt_carrying(now)
            self._round = None
            self._rounds += 1
            self._retry_at = now + next_round_s(self._rounds, self._random, self._rounds_s)
            return
        self._recoveries.append(now)
        self._begin_in_doubt(first, now, sooner=True)
        self._hand_over(now)

    def _after_loss(self, attempt: Attempt, now: float, *, suspect: bool) -> None:
        """What carried and had won is gone."""
        self._route, self._verdict, self._rotating = None, None, False
        self._down_since, self._outage = now, True
        if now < self._died_at + TOGETHER_S:
            self._network.doubt()
        self._died_at = now
        again = self._died_early != attempt.candidate.id
        if now >= attempt.carried_at + STEADY_S:
            self._rounds, self._recoveries, self._died_early = 0, [], ""
            again = True
        else:
            self._died_early = attempt.candidate.id
        if not again:
            self._failures.note(self._key, attempt.candidate.id, now)
        if self._wanted:
            route = Route(attempt.candidate.id, attempt.mode, 0, proved=False)
            self._recover(self._again(route, now, suspect=suspect) if again else [], now)

    # -- conclusions
    def _wins(self, attempt: Attempt, race: Round, now: float) -> bool:
        """Without an echo: proved lately as a stream; known to work in segments, or the last thing to try."""
        known = self._network.find(attempt.candidate.id)
        if attempt.mode is Mode.STREAM:
            return known.proved(now)
        return race.final or (known.segmented(now) and now < known.won_at + PROOF_S)

    def _takes_over(self, attempt: Attempt, now: float) -> bool:
        """Nothing carries, what does may be dead, or it is on trial and silent while segments work."""
        carrying = self._carrying
        if carrying is None or carrying.doubted:
            return True
        silent = carrying.phase is Phase.PROVING and now >= carrying.echo_at + SILENT_S
        return silent and attempt.mode is Mode.SEGMENTED

    def _better(self, attempt: Attempt, now: float) -> bool:
        """A whole echo wins, but beside a slow route only if it was quicker."""
        beside = self._round is not None and self._round.quiet and self._carrying is not None
        if not beside or (self._carrying is not None and self._carrying.mode is Mode.SEGMENTED):
            return True
        return self._slow_bytes_s * (now - attempt.echo_from) < at.ECHO_BYTES

    def _win(self, attempt: Attempt, now: float) -> None:
        """It carries, the others stop, the round is over."""
        self._close_round(now)
        if attempt is not self._carrying:
            self._carry(attempt, now)
        for other in list(self._attempts.values()):
            if other is not attempt:
                self._stop(other, now)
        attempt.phase, attempt.doubted = Phase.USABLE, False
        known = self._network.keep(attempt.candidate.id)
        known.won_at = known.last_ok = now
        self._failures.clear(self._key, attempt.candidate.id)
        self._verdict, self._suspect, self._retry_at = None, "", NEVER
        self._outage = False
        self._slow_until = -NEVER
        if self._tap_waits:  # asked nothing of the network: where this way is gone again, the next tap counts
            self._tapped_at, self._tap_waits = -NEVER, False
        if self._route is None:
            self._show_route(attempt)
        if self._route is not None:
            self._route = Route(attempt.candidate.id, attempt.mode, self._route.number, proved=True)
        self._plan_check(now)
        self.changes += 1

    def _plan_check(self, now: float) -> None:
        """When the route is segmented, an echo decides again: soon after a suspicion, a day after a certainty."""
        self._check_at = NEVER
        if self._carrying is not None and self._carrying.mode is Mode.SEGMENTED:
            until = self._network.find(self._carrying.candidate.id).segmented_until
            self._check_at = until if until > now else now + CHECK_AGAIN_S

    def _close_round(self, now: float) -> None:
        """What the round showed is remembered."""
        race, self._round = self._round, None
        if race is None:
            return
        for candidate in race.frozen:
            self._network.keep(candidate.id).mark(2, now)
            self.changes += 1
        if all(failure.reason == "unreachable" for failure in race.failures.values()):
            return
        for candidate, failure in race.failures.items():
            carries = self._carrying is not None and candidate.id == self._carrying.candidate.id
            if not carries and failure.status not in ORIGIN_DOWN:
                self._failures.note(self._key, candidate.id, now)

    def _conclude(self, race: Round, now: float) -> None:
        """Nothing more is to be hoped for, and nothing was proved."""
        carrying = self._carrying
        slow = [a for a in self._attempts.values() if a.phase is Phase.SLOW]
        if race.quiet:
            self._close_round(now)
            self._stop_racing(now)
            self._plan_check(now)
        elif slow:
            self._win(carrying if carrying in slow and carrying is not None else slow[0], now)
        elif carrying is not None and carrying.mode is Mode.SEGMENTED and not carrying.doubted:
            self._win(carrying, now)
        elif carrying is not None and carrying.phase is Phase.USABLE and not carrying.doubted:
            self._give_up(race, now)
        elif race.frozen:
            self._close_round(now)
            for attempt in list(self._attempts.values()):
                self._stop(attempt, now)
            queue = [Entry(candidate, Mode.SEGMENTED) for candidate in race.frozen]
            self._round = Round(race.started_at, queue, final=True)
        else:
            self._give_up(race, now)

    def _give_up(self, race: Round, now: float) -> None:
        """A round that found nothing."""
        self._close_round(now)
        self._stop_racing(now)
        if self._carrying is not None:
            # It was only doubted, and nothing better is there: it stays until its session says otherwise.
            self._carrying.doubted = False
            self._show_route(self._carrying)
            self._route = Route(self._carrying.candidate.id, self._carrying.mode, self._routes, proved=True)
            return
        self._outage = True
        self._verdict = judge(race.failures, online=self._online) if race.failures else None
        self._rounds += 1
        due = race.started_at + next_round_s(self._rounds, self._random, self._rounds_s)
        self._retry_at = now + 1 if self._tap_waits else max(now + 1, due)

    def _stop_racing(self, now: float) -> None:
        for attempt in list(self._attempts.values()):
            if attempt is not self._carrying and not attempt.rotation:
                self._stop(attempt, now)

    # -- time
    def _time_out(self, now: float) -> None:
        for attempt in list(self._attempts.values()):
            if attempt.phase is Phase.DIALING and now >= attempt.started_at + at.DIAL_S:
                self._actions.append(Stop(attempt.number))
                self._fail_dial(attempt, Failure("connect", "timeout"), now)
            elif attempt.phase is not Phase.PROVING:
                continue
            elif now >= attempt.echo_at + at.ECHO_PAUSE_S and attempt.echo_bytes < at.FREEZE_BYTES:
                self._stop(attempt, now)
                self._note_failure(attempt, Failure("echo", "timeout"))
            elif now >= attempt.echo_at + at.ECHO_PAUSE_S:
                # Not closed yet: what comes late shows that the line is bad and not frozen.
                attempt.phase, attempt.doubted = Phase.STOPPED, True
                self._note_frozen(attempt)
                if attempt is self._carrying:
                    self._route, self._down_since = None, now
            elif now >= attempt.echo_from + at.ECHO_S:
                attempt.phase = Phase.SLOW

    def _next_start(self, now: float) -> tuple[Entry | None, float]:
        """What the round starts next, and when."""
        if self._round is None:
            return None, NEVER
        entry, due = self._round.next_start(list(self._attempts.values()), now)
        if entry is not None:
            due = max(due, self._started_at + at.STAGGER_S)
            if entry.mode is Mode.SEGMENTED:
                due = max(due, self.pace.ready_at)
        return entry, due

    def _run_round(self, now: float) -> None:
        while (race := self._round) is not None:
            self._segment_soon(race)
            entry, due = self._next_start(now)
            if entry is not None and now >= due:
                race.queue.remove(entry)
                self._start(entry, now)
            elif now >= race.settled_at(self._others(), now):
                self._conclude(race, now)
            else:
                return

    def _others(self) -> list[Attempt]:
        """The round's own attempts: neither a rotation nor what carried before it."""
        return [a for a in self._attempts.values() if not a.rotation]

    def _fail_dial(self, attempt: Attempt, failure: Failure, now: float) -> None:
        if attempt.mode is Mode.SEGMENTED:
            self.pace.failed(now)
        self._forget(attempt, now)
        if not attempt.rotation:
            self._note_failure(attempt, failure)
            if _answers(failure):
                self._try_otherwise(attempt.candidate, now)
            return
        attempt.result, attempt.failure = "failed", failure
        self._rotation_failed(attempt, now)

    def _try_otherwise(self, refused: Candidate, now: float) -> None:
        """The next way of speaking to an endpoint that answers goes before endpoints that may be silent."""
        race = self._round
        if race is None or race.quiet or race.final:
            return
        tried = {one.id for one in race.failures} | {a.candidate.id for a in self._attempts.values()}
        for candidate in self._candidates.values():
            if candidate.endpoint.id != refused.endpoint.id or candidate.tool or candidate.id in tried:
                continue
            if self._failures.until(self._key, candidate.id) > now:
                continue
            race.queue = [entry for entry in race.queue if entry.candidate.id != candidate.id]
            race.queue.insert(0, Entry(candidate, self._mode(candidate, now)))
            return

    def _rotation_failed(self, attempt: Attempt, now: float) -> None:
        self._rotation_fails += 1
        if self._rotation_fails >= ROTATIONS and self._carrying is None:
            self._rotation_fails = 0
            self._after_loss(attempt, now, suspect=False)

    def _segment_soon(self, race: Round) -> None:
        """An echo stopped, and none was whole before: segments at once, while the rest of the round goes on."""
        segmented = any(a.mode is Mode.SEGMENTED for a in self._attempts.values())
        if race.frozen and not (segmented or race.quiet or race.final or race.segmented):
            race.segmented = True
            race.queue.insert(0, Entry(race.frozen[0], Mode.SEGMENTED))

    def _mark_suspect(self, attempt: Attempt, race: Round, now: float) -> None:
        """The same candidate works on a new carrier: one mark, and an echo decides."""
        self._suspect = ""
        known = self._network.keep(attempt.candidate.id)
        known.mark(1, now)
        self.changes += 1
        if not known.segmented(now):
            race.queue.insert(0, Entry(attempt.candidate, Mode.STREAM))


def _answers(failure: Failure) -> bool:
    """Somebody is there and refused what was asked for. A browser does not tell a refusal from a reset."""
    if failure.status in ORIGIN_DOWN:
        return False
    return failure.status != 0 or (failure.stage, failure.reason) == ("connect", "closed")


def _cut(entries: Sequence[Entry], held: frozenset[str], places: int) -> list[Entry]:
    """As many as there are places, in order. A few are kept for private bridges that are held; then every endpoint's
    first strategy goes before anyone's second: what stops one strategy often stops all of that endpoint's."""
    turns: Counter[tuple[str, bool]] = Counter()
    ranked: list[tuple[int, int]] = []
    for number, (candidate, _) in enumerate(entries):
        place = (candidate.endpoint.id, candidate.tool)
        ranked.append((turns[place], number))
        turns[place] += 1
    ranked.sort()
    kept = [number for _, number in ranked if entries[number].candidate.id in held][: min(places, at.PRIVATE_PLACES)]
    others = [number for _, number in ranked if number not in kept][: places - len(kept)]
    return [entries[number] for number in sorted([*kept, *others])]
