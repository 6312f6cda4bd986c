"""Media ways for tests of the room: real ones that can be cut or frozen, and a room in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from zajil.client.calls.way import CUT, MediaClosed, MediaWay, OpenMedia
from zajil.protocol.calls import media
from zajil.protocol.errors import error


class WatchedWay:
    """A real way. What goes over it is counted; frozen, nothing goes over it any more and nobody is told."""

    def __init__(self, way: MediaWay) -> None:
        self._way = way
        self.frozen = False
        self.sent: list[bytes] = []

    def send(self, record: bytes) -> None:
        self.sent.append(record)
        if not self.frozen:
            self._way.send(record)

    @property
    def waiting(self) -> int:
        return self._way.waiting

    async def receive(self) -> bytes:
        record = await self._way.receive()
        while self.frozen:
            record = await self._way.receive()
        return record

    async def close(self) -> None:
        await self._way.close()


@dataclass
class Ways:
    """All ways that one device opened. closed: no more are to be had."""

    open_real: OpenMedia
    all: list[WatchedWay] = field(default_factory=list)
    closed: bool = False

    async def open(self) -> MediaWay:
        if self.closed:
            raise error("unreachable")
        self.all.append(WatchedWay(await self.open_real()))
        return self.all[-1]

    async def cut(self) -> None:
        """All at once, as when a socket breaks."""
        for way in self.all:
            await way.close()


class Place:
    """A room in memory: every record of one goes to all others, behind the slot of its sender."""

    def __init__(self) -> None:
        self.seats: list[Seat] = []
        self.slots = self.openings = 0
        self.refuse: Callable[[], Exception] | None = None
        """What openings raise."""
        self.ends_with: int | None = None
        """The code with which connections end at once, before a word of the room."""

    async def open(self) -> MediaWay:
        self.openings += 1
        if self.refuse is not None:
            raise self.refuse()
        seat = Seat(self)
        if self.ends_with is not None:
            seat.end(self.ends_with)
            return seat
        others = [one.slot for one in self.seats]
        self.slots += 1
        seat.slot = self.slots
        seat.give(media.encode_room(media.Joined(seat.slot, tuple(others))))
        self.seats.append(seat)
        return seat


class Seat:
    """One connection to a `Place`. held: bytes that are said to wait for the network."""

    def __init__(self, place: Place) -> None:
        self._place, self._records = place, asyncio.Queue[bytes | int]()
        self._code: int | None = None
        self.slot = 0
        self.held = 0
        self.sent: list[bytes] = []
        self.passes: Callable[[bytes], bool] = lambda _: True

    def send(self, record: bytes) -> None:
        self.sent.append(record)
        if self not in self._place.seats or not self.passes(record):
            return
        for other in self._place.seats:
            if other is not self:
                other.give(bytes((self.slot,)) + record)

    def give(self, record: bytes) -> None:
        self._records.put_nowait(record)

    def end(self, code: int) -> None:
        if self in self._place.seats:
            self._place.seats.remove(self)
        self._records.put_nowait(code)

    @property
    def waiting(self) -> int:
        return self.held

    async def receive(self) -> bytes:
        if self._code is None:
            record = await self._records.get()
            if isinstance(record, bytes):
                return record
            self._code = record
        raise MediaClosed(self._code)

    async def close(self) -> None:
        self.end(CUT)
