"""The message server's media room, played by a test for a page: it sees each record as the server does.

It comes to the attempts that a caller tells it of, says `got` when a frame has opened, and passes nothing on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.calls.wire.chromium import PATIENCE_S, Told

JOINED = (0, 1, 1)
"""The notice of slot 0: joined, as slot 1."""


@dataclass
class RoomTap:
    """drive: orders to the page. say: signals to the caller. opens: whether a record of an attempt opens."""

    drive: Callable[..., Awaitable[None]]
    say: Callable[[Told], Awaitable[None]]
    opens: Callable[[int, bytes], bool]
    records: list[bytes] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    """Of the attempts that the caller told of."""
    got: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    def hear(self, told: Told) -> None:
        """What the page tells."""
        if told["told"] == "opened":
            self._begin(self.drive("record", way=told["way"], data=JOINED))
        elif told["told"] == "signal" and told["signal"]["t"] == "room":
            self.numbers.add(told["signal"]["pc"])
        elif told["told"] == "record":
            self._take(bytes(told["data"]))

    def _take(self, record: bytes) -> None:
        self.records.append(record)
        self._changed.set()
        for pc in self.numbers - self.got:
            if self.opens(pc, record):
                self.got.add(pc)
                self._begin(self.say({"t": "got", "pc": pc}))

    def _begin(self, work: Awaitable[None]) -> None:
        self._tasks.add(asyncio.ensure_future(work))

    async def until(self, count: int) -> None:
        """Until so many records have come."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.records) < count:
                self._changed.clear()
                await self._changed.wait()

    async def close(self) -> None:
        """Raises what went wrong."""
        for task in self._tasks:
            await task
