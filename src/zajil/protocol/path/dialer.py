"""The dialer: which candidate is dialled when, which carrier carries, and what is said of it. Sans-I/O, `now` given.

One dialer per device. `now`: seconds of a clock that never jumps and that began at Unix time (Unix time at the start
plus a steady clock); after a sleep it may leap forwards. After every call: carry out what `pull` returns, in order;
show `view`; call `tick` at `next_deadline`.

**Attempts and who owns them.** An attempt is one carrier of the *leading* session (R where there is one, else whichever
wanted first), from its dial to its end. The dialer numbers them, the shell owns sockets and seals:

    Start(n, candidate, mode)  Dial it. Then exactly one of `usable(n)` (101 came; sealed: `accept` opened) or
                               `failed(n, Failure)`, 10 s later at most. `connected(n)` between, where TLS is seen.
    Carry(n)                   The leading session moves to it: `ClientSession.open_carrier(now, segmented=...)`, then
                               send and feed. One attempt carries at a time; the Stop of the one before comes behind
                               the Carry, so the new one is opened first (make before break).
    Prove(n)                   Run the 24 KiB echo: `session.prove(now)` if the session is on n, else `session.Echo` on
                               the bare carrier. Report `echoed(n, received_bytes)` at every record that comes
                               meanwhile, whatever it is; the echo's deadlines are kept here. When a carrier with a
                               bare Echo is told to carry, go on offering records to that Echo first.
    Stop(n)                    Close it. Whatever is still reported of n is ignored.

While n carries, the shell reports `stalled(n, rx_bytes)` (the session's Stalled), `lost(n, rx_bytes)` (it ended),
`rotate(n)` (the session's Rotate) and `slow(n, bytes_s)` (the session's Slow). `failed` after
`usable` counts as `lost`.

**When.** `want`: a session needs a carrier, and the dialer keeps one until `rest` (no session needs any; a CLOSE with
retry_ms: rest, and want when the time is over). `tap`: a person pressed "try now". `set_network`: another network.
`doubt`: proofs are not to be trusted (browser: `online` event, 10 minutes of sleep). `set_candidates`: first of all,
and for a new list. Each may begin a round at once; what carries stays until another does.

**Round.** Up to 6 candidates in the order of `plan`; starts 250 ms apart, and none while an echo moved in the last 250
ms; 4 race at a time, 2 to one host or address, and a dial that hangs for 3 s holds no place. Where an endpoint answers
and refuses (a status; a browser only sees "closed"), the next way of speaking to it goes first. Private bridges wait
until there was no usable route for 3 s or all others failed, unless they are remembered winners. The first usable
attempt carries at once; each usable one is proved. The first whole echo wins: it carries, all others stop, the round is
over and nothing else is tried. A proof on this network younger than 24 h stands for the echo. Where an echo stops after
4 KiB before any was whole, the same candidate is dialled in segments while the others are still proved; it wins if none
of them is whole. An echo that still moves after 15 s is a slow line, not a frozen one, and wins where nothing better is
left. Nothing at all: the next round. Rounds begin 0, 10, 30 s, 1, 2, 5 min and every 5 min after the first (+-30 %). A
failure keeps a candidate out of rounds on this network for 60 s x 2^fails up to 6 h (+-50 %), unless it is the last
winner, no other is left, or a person taps. A round in which everything was `unreachable` says nothing about any of
them, and an endpoint that says the server is down did not fail.

**After the win.** `lost`: a round that begins with the same candidate, the next one 250 ms later; three times a minute
at once, then as after a failed round. `stalled` after 6 to 64 KiB received: the same candidate begins in segments, as a
precaution. If it works that is one mark, and a streaming echo on a carrier of its own decides: whole, it takes over and
the mark is dropped; stopped after 4 KiB, segments for 24 h; then one echo a day decides anew. `rotate`: Start of the
same candidate in segments when `pace` allows, then Carry and Stop; `lost` of a segmented carrier counts as rotate; two
failed dials in a row are a loss. `slow`: one other candidate is tried, and kept if its echo was quicker.

**Other sessions** (S beside R, those of a caller) own their carriers and dial `route` themselves. None: wait. While
`route.proved` is false data may go, and control calls wait. A dial that failed or a stall: report `route_failed` or
`route_stalled`, then wait for a route with another `number`; a report about an older number is ignored. A carrier that
ended in good order is dialled again without a report. In segmented mode ask `pace` before a dial, tell it how it went
and then `tick`; with two carriers open, close the old one before the next one is dialled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from zajil.protocol.path import attempts as at
from zajil.protocol.path.actions import Action, Prove, Route
from zajil.protocol.path.attempts import Attempt, Entry, Phase, Round
from zajil.protocol.path.candidates import Candidate, Failure, Mode, Preference, allowed
from zajil.protocol.path.carriers import NEVER
from zajil.protocol.path.race import Race
from zajil.protocol.path.view import CALM_S, PathView, State, Try

TAP_S: Final = 10.0
SLOW_BYTES_S: Final = 4096
SLOW_S: Final = 60.0
"""A report of a slow carrier counts so long."""
SEGMENT_LEAST: Final = 4096
"""A segmented carrier that ended with less was not used up."""
ALTERNATIVE_S: Final = 600.0
"""A slow route is compared with another one at most this often."""


class Dialer(Race):
    """See the module."""

    @property
    def route(self) -> Route | None:
        """What other sessions may dial; None: wait."""
        return self._route

    @property
    def retry_at(self) -> float | None:
        """When the next round begins, where the last one found nothing; None while one runs or a route is there."""
        return self._retry_at if self._wanted and self._retry_at != NEVER else None

    # -- what the shell wants
    def set_candidates(
        self, candidates: Iterable[Candidate], now: float, *, preference: Preference = Preference.SPEED
    ) -> None:
        """All there are; of one endpoint's, the better one first. What is not among them is left at once."""
        old = self._candidates
        self._candidates = {c.id: c for c in candidates if allowed(c, preference)}
        self._preference = preference
        if self._round is not None:
            self._round.queue = [e for e in self._round.queue if e.candidate.id in self._candidates]
            self._round.frozen = [c for c in self._round.frozen if c.id in self._candidates]
        for attempt in list(self._attempts.values()):
            if attempt.candidate.id not in self._candidates:
                self._stop(attempt, now)
        if self._route is not None and self._route.candidate_id not in self._candidates:
            self._route, self._rotating = None, False
        if self._wanted and self._route is None and self._round is None and set(self._candidates) != set(old):
            self._begin(now)
        self.tick(now)

    def set_network(self, key: str, now: float) -> None:
        """The device is on this network now. The same as before: nothing."""
        if key == self._key:
            return
        self._key, self._network = key, self.memory.network(key, now)
        for attempt in list(self._attempts.values()):
            if attempt is not self._carrying:
                self._stop(attempt, now)
        self._seen.clear()
        self._rounds, self._recoveries, self._verdict, self._suspect = 0, [], None, ""
        self._round, self._route, self._rotating, self._outage = None, None, False, False
        self._check_at, self._slow_until, self._died_early = NEVER, -NEVER, ""
        if self._wanted:
            self._begin_in_doubt([], now)
        self.tick(now)

    def set_online(self, online: bool | None, now: float) -> None:
        """Whether there is a default route (`navigator.onLine`); None: unknown."""
        back = online and self._online is False
        self._online = online
        if back and self._wanted and self._route is None and self._round is None:
            self._begin(now)
        self.tick(now)

    def doubt(self, now: float) -> None:
        """Proofs of this network count no more, and the carrier may be dead."""
        self._network.doubt()
        if self._wanted and self._round is None and self._route is not None:
            self._begin_in_doubt(self._again(self._route, now), now)
        self.tick(now)

    def want(self, now: float) -> None:
        """A session needs a carrier, from now on."""
        if not self._wanted:
            self._wanted, self._down_since, self._route = True, now, None
            self._begin(now)
        self.tick(now)

    def rest(self, now: float) -> None:
        """No session needs a carrier."""
        self._wanted, self._rotating, self._round, self._retry_at = False, False, None, NEVER
        for attempt in list(self._attempts.values()):
            self._stop(attempt, now)
        if self._route is not None and not self._route.proved:
            self._route = None
        self.tick(now)

    def tap(self, now: float) -> bool:
        """A person pressed "try now". False: pressed less than 10 s ago, nothing happens."""
        if now < self._tapped_at + TAP_S:
            return False
        self._tapped_at, self._rounds, self._recoveries = now, 0, []
        self._tap_waits = self._wanted and self._round is not None and not self._round.quiet
        if self._wanted and not self._tap_waits:
            self._begin(now, self._again(self._route, now), fill=True)
        self.tick(now)
        return True

    # -- what became of an attempt
    def connected(self, number: int, now: float) -> None:
        """TLS stands, for the table of tries."""
        if (attempt := self._attempts.get(number)) is not None:
            attempt.connected_at = now

    def usable(self, number: int, now: float) -> None:
        """Its carrier takes records."""
        attempt = self._attempts.get(number)
        if attempt is None or attempt.phase is not Phase.DIALING:
            return
        attempt.phase, attempt.usable_at, attempt.result = Phase.USABLE, now, "works"
        if attempt.mode is Mode.SEGMENTED:
            self.pace.usable()
        if attempt.rotation:
            self._carry(attempt, now)
        elif self._round is None:
            self._stop(attempt, now)
        elif not self._round.quiet and self._wins(attempt, self._round, now):
            self._win(attempt, now)
        else:
            if self._takes_over(attempt, now):
                self._carry(attempt, now)
            if attempt.mode is Mode.STREAM:
                attempt.phase, attempt.echo_from, attempt.echo_at = Phase.PROVING, now, now
                self._actions.append(Prove(number))
            elif attempt.candidate.id == self._suspect:
                self._mark_suspect(attempt, self._round, now)
        self.tick(now)

    def echoed(self, number: int, received_bytes: int, now: float) -> None:
        """Something came while it is proved; so much of the echo is back."""
        attempt = self._attempts.get(number)
        if attempt is None or attempt.phase not in (Phase.PROVING, Phase.STOPPED, Phase.SLOW):
            return
        attempt.echo_bytes, attempt.echo_at = max(attempt.echo_bytes, received_bytes), now
        if attempt.phase is Phase.STOPPED:
            attempt.phase, attempt.doubted, attempt.result = Phase.PROVING, False, "works"
            if self._round is not None and attempt.candidate in self._round.frozen:
                self._round.frozen.remove(attempt.candidate)
            if attempt is self._carrying:
                self._show_route(attempt)
        if attempt.echo_bytes >= at.ECHO_BYTES:
            attempt.echo_ms, attempt.result = round(1000 * (now - attempt.echo_from)), "proved"
            if self._better(attempt, now):
                self._network.keep(attempt.candidate.id).prove(now)
                self._win(attempt, now)
            else:
                self._stop(attempt, now)
        self.tick(now)

    def failed(self, number: int, failure: Failure, now: float) -> None:
        """It could not be had; or, after `usable`, it is gone."""
        attempt = self._attempts.get(number)
        if attempt is None or attempt.phase is not Phase.DIALING:
            self.lost(number, 0, now)
            return
        self._fail_dial(attempt, failure, now)
        self.tick(now)

    def lost(self, number: int, rx_bytes: int, now: float) -> None:
        """Its connection ended, and not by Stop. rx_bytes: frames received on it since its dial."""
        attempt = self._attempts.get(number)
        if attempt is None:
            return
        carried = attempt is self._carrying
        self._forget(attempt, now)
        if carried and attempt.mode is Mode.SEGMENTED and self._route is not None:
            self._rotating = True
            if rx_bytes < SEGMENT_LEAST:
                self._rotation_failed(attempt, now)
        elif carried and attempt.phase is Phase.USABLE:
            self._after_loss(attempt, now, suspect=False)
        else:
            self._note_failure(attempt, Failure("echo", "closed"))
        self.tick(now)

    def stalled(self, number: int, rx_bytes: int, now: float) -> None:
        """It carries and is silent although an answer is due. rx_bytes: frames received on it since its dial."""
        attempt = self._attempts.get(number)
        if attempt is None:
            return
        won = attempt.phase is Phase.USABLE
        self._network.find(attempt.candidate.id).proved_at = 0.0
        self._stop(attempt, now)
        if won:
            self._after_loss(attempt, now, suspect=_froze(attempt, rx_bytes))
        elif max(rx_bytes, attempt.echo_bytes) >= at.FREEZE_BYTES and attempt.mode is Mode.STREAM:
            self._note_frozen(attempt)
        else:
            self._note_failure(attempt, Failure("echo", "timeout"))
        self.tick(now)

    def rotate(self, number: int, now: float) -> None:
        """Half of its segment is used up."""
        if self._carrying is not None and self._carrying.number == number:
            self._rotating, self._rotation_fails = self._carrying.mode is Mode.SEGMENTED, 0
        self.tick(now)

    def slow(self, number: int, bytes_s: float, now: float) -> None:
        """It carries this little although more waits; from 4 KiB/s on it is well again."""
        if self._carrying is None or self._carrying.number != number:
            return
        self._slow_bytes_s = bytes_s
        self._slow_until = now + SLOW_S if bytes_s < SLOW_BYTES_S else -NEVER
        if bytes_s < SLOW_BYTES_S and self._round is None and now >= self._alternative_at:
            self._alternative_at = now + ALTERNATIVE_S
            self._begin(now, quiet=True)
        self.tick(now)

    def route_failed(self, route: Route, now: float) -> None:
        """Another session could not dial this route."""
        self.route_stalled(route, 0, now)

    def route_stalled(self, route: Route, rx_bytes: int, now: float) -> None:
        """Another session's carrier over this route is silent."""
        if self._route is not None and self._route.number == route.number:
            self._route = None
            if self._wanted:
                suspect = at.FREEZE_BYTES <= rx_bytes <= at.FREEZE_MOST_BYTES
                self._recover(self._again(route, now, suspect=suspect), now)
        self.tick(now)

    # -- what follows
    def tick(self, now: float) -> None:
        """Time passed. Every other call ends with this."""
        self._now = now
        self._time_out(now)
        if self._wanted:
            self._hand_over(now)
            if self._round is None and now >= self._retry_at:
                self._begin(now, fill=self._tap_waits)
            if self._round is None and now >= self._check_at and self._carrying is not None:
                self._check_at = NEVER
                self._round = Round(now, [Entry(self._carrying.candidate, Mode.STREAM)], quiet=True)
            self._run_round(now)
            if self._round is None and self._nothing:
                self._begin(now)
                self._run_round(now)
            self._rotate(now)
        state = self._decide_state(now)
        if state != self._state:
            self._state, self._since = state, now

    def pull(self) -> list[Action]:
        """What to do now, in order; empty the next time."""
        actions, self._actions = self._actions, []
        return actions

    def next_deadline(self) -> float | None:
        """When `tick` is due although nothing happens; None: never."""
        now = self._now
        times = [self._retry_at] if self._wanted else []
        for attempt in self._attempts.values():
            if attempt.phase is Phase.DIALING:
                times.append(attempt.started_at + at.DIAL_S)
            elif attempt.phase is Phase.PROVING:
                times.append(min(attempt.echo_at + at.ECHO_PAUSE_S, attempt.echo_from + at.ECHO_S))
        if self._round is not None:
            times += [self._next_start(now)[1], self._round.settled_at(self._others(), now)]
        elif self._carrying is not None:
            times.append(self._check_at)
        times.append(self._rotation_at())
        shown = self._slow_until if self._route is not None else self._down_since + CALM_S
        if shown > now:
            times.append(shown)
        due = min(times, default=NEVER)
        return None if due == NEVER else due

    @property
    def verdict(self) -> State | None:
        """What the last round without success says, whether or not people are told yet; None after any other."""
        return self._verdict

    def view(self, now: float) -> PathView:
        """What to show."""
        self.tick(now)
        candidate = self._candidates.get(self._route.candidate_id) if self._route is not None else None
        via = "" if candidate is None or candidate.direct else candidate.endpoint.host
        trying = sum(a.racing for a in self._attempts.values())
        return PathView(self._state, self._since, via, trying, tuple(self._tries()))

    @property
    def _nothing(self) -> bool:
        """Nothing carries, and nothing that was begun will change that."""
        waits = self._rotating or self._retry_at != NEVER
        return self._carrying is None and not waits and bool(self._candidates)

    def _decide_state(self, now: float) -> State:
        if self._route is not None:
            if self._route.mode is Mode.SEGMENTED or now < self._slow_until:
                return "slow"
            candidate = self._candidates.get(self._route.candidate_id)
            return "direct" if candidate is not None and candidate.direct else "via"
        if not self._wanted:
            return "waiting"
        if self._online is False or self._verdict == "offline":
            return "offline"
        if self._verdict in ("blocked", "server_down") and now >= self._down_since + CALM_S:
            return self._verdict
        return "waiting" if self._round is None else "trying"

    def _tries(self) -> Iterable[Try]:
        for id_, candidate in self._candidates.items():
            shown = Try(candidate, last_ok=self._network.find(id_).last_ok)
            if (attempt := self._seen.get(id_)) is not None:
                shown = replace(shown, **attempt.shown())
            yield replace(shown, chosen=self._route is not None and self._route.candidate_id == id_)


def _froze(attempt: Attempt, rx_bytes: int) -> bool:
    """Whether a stall looks like a limit of bytes per connection."""
    return attempt.mode is Mode.STREAM and at.FREEZE_BYTES <= rx_bytes <= at.FREEZE_MOST_BYTES
