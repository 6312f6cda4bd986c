"""The asyncio shell of `zajil.protocol.path`: carries out what the dialer decides, and tells it what became of it.

One race per device. Sessions (`Link`) enter it while they need a carrier. The first is the *leader*: the dialer's
attempts are its carriers. The others dial the route that was found (`following`). Without any session the race can be
run for a control call alone: its attempts then are carriers of an S session that never opens.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from typing import Any, Final

from zajil.protocol.frames import Role
from zajil.protocol.path import (
    Action,
    Candidate,
    Carry,
    Dialer,
    Failure,
    Memory,
    Mode,
    PathView,
    Preference,
    Prove,
    Start,
    Stop,
)
from zajil.protocol.path.actions import Route
from zajil.protocol.path.failures import ROUNDS_S
from zajil.protocol.session import Echo, Echoed, Rotate, Slow, Stalled
from zajil.transports.base import DialError, Reason, Stage
from zajil.transports.dialing import DialContext, dial
from zajil.transports.race.following import Follower
from zajil.transports.race.line import Line
from zajil.transports.race.link import Ended, Link, Report

CALLS_REST_S: Final = 5.0
"""So long the race goes on after the last control call that had no session beside it."""
CLOSE_S: Final = 1.0
"""A peer that does not close has so long in the end."""
_STAGES: Final = tuple(stage.value for stage in Stage)
_REASONS: Final = frozenset(reason.value for reason in Reason)


class Attempt:
    """One dial of the dialer and the carrier it led to."""

    def __init__(self, number: int, candidate: Candidate, role: Role, mode: Mode) -> None:
        self.number = number
        self.candidate = candidate
        self.role = role
        self.mode = mode
        self.task: asyncio.Task[None] | None = None
        self.line: Line | None = None
        self.echo: Echo | None = None


class Race:
    """Make it inside a running event loop; close it when done."""

    def __init__(
        self,
        ctx: DialContext,
        *,
        memory: Memory | None = None,
        network: str = "",
        rounds_s: Sequence[float] = ROUNDS_S,
        notify: Callable[[], None] = lambda: None,
    ) -> None:
        """rounds_s: as the dialer's. notify: called when the view may have changed or the memory is worth storing."""
        self.ctx = ctx
        self._base_s = time.time() - asyncio.get_running_loop().time()
        self.dialer = Dialer(random=random.random, memory=memory, network=network, now=self.now(), rounds_s=rounds_s)
        self._notify = notify
        self._network = network
        self._candidates: dict[str, Candidate] = {}
        self._attempts: dict[int, Attempt] = {}
        self._carrying: Attempt | None = None
        self._members: list[Link] = []
        self._leader: Link | None = None
        self._role = Role.S
        self._followers: dict[Link, Follower] = {}
        self._calls = 0
        self._calls_rest: asyncio.TimerHandle | None = None
        self._wanted = False
        self._timer: asyncio.TimerHandle | None = None
        self._turning = False
        self._moved = asyncio.Event()
        self._paced: set[Line] = set()
        self._seen: tuple[object, ...] = ()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()

    def now(self) -> float:
        """Unix time at the start, and a steady clock since."""
        return self._base_s + asyncio.get_running_loop().time()

    # -- what the device says
    def set_candidates(self, candidates: Iterable[Candidate], *, preference: Preference = Preference.SPEED) -> None:
        """All there are, as `Dialer.set_candidates`."""
        self._candidates = {candidate.id: candidate for candidate in candidates}
        self.dialer.set_candidates(self._candidates.values(), self.now(), preference=preference)
        self.turn()

    def set_network(self, key: str) -> None:
        """The device is on this network now."""
        self.ctx.pinned.clear()
        self._network = key
        self.dialer.set_network(key, self.now())
        self.turn()

    def set_online(self, online: bool | None) -> None:
        """Whether there is a default route."""
        self.dialer.set_online(online, self.now())
        self.turn()

    def leap(self) -> None:
        """The machine slept, or its clock was set: proofs are not to be trusted."""
        self._base_s = max(self._base_s, time.time() - asyncio.get_running_loop().time())
        self.dialer.doubt(self.now())
        self.turn()

    def forget_networks(self) -> None:
        """Remember no network. What carries goes on; how many private bridges were tried today still counts."""
        memory = self.dialer.memory
        current = memory.network(self._network, self.now())
        memory.networks.clear()
        current.known.clear()
        memory.networks[self._network] = current
        self.dialer.changes += 1

    def tap(self) -> bool:
        """A person pressed "try now"; False where that was less than 10 s ago."""
        taken = self.dialer.tap(self.now())
        self.turn()
        return taken

    def view(self) -> PathView:
        """What to show."""
        view = self.dialer.view(self.now())
        self.turn()
        return view

    @property
    def route(self) -> Route | None:
        """What carries now."""
        return self.dialer.route

    @property
    def candidates(self) -> list[Candidate]:
        """All there are."""
        return list(self._candidates.values())

    @property
    def home(self) -> Candidate | None:
        """The server's own address without TLS, on a laptop: there is nothing to hide, so nothing to prove first."""
        return next((c for c in self._candidates.values() if c.endpoint.id in self.ctx.http), None)

    def find_candidate(self, route: Route) -> Candidate | None:
        """The candidate of a route; None once it is no candidate any more."""
        return self._candidates.get(route.candidate_id)

    async def close(self) -> None:
        """End all carriers."""
        self._members.clear()
        for follower in list(self._followers.values()):
            follower.stop()
        self._followers.clear()
        if self._calls_rest is not None:
            self._calls_rest.cancel()
        self._leader, self._calls, self._calls_rest = None, 0, None
        self._set_wanted()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._closing:
            _, late = await asyncio.wait(self._closing, timeout=CLOSE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # -- sessions
    def enter(self, link: Link) -> None:
        """As `Keeper.enter`."""
        self._members.append(link)
        if self._leader is None:
            self._lead(link)
        else:
            self._followers[link] = Follower(self, link)

    def _lead(self, link: Link) -> None:
        """Its carriers are the dialer's attempts from now on; those of a control call serve an S session as well."""
        self._leader = link
        if self._attempts and link.role is not self._role:
            self._wanted = False
            self.dialer.rest(self.now())
        self._role = link.role
        self._set_wanted()
        if self._carrying is not None and self._carrying.line is not link.line:
            self._carry(self._carrying)

    def leave(self, link: Link) -> None:
        """As `Keeper.leave`."""
        if link not in self._members:
            return
        self._members.remove(link)
        if (follower := self._followers.pop(link, None)) is not None:
            follower.stop()
        if link.line is not None and not self._is_attempt(link.line):
            self.discard(link.line)
        if link is self._leader:
            self._leader = None
            self._wanted = False
            self.dialer.rest(self.now())
            self.turn()
            if self._members:
                heir = min(self._members, key=lambda member: member.role is not Role.R)
                self._followers.pop(heir).stop()
                self._lead(heir)
        self._set_wanted()

    def report(self, link: Link, line: Line, report: Report) -> None:
        """As `Keeper.report`."""
        if link is not self._leader:
            if (follower := self._followers.get(link)) is not None:
                follower.report(line, report)
            return
        found = next((attempt for attempt in self._attempts.values() if attempt.line is line), None)
        if found is None:
            return
        now = self.now()
        match report:
            case Stalled():
                self.dialer.stalled(found.number, line.rx_bytes, now)
            case Ended():
                self._lose(found)
            case Rotate():
                self.dialer.rotate(found.number, now)
            case Slow(bytes_s):
                self.dialer.slow(found.number, bytes_s, now)
            case Echoed(received_bytes):
                self.dialer.echoed(found.number, received_bytes, now)
        self.turn()

    # -- control calls without a session
    @contextlib.asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Inside, the race looks for a route and keeps it, whether or not there is a session."""
        self._calls += 1
        if self._calls_rest is not None:
            self._calls_rest.cancel()
            self._calls_rest = None
        self._set_wanted()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                loop = asyncio.get_running_loop()
                self._calls_rest = loop.call_later(CALLS_REST_S, self._rest_calls)

    def _rest_calls(self) -> None:
        self._calls_rest = None
        self._set_wanted()

    @property
    def news(self) -> asyncio.Event:
        """Set when the route changes or a round ends without one; another event each time."""
        return self._moved

    @property
    def problem(self) -> DialError | None:
        """Why there is no route, between rounds; None while one runs or there is one."""
        if self.dialer.retry_at is None:
            return None
        found = [t for t in self.dialer.view(self.now()).tries if t.result in ("failed", "frozen") and t.stage]
        furthest = max(found, key=lambda t: _STAGES.index(t.stage) if t.stage in _STAGES else 0, default=None)
        if furthest is None or furthest.stage not in _STAGES or furthest.reason not in _REASONS:
            return DialError(Stage.TCP, Reason.UNREACHABLE)
        return DialError(Stage(furthest.stage), Reason(furthest.reason))

    def _set_wanted(self) -> None:
        wanted = bool(self._members or self._calls or self._calls_rest)
        if self._leader is None and not self._attempts:
            self._role = Role.S
        if wanted and not self._wanted:
            self.dialer.want(self.now())
        elif self._wanted and not wanted:
            self.dialer.rest(self.now())
        self._wanted = wanted
        self.turn()

    # -- carrying out
    def turn(self) -> None:
        """Do what the dialer wants, after whatever it was told."""
        if self._turning:
            return
        self._turning = True
        try:
            while actions := self.dialer.pull():
                for action in actions:
                    self._carry_out(action)
        finally:
            self._turning = False
        self._set_timer()
        self._tell()

    def _carry_out(self, action: Action) -> None:
        match action:
            case Start(number, candidate_id, mode):
                attempt = Attempt(number, self._candidates[candidate_id], self._role, mode)
                self._attempts[number] = attempt
                attempt.task = self.spawn(self._dial(attempt))
            case Prove(number):
                self._prove(self._attempts[number])
            case Carry(number):
                self._carry(self._attempts[number])
            case Stop(number):
                self._stop(number)

    async def _dial(self, attempt: Attempt) -> None:
        number = attempt.number
        affinity = self._leader.affinity if self._leader is not None else ""

        def connected() -> None:
            self.dialer.connected(number, self.now())

        try:
            carrier = await dial(attempt.candidate, attempt.role, self.ctx, affinity=affinity, connected=connected)
        except DialError as failure:
            self._drop(number)
            said = Failure(failure.stage.value, failure.reason.value, failure.answered)
            self.dialer.failed(number, said, self.now())
        else:
            attempt.task = None
            attempt.line = Line(carrier, self._took)
            self.dialer.usable(number, self.now())
        self.turn()

    def _took(self, line: Line, record: bytes | None) -> None:
        """What comes on a carrier that no session is on."""
        attempt = next((one for one in self._attempts.values() if one.line is line), None)
        if attempt is None:
            return
        if record is None:
            self._lose(attempt)
        elif attempt.echo is not None:
            attempt.echo.feed(record, self.now())
            self.dialer.echoed(attempt.number, attempt.echo.received_bytes, self.now())
        self.turn()

    def _prove(self, attempt: Attempt) -> None:
        if self._leader is not None and self._leader.line is attempt.line:
            self._leader.prove()
        elif attempt.line is not None:
            attempt.echo = Echo(self.now())
            attempt.line.send(attempt.echo.records())

    def _carry(self, attempt: Attempt) -> None:
        self._carrying = attempt
        if self._leader is None or attempt.line is None:
            return
        old = self._leader.move(attempt.line, segmented=attempt.mode is Mode.SEGMENTED, echo=attempt.echo)
        if old is not None and not self._is_attempt(old):
            self.discard(old)  # its own, from when it followed; the dialer stops what it started

    def _is_attempt(self, line: Line) -> bool:
        return any(attempt.line is line for attempt in self._attempts.values())

    def _lose(self, attempt: Attempt) -> None:
        """Its connection ended by itself."""
        self._drop(attempt.number)
        if attempt.line is not None:
            self.discard(attempt.line)
            self.dialer.lost(attempt.number, attempt.line.rx_bytes, self.now())

    def _stop(self, number: int) -> None:
        attempt = self._drop(number)
        if attempt is None:
            return
        if attempt.task is not None:
            attempt.task.cancel()
        if attempt.line is not None:
            if self._leader is not None and self._leader.line is attempt.line:
                self._leader.detach()
            self.discard(attempt.line)

    def _drop(self, number: int) -> Attempt | None:
        attempt = self._attempts.pop(number, None)
        if attempt is self._carrying:
            self._carrying = None
        return attempt

    # -- lines of followers
    def adopt(self, line: Line) -> None:
        """A segmented line of a follower, which counts for the pace until it is discarded."""
        self._paced.add(line)

    def discard(self, line: Line) -> None:
        """Close a line, behind what is queued on it; that takes a moment and holds nobody up."""
        if line in self._paced:
            self._paced.discard(line)
            self.dialer.pace.ended()
            self.dialer.tick(self.now())
        task = asyncio.create_task(line.finish())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that `close` ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- time and news
    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.dialer.next_deadline()
        if deadline is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline - self._base_s, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.dialer.tick(self.now())
        self.turn()

    def _tell(self) -> None:
        """Wake whoever waits for a route, when there is something to know."""
        seen = (self.dialer.route, self.dialer.retry_at, self.dialer.changes)
        if seen == self._seen:
            return
        resting = self.dialer.retry_at is not None and self.dialer.retry_at not in self._seen
        self._seen = seen
        if resting and (problem := self.problem) is not None:
            for link in self._members:
                link.no_route(problem)
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
        self._notify()
