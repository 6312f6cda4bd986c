"""One session kept attached over whatever carriers the race gives it.

Nothing waits in here: records are fed, pulled and handed to lines as they come, so a carrier that hangs or a reader of
events that takes its time keeps no session from noticing. What the session says is read by one task, in order.

A move is make before break: `move` opens the session on the new line while the old one lives, and the race closes the
old one behind it. The session logic ignores what older carriers still bring.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.session import (
    Begin,
    ClientEvent,
    ClientSession,
    Closed,
    Echo,
    Echoed,
    Message,
    Rotate,
    Slow,
    Stalled,
    Usable,
)
from zajil.transports.race.line import Line


@dataclass(frozen=True, slots=True)
class Ended:
    """The carrier ended, and nobody here ended it."""


Report: TypeAlias = Stalled | Ended | Rotate | Slow | Echoed
Take = Callable[[Sequence[ClientEvent]], Awaitable[None]]
Down = Callable[[ZajilError | None, int], None]
Pause = Callable[[], Awaitable[None]]


class Keeper(Protocol):
    """Who gives a link its lines: the race."""

    def enter(self, link: Link) -> None:
        """It needs a carrier from now on."""

    def leave(self, link: Link) -> None:
        """It needs none."""

    def report(self, link: Link, line: Line, report: Report) -> None:
        """What its session says of this line. One that stalled or ended is the keeper's to close."""


@dataclass(frozen=True, slots=True)
class _Lost:
    """The session has no carrier now. problem: no route was found. closed: the session is over, retry_ms as told."""

    problem: ZajilError | None = None
    retry_ms: int = 0
    closed: bool = False


def _always() -> bool:
    """The server may say something at any time."""
    return True


class Link:
    """Runs until cancelled.

    take: gets events in order, all that are there together; Begin opens a batch. What it raises as a ZajilError drops
    the carrier. down: the session has no carrier; problem, where no route could be had at all; retry_ms, where the
    server closed the session. pause: after that, returns when it may begin anew. waits: whether the server is to say
    something; where it is not, the link may be parked. lane: not "" for a session that nothing else of this device may
    be joined with: it has carriers and seals of its own, and never leads.
    """

    def __init__(
        self,
        role: Role,
        keeper: Keeper,
        *,
        affinity: str,
        lane: str = "",
        take: Take,
        down: Down,
        pause: Pause,
        waits: Callable[[], bool] = _always,
    ) -> None:
        self.role = role
        self.affinity = affinity
        self.lane = lane
        self.line: Line | None = None
        self._keeper = keeper
        self._take = take
        self._down = down
        self._pause = pause
        self._waits = waits
        self._woken = asyncio.Event()
        self._session = ClientSession(role)
        self._number = 0
        self._echo: Echo | None = None
        self._queue: deque[ClientEvent | _Lost] = deque()
        self._arrived = asyncio.Event()
        self._begun = 0
        self._begun_taken = 0
        self._timer: asyncio.TimerHandle | None = None
        self._turn_due = False
        self._crash: BaseException | None = None
        self._is_over = False
        """The session ended, and the next one has not been asked for."""

    @property
    def usable(self) -> bool:
        """Whether the server answers on a carrier now."""
        return self._session.usable

    @property
    def rtt_s(self) -> float:
        """Seconds of the last round trip on this carrier, 0 before the first."""
        return self._session.rtt_s

    @property
    def moved_bytes(self) -> int:
        """Grows while anything moves on the present carrier, in either direction."""
        return self._session.rx_bytes + self._session.tx_bytes

    def send(self, message: bytes) -> None:
        """Queue a message on the session as it is now; where a Begin waits to be taken, that sends everything again."""
        if self._begun == self._begun_taken:
            self._session.send(message)
            self._woken.set()
            self._turn_soon()

    async def flush(self, timeout_s: float) -> None:
        """Return when what is queued is on the carrier, there is none, or the time is over."""
        if self.usable and self.line is not None:
            self._turn()
            await self.line.flush(timeout_s)

    async def run(self) -> None:
        """Keep the session attached until cancelled."""
        self._keeper.enter(self)
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._queue:
                    await self._take_some()
                if self._crash is not None:
                    raise self._crash
        finally:
            self._keeper.leave(self)
            self.detach()

    async def _take_some(self) -> None:
        first = self._queue.popleft()
        if isinstance(first, _Lost):
            self._down(first.problem, first.retry_ms)
            if first.closed:
                await self._pause()
                self._is_over = False
                self._keeper.enter(self)
            return
        batch = [first]
        if isinstance(first, Begin):
            self._begun_taken += 1
        while self._queue and not isinstance(self._queue[0], Begin | _Lost):
            batch.append(self._queue.popleft())  # type: ignore[arg-type]  # no _Lost, as just seen
        try:
            await self._take(batch)
        except ZajilError:
            self._drop()

    # -- what the race does
    def move(self, line: Line, *, segmented: bool, echo: Echo | None = None) -> Line | None:
        """Go on over this line; the line before, still open, for the race to close. echo: one that runs on it."""
        old, self.line = self.line, line
        line.take = self._took
        self._echo = echo
        self._number, events = self._session.open_carrier(self._now(), segmented=segmented)
        self._note(events)
        self._turn()
        return old

    def prove(self) -> None:
        """Run the echo on the present carrier; Echoed reports follow."""
        self._session.prove(self._now())
        self._turn()

    def detach(self) -> None:
        """The line is gone, or is to be closed by whoever asked."""
        if self.line is not None:
            self.line = None
            self._session.lost(self._number)
            self._note([_Lost()])
        self._set_timer()

    def park(self) -> Line | None:
        """Give up the line without a word to whoever runs the session: it goes on when there is something to do."""
        line, self.line = self.line, None
        if line is not None:
            self._session.lost(self._number)
        self._set_timer()
        return line

    @property
    def may_park(self) -> bool:
        """Nothing is on its way in either direction."""
        return self.usable and not self._session.queued_bytes and not self._waits()

    async def wait_busy(self) -> None:
        """Return when it may not be parked any more."""
        while not self._session.queued_bytes and not self._waits():
            self._woken.clear()
            await self._woken.wait()

    def no_route(self, problem: ZajilError) -> None:
        """A round found none."""
        if self.line is None:
            self._note([_Lost(problem)])

    def close(self) -> None:
        """End the session at the server too."""
        if self.line is not None:
            self._session.close()
            self._turn()

    def renew(self, retry_ms: int) -> None:
        """End the session at the server too; after `pause`, told to wait so long, the next one begins anew.

        No effect on one that is over already. What it has still said is not looked at.
        """
        if self._is_over:
            return
        self._queue = deque(each for each in self._queue if isinstance(each, _Lost))
        self._begun_taken = self._begun
        self._session.close()
        self._turn()
        self._over(Closed("restarting", retry_ms, by_peer=False))

    # -- what happens on the line
    def _took(self, line: Line, record: bytes | None) -> None:
        try:
            self._feed(line, record)
        except Exception as crash:  # noqa: BLE001  # in a task of the line: `run` raises it
            self._crash = crash
            self._arrived.set()

    def _feed(self, line: Line, record: bytes | None) -> None:
        if line is not self.line:
            return
        if record is None:
            self.detach()
            self._keeper.report(self, line, Ended())
            return
        now = self._now()
        if self._echo is not None:
            answered = self._echo.feed(record, now)
            echoed = Echoed(self._echo.received_bytes, self._echo.elapsed_s, self._echo.done)
            if echoed.done:
                self._echo = None
            self._keeper.report(self, line, echoed)
            if answered or line is not self.line:
                return
        self._dispatch(self._session.feed(self._number, record, now), line)
        self._turn()

    def _tick(self) -> None:
        self._timer = None
        if self.line is not None:
            self._dispatch(self._session.tick(self._now()), self.line)
            self._turn()

    def _dispatch(self, events: Sequence[ClientEvent], line: Line) -> None:
        for event in events:
            match event:
                case Message() | Begin() | Usable():
                    self._note([event])
                case Closed():
                    self._note([event])
                    self._turn()
                    self._over(event)
                case Stalled():
                    self.detach()
                    self._keeper.report(self, line, event)
                case Rotate() | Slow() | Echoed():
                    self._keeper.report(self, line, event)

    def _over(self, closed: Closed) -> None:
        """The session is over: nothing is dialled until whoever runs it has paused."""
        if self._is_over:
            return
        self._is_over = True
        self._note([_Lost(retry_ms=closed.retry_ms, closed=True)])
        self._keeper.leave(self)  # which closes the line
        self.line = None

    def _drop(self) -> None:
        """The reader of events does not want this carrier any more."""
        line = self.line
        self.detach()
        if line is not None:
            self._keeper.report(self, line, Ended())

    def _note(self, events: Sequence[ClientEvent | _Lost]) -> None:
        self._begun += sum(isinstance(event, Begin) for event in events)
        self._queue.extend(events)
        if events:
            self._arrived.set()

    # -- what goes out
    def _turn_soon(self) -> None:
        """Several messages of one step go out together."""
        if not self._turn_due:
            self._turn_due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._turn_due = False
        if self.line is not None:
            self.line.send(self._session.pull(self._number, self._now()))
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self._session.next_deadline() if self.line is not None else None
        if deadline is not None:
            self._timer = asyncio.get_running_loop().call_at(deadline, self._tick)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
