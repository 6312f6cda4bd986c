"""The attempts of the dialer as tasks, carriers and timers. What nobody else does is here; `race` says who leads.

The dialer is told of everything that happens to an attempt, and what it wants is carried out at once, in order.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from zajil.protocol.frames import Role
from zajil.protocol.path import Action, Candidate, Carry, Dialer, Failure, Memory, Mode, Prove, Start, Stop
from zajil.protocol.path.failures import ROUNDS_S
from zajil.protocol.session import Echo
from zajil.transports.base import Carrier, DialError, Reason, Stage
from zajil.transports.dialing import DialContext, dial
from zajil.transports.race.line import Line, ignore
from zajil.transports.race.link import Link

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


class Attempts:
    """The part of a race that carries out what the dialer decides. rounds_s: as the dialer's."""

    def __init__(
        self,
        ctx: DialContext,
        *,
        memory: Memory | None = None,
        network: str = "",
        rounds_s: Sequence[float] = ROUNDS_S,
    ) -> None:
        self.ctx = ctx
        self._base_s = time.time() - asyncio.get_running_loop().time()
        self.dialer = Dialer(random=random.random, memory=memory, network=network, now=self.now(), rounds_s=rounds_s)
        self.crash: BaseException | None = None
        """What ended one of its tasks: a bug here."""
        self._candidates: dict[str, Candidate] = {}
        self._attempts: dict[int, Attempt] = {}
        self._carrying: Attempt | None = None
        self._members: list[Link] = []
        """Sessions that need a carrier, in the order in which they came."""
        self._leader: Link | None = None
        """Whose carriers the attempts are; None: those of no session."""
        self._role = Role.S
        """Of the attempts under way."""
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
    def adopt(self, carrier: Carrier) -> Line:
        """A segmented line of a follower. It has a place until it is discarded or ends, whoever is told of that."""
        line = Line(carrier, ignore, self._give_back)
        self._paced.add(line)
        return line

    def _give_back(self, line: Line) -> None:
        if line in self._paced:
            self._paced.discard(line)
            self.dialer.pace.ended()
            self.dialer.tick(self.now())
            self.turn()  # the leading session may wait for this place, and for nothing else

    def discard(self, line: Line) -> None:
        """Close a line, behind what is queued on it; that takes a moment and holds nobody up."""
        self._give_back(line)
        task = asyncio.create_task(line.finish())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def release(self, line: Line) -> None:
        """Discard a line that still counts for the pace, if it does."""
        if line in self._paced:
            self.discard(line)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that `close` ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget_task)
        return task

    def _forget_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self.crash = self.crash or task.exception()

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

    async def _end(self) -> None:
        """End all tasks and lines."""
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
