"""The S session: sealed requests out, answers in. It carries no account and never learns one."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from zajil.client.core.core import Core
from zajil.client.core.sealing import Request
from zajil.client.shell.connection import Connection, Dial
from zajil.protocol import frames
from zajil.protocol.errors import Limited, Unavailable, ZajilError, error_from_wire
from zajil.protocol.frames import Err, Ok, Role
from zajil.protocol.session import Begin, ClientEvent, Message

IDLE_S = 60.0
RETRY_MAX_S = 60.0
# A caller waits that long for an allowance to come back; beyond it, he is told.
PATIENCE_MS = 5_000
# What is only worth something now is not sent later.
WHISPER_S = 4.0


class Sender:
    """Opened when there is something to send, closed when idle. Retries repeat the same bytes with the same mid."""

    def __init__(
        self,
        core: Core,
        *,
        dial: Dial,
        notify: Callable[[], Awaitable[None]],
        down: Callable[[ZajilError], None],
    ) -> None:
        self._core = core
        self._dial = dial
        self._notify = notify
        self._down = down
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._rids: dict[int, bytes] = {}
        self._tries: dict[bytes, int] = {}
        self._not_before: dict[bytes, float] = {}
        self._next_rid = 1
        self._used_at = 0.0
        self._whispers: list[tuple[float, frames.Send]] = []
        self._begun = False
        self.failed: BaseException | None = None

    def flush(self) -> None:
        """Seal and send what may go now."""
        now = asyncio.get_running_loop().time()
        if self._task is not None and self._task.done():
            self.failed = None if self._task.cancelled() else self._task.exception()
            self._task = None
        requests = self._core.requests()
        if requests:
            self._used_at = now
        if self._connection is None:
            if requests:
                self._open()
            return
        if self._begun:
            self._send(requests, now)
        if not requests and not self._rids and now - self._used_at > IDLE_S:
            self._stop()

    def whisper(self, request: frames.Send) -> None:
        """Send an ephemeral request once; its answer says nothing. Without a session it waits for one, briefly."""
        now = asyncio.get_running_loop().time()
        self._used_at = now
        self._whispers.append((now + WHISPER_S, request))
        if self._connection is None:
            self._open()
        self._send_whispers(now)

    def _send_whispers(self, now: float) -> None:
        if not self._begun or self._connection is None:
            return
        for until, request in self._whispers:
            if now < until:
                rid, self._next_rid = self._next_rid, self._next_rid % 0xFFFFFFFF + 1
                self._connection.send(msgspec.structs.replace(request, rid=rid))
        self._whispers.clear()

    def _open(self) -> None:
        self._begun = False
        self._connection = Connection(Role.S, dial=self._dial, take=self._take, down=self._down)
        self._task = asyncio.create_task(self._connection.run())

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._connection = None

    def _send(self, requests: Sequence[Request], now: float) -> None:
        if self._connection is None:
            return
        flying = set(self._rids.values())
        for request in requests:
            if request.mid in flying or self._not_before.get(request.mid, 0.0) > now:
                continue
            rid, self._next_rid = self._next_rid, self._next_rid % 0xFFFFFFFF + 1
            self._rids[rid] = request.mid
            self._connection.send(msgspec.structs.replace(request.frame, rid=rid))

    async def _take(self, events: Sequence[ClientEvent]) -> None:
        for event in events:
            if isinstance(event, Begin):
                self._begun = True
                self._rids.clear()
                self._send_whispers(asyncio.get_running_loop().time())
            elif isinstance(event, Message):
                frame = frames.parse_s_server(event.body)
                if isinstance(frame, Ok | Err):
                    self._answer(frame)
        if events:
            self.flush()
            await self._notify()

    def _answer(self, frame: Ok | Err) -> None:
        mid = self._rids.pop(frame.rid, None)
        if mid is None:
            return
        if isinstance(frame, Ok):
            self._forget(mid)
            self._core.take_ok(mid, frame)
            return
        problem = error_from_wire(frame.code, retry_ms=frame.retry_ms)
        if isinstance(problem, Limited | Unavailable):
            self._put_off(mid, frame.retry_ms)
            if frame.retry_ms > PATIENCE_MS:
                self._down(problem)
            return
        self._forget(mid)
        self._core.take_err(mid, frame)

    def _put_off(self, mid: bytes, retry_ms: int) -> None:
        """The same request again: after what the server says, else 1 2 4 .. 60 s with full jitter."""
        tries = self._tries.get(mid, 0)
        self._tries[mid] = tries + 1
        delay = retry_ms / 1000 or min(RETRY_MAX_S, 2.0**tries) * random.random()  # noqa: S311 -- jitter
        self._not_before[mid] = asyncio.get_running_loop().time() + delay

    def _forget(self, mid: bytes) -> None:
        self._tries.pop(mid, None)
        self._not_before.pop(mid, None)

    async def close(self) -> None:
        """End the session."""
        task, self._task, self._connection = self._task, None, None
        self._rids.clear()
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
