"""A carrier and the two tasks that serve it: what is queued goes out, what comes is handed on.

Sending never waits here: a frozen connection must not keep its session from noticing. The session's window bounds what
is queued.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable

from zajil.protocol.errors import ZajilError
from zajil.transports.base import Carrier

Take = Callable[["Line", bytes | None], None]
FLUSH_S = 2.0


class Line:
    """Serves one carrier from the moment it is made. take: gets every record, and None once the carrier has ended.

    over: called once, however it ended.
    """

    def __init__(self, carrier: Carrier, take: Take, over: Callable[[Line], None] | None = None) -> None:
        self.take = take
        self.ended = False
        self._over = over
        self._carrier = carrier
        self._out: deque[bytes] = deque()
        self._more = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]

    @property
    def rx_bytes(self) -> int:
        """Bytes of all records received."""
        return self._carrier.rx_bytes

    @property
    def carrier(self) -> Carrier:
        """What it serves."""
        return self._carrier

    def send(self, records: Iterable[bytes]) -> None:
        """Queue records, in order."""
        self._out.extend(records)
        if self._out and not self.ended:
            self._empty.clear()
            self._more.set()

    async def flush(self, timeout_s: float) -> None:
        """Return when what is queued is on the carrier, the carrier has ended, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()

    async def close(self) -> None:
        """End it at once; what is queued is lost."""
        self._end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._carrier.close()

    async def finish(self) -> None:
        """End it when what is queued is out, soon at any rate."""
        await self.flush(FLUSH_S)
        await self.close()

    def _end(self) -> None:
        over, self._over = self._over, None
        self.ended = True
        self._empty.set()
        if over is not None:
            over(self)

    async def _read(self) -> None:
        try:
            while (record := await self._carrier.recv()) is not None:
                self.take(self, record)
        except ZajilError:
            pass
        if not self.ended:
            self._end()
            self.take(self, None)

    async def _write(self) -> None:
        try:
            while True:
                while not self._out:
                    self._more.clear()
                    self._empty.set()
                    await self._more.wait()
                await self._carrier.send(self._out.popleft())
        except ZajilError:
            # The reader sees the end, unless the peer only stopped reading: then the session does.
            self._empty.set()


def ignore(_line: Line, _record: bytes | None) -> None:
    """Until a session is on it, nothing is sent, so nothing comes."""
