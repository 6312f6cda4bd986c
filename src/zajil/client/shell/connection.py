"""One session kept attached: dials, redials after a pause, moves records between a carrier and the session logic."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Frame, Role, encode_frame
from zajil.protocol.session import ClientEvent, ClientSession, Closed, Stalled
from zajil.transports.base import Carrier

Dial = Callable[[Role], Awaitable[Carrier]]
Take = Callable[[Sequence[ClientEvent]], Awaitable[None]]
Down = Callable[[ZajilError], None]
BackOff = Callable[[int], Awaitable[None]]


class Connection:
    """Runs until cancelled. `take` gets all events of the records that arrived together, in order.

    down: told of every failed attempt. back_off: returns when the next one is due; it is told the ms that the server
    asked for, 0 where it did not.
    """

    def __init__(self, role: Role, *, dial: Dial, take: Take, down: Down, back_off: BackOff) -> None:
        self._role = role
        self._dial = dial
        self._take = take
        self._down = down
        self._back_off = back_off
        self._session = ClientSession(role)
        self._inbox: deque[bytes | None] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()

    def send(self, frame: Frame) -> None:
        """Queue a frame on the session as it is now."""
        self._session.send(encode_frame(frame))
        self._idle.clear()
        self._wake.set()

    async def flush(self, timeout_s: float) -> None:
        """Return when what is queued is on the carrier, there is none, or the time is over."""
        if self.usable:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._idle.wait()

    @property
    def usable(self) -> bool:
        """Whether the server answers on a carrier now."""
        return self._session.usable

    async def run(self) -> None:
        """Keep the session attached until cancelled."""
        while True:
            try:
                carrier = await self._dial(self._role)
            except ZajilError as problem:
                self._down(problem)
                await self._back_off(0)
                continue
            retry_ms = 0
            try:
                retry_ms = await self._carry(carrier)
            finally:
                await carrier.close()
            await self._back_off(retry_ms)

    async def _carry(self, carrier: Carrier) -> int:
        """Until the carrier ends; ms that the server asked us to wait."""
        loop = asyncio.get_running_loop()
        self._inbox.clear()
        number, events = self._session.open_carrier(loop.time())
        reader = asyncio.create_task(self._read(carrier))
        try:
            await self._take(events)
            while True:
                for record in self._session.pull(number, loop.time()):
                    await carrier.send(record)
                self._idle.set()
                await self._wait()
                events = []
                ended = False
                while self._inbox and not ended:
                    record_or_end = self._inbox.popleft()
                    if record_or_end is None:
                        self._session.lost(number)
                        ended = True
                    else:
                        events += self._session.feed(number, record_or_end, loop.time())
                events += self._session.tick(loop.time())
                if events:
                    await self._take(events)
                over = next((event for event in events if isinstance(event, Closed | Stalled)), None)
                if over is not None or ended:
                    return over.retry_ms if isinstance(over, Closed) else 0
        except ZajilError:
            return 0
        finally:
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader
            self._session.lost(number)

    async def _wait(self) -> None:
        deadline = self._session.next_deadline()
        # Not `wait_for`: on Python 3.11 it may swallow a cancellation that comes with the wake-up.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await self._wake.wait()
        self._wake.clear()

    async def _read(self, carrier: Carrier) -> None:
        try:
            while (record := await carrier.recv()) is not None:
                self._inbox.append(record)
                self._wake.set()
        except ZajilError:
            pass
        finally:
            self._inbox.append(None)
            self._wake.set()
