"""Who waits for the answer of a linking, in memory: one place for each address, and only so many at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from zajil.engine.bus import Bus, Topic

_PLACES_MAX: Final = 256


class Arrivals:
    """Events of one server process, by address; answers laid down at another gateway come over the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._events: dict[bytes, asyncio.Event] = {}
        self._closed = False

    async def wait(self, addr: bytes, seconds: float, *, is_waiting: Callable[[], Awaitable[bool]]) -> None:
        """Returns once there is something for this address, or after this time; at once where waiting makes no sense.

        is_waiting: asked after taking the place, and whenever something may have come. Where all places are taken, or
        somebody waits for the same, it returns at once: the caller then asks again.
        """
        if self._closed or addr in self._events or len(self._events) >= _PLACES_MAX:
            return
        event = self._events[addr] = asyncio.Event()
        leave = self._bus.listen(Topic.LINK, addr, lambda _news: event.set())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not self._closed and await is_waiting():
                        await event.wait()
                        event.clear()
        finally:
            leave()
            del self._events[addr]

    def waiting(self, addr: bytes) -> bool:
        """Whether somebody waits there."""
        return addr in self._events

    def close(self) -> None:
        """Nobody waits any more: the server stops."""
        self._closed = True
        for event in self._events.values():
            event.set()

    def tell(self, addr: bytes) -> None:
        """Something has arrived there. Call only after COMMIT."""
        self._bus.tell(Topic.LINK, addr, b"")
