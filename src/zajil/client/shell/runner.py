"""Runs one device: R for receiving (one process of a home), S for sending, control calls, timers.

Everything durable is in the core; whatever is lost here, cut off or repeated, the core and the server sort out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from zajil.client.core.core import Core
from zajil.client.files.uploading import LANE, Uploads
from zajil.client.shell.calls import Calls
from zajil.client.shell.errands import Errands
from zajil.client.shell.login import Tokens
from zajil.client.shell.reach.reach import Reach
from zajil.client.shell.receiver import Receiver
from zajil.client.shell.sender import Sender
from zajil.client.storage.keyfile import read_keys, write_keys
from zajil.client.storage.lock import SyncLock
from zajil.protocol.errors import Unreachable, ZajilError
from zajil.protocol.frames import Send

POLL_S = 0.1
# Calls and requests that were put off come due without any change of the store.
LOOK_AGAIN_S = 0.5
# Whoever waits for a server that answers, but cannot do what is asked, is told after so long.
BUSY_S = 10.0
DAY_S = 86_400.0


class _Busy(NamedTuple):
    """What the server says, since when and when last, by the loop's clock."""

    problem: ZajilError
    since: float
    said: float


class Runner:
    """Started once, runs until closed. `changed` fires after each thing that may have moved the store."""

    def __init__(self, core: Core, reach: Reach, tokens: Tokens, *, home: Path) -> None:
        self._core = core
        self._reach = reach
        self._home = home
        self._lock = SyncLock(home)
        self.tokens = tokens
        self.problem: ZajilError | None = None
        self._busy: _Busy | None = None
        """What the server says instead of doing what is asked."""
        self._changed = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._seen = (-1, -1)
        self._look_again_at = 0.0
        self._daily_at = 0.0
        self._receiver = Receiver(
            core, self.tokens, race=reach.race, notify=self._notify, down=self._note_down, busy=self._note_busy
        )
        self._sender = Sender(core, race=reach.race, notify=self._notify, down=self._note_down, busy=self._note_busy)
        self._errands = Errands(core, reach.calls, self.tokens, backups=lambda: reach.backups, down=self._note_down)
        self.uploads = Uploads(
            core, calls=lambda: Calls(reach.lane(LANE)), account=reach.calls, tokens=tokens, home=home
        )
        self._receiving = False
        self._errand: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; harmless when running."""
        if self._tasks:
            return
        self._core.want_drain()
        self._try_receiving()
        self._reach.start()
        self._tasks.append(asyncio.create_task(self._pump()))

    async def close(self) -> None:
        """End all sessions; what is queued stays queued."""
        if self._receiving:
            await self._receiver.stop()
        if self._errand is not None:
            self._tasks.append(self._errand)
        await self.uploads.close()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []
        await self._sender.close()
        self._receiving = False
        self._lock.release()

    async def until(self, condition: Callable[[], bool], *, patient: bool = False) -> None:
        """Return when `condition` holds. patient: wait through times without a server.

        Else raises Unreachable, and Unavailable where a server answers that for 10 s only says that it cannot.
        """
        began = _now()
        while not condition():
            for task in self._tasks:
                if task.done():
                    task.result()
            if self.problem is not None and not patient:
                problem, self.problem = self.problem, None
                raise problem
            busy = self._busy
            # What it said before anybody waited, as to a message that was deleted since, tells nothing of now.
            if not patient and busy and busy.said >= began and _now() - max(busy.since, began) >= BUSY_S:
                self._busy = None
                raise busy.problem
            await self.change(POLL_S)

    async def change(self, timeout_s: float) -> None:
        """Return after the next change, or when the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait()

    def whisper(self, request: Send) -> None:
        """Send a request that is kept nowhere once, if the sending session opens in its time."""
        self._sender.whisper(request)

    @property
    def offline(self) -> bool:
        """Whether the last attempt met no server, and the receiving session is not there either."""
        return isinstance(self.problem, Unreachable) and not self._receiver.usable

    async def watch(self) -> None:
        """Return after the next change; raises what ended the runner."""
        for task in self._tasks:
            if task.done():
                task.result()
        await self.change(1.0)

    async def _notify(self) -> None:
        self.problem = None
        async with self._changed:
            self._changed.notify_all()

    def _note_down(self, problem: ZajilError) -> None:
        self.problem = problem

    def _note_busy(self, problem: ZajilError | None) -> None:
        """None: it did what was asked."""
        now = _now()
        self._busy = None if problem is None else _Busy(problem, self._busy.since if self._busy else now, now)

    def _try_receiving(self) -> None:
        """Become the receiving process of this home, if no other is (mls.md 7.11)."""
        if self._receiving or self._core.is_locked() or not self._lock.try_acquire():
            return
        keys = read_keys(self._home)
        starts = self._core.start(keys.starts)
        if starts != keys.starts:
            write_keys(self._home, msgspec.structs.replace(keys, starts=starts))
        if self._core.is_locked():
            return
        self._receiving = True
        self._tasks.append(asyncio.create_task(self._receiver.run()))

    async def _pump(self) -> None:
        """Look after what this or another process of the home left to do."""
        while True:
            if not self._receiving:
                self._try_receiving()
            self._receiver.tick()
            await self._turn()
            await self.change(POLL_S)

    async def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        seen = self._core.store.changes()
        if seen == self._seen and now < self._look_again_at:
            return
        foreign = seen[0] != self._seen[0]
        self._seen, self._look_again_at = seen, now + LOOK_AGAIN_S
        if foreign:
            async with self._changed:
                self._changed.notify_all()
        self._core.sweep()
        if self._receiving:
            self._receiver.drain_if_wanted()
            if now >= self._daily_at:
                self._daily_at = now + DAY_S
                self._core.daily()
            deadline = self._core.next_deadline()
            if deadline is not None and deadline <= self._core.now():
                self._core.tick()
        await self._run_errands()
        self.uploads.look()
        self._sender.flush()
        if self._sender.failed is not None:
            raise self._sender.failed
        self._reach.check()

    async def _run_errands(self) -> None:
        """On a slow line a call takes its time; what can be sent does not wait for it."""
        if self._errand is None:
            self._errand = asyncio.create_task(self._errands.run())
        await asyncio.wait((self._errand,), timeout=POLL_S)
        if self._errand.done():
            done, self._errand = self._errand, None
            done.result()


def _now() -> float:
    return asyncio.get_running_loop().time()
