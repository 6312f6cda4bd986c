"""Carriers made of POSTs, for networks that strip `Upgrade`: the bytes and the order are `protocol.reach.polling`'s.

A POST with records is answered at once and empty; one without is a poll and brings what there is to send, so that
nothing a client gets can overtake anything else. A carrier lives on between its POSTs, without any connection: there
are a quarter as many as there may be WebSockets, shared by address prefix like those.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiohttp import web

from zajil.engine.places import Places
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.reach.polling import (
    BODY_BYTES,
    HOLD_LONGEST_S,
    HOLD_SHORTEST_S,
    SILENT_S,
    PolledCarrier,
    PollPost,
    parse_post,
)
from zajil.server.gateway.lines import Line
from zajil.server.shell.bodies import Bodies

_FIRST_SEQS: Final = (0, 1)
"""The first two POSTs are under way at once, so either may come first."""
_BUSY_RETRY_MS: Final = 5000
MakeLine = Callable[[Callable[[], None], float], Line]
"""A line that kicks as given and is dropped after so many silent seconds; what it raises refuses the POST."""


class Posts:
    """Every carrier of POSTs of this process."""

    def __init__(self, bodies: Bodies, *, carriers_max: int, now: Callable[[], float]) -> None:
        """now: seconds of a clock that only goes forward."""
        self._bodies = bodies
        self._places = Places(carriers_max)
        self._now = now
        self._carriers: dict[bytes, _Carrier] = {}

    def __len__(self) -> int:
        """Carriers alive."""
        return len(self._carriers)

    async def answer(self, request: web.Request, *, owner: tuple[str, bytes], place: bytes, make: MakeLine) -> bytes:
        """The body that answers this POST. owner: path and bridge, the same for all POSTs of a carrier.

        place: whose share a new carrier counts under. Raises ZajilError; the carrier is over then.
        """
        with self._bodies.reading(place) as one:
            return await self._pass(parse_post(await one.read(request, BODY_BYTES)), owner, place, make)

    async def _pass(self, post: PollPost, owner: tuple[str, bytes], place: bytes, make: MakeLine) -> bytes:
        carrier = self._carriers.get(post.carrier)
        if carrier is None:
            carrier = self._begin(post, owner, place, make)
        elif carrier.owner != owner:
            raise error("protocol", "a carrier of another path")
        try:
            return await carrier.answer(post)
        except BaseException:
            carrier.end()
            raise

    def _begin(self, post: PollPost, owner: tuple[str, bytes], place: bytes, make: MakeLine) -> _Carrier:
        if post.seq not in _FIRST_SEQS:
            raise error("protocol", "no such carrier")
        self._places.take(place, retry_ms=_BUSY_RETRY_MS)

        def forget() -> None:
            self._places.leave(place)
            del self._carriers[post.carrier]

        try:
            carrier = _Carrier(post.carrier, owner=owner, make=make, now=self._now, forget=forget)
        except ZajilError:
            self._places.leave(place)
            raise
        self._carriers[post.carrier] = carrier
        return carrier

    def stop(self) -> None:
        """End every carrier; what is held is answered."""
        for carrier in list(self._carriers.values()):
            carrier.end()


class _Carrier:
    """One carrier and its line."""

    def __init__(
        self,
        name: bytes,
        *,
        owner: tuple[str, bytes],
        make: MakeLine,
        now: Callable[[], float],
        forget: Callable[[], None],
    ) -> None:
        self.owner = owner
        self._now = now
        self._forget = forget
        self._ended = False
        self._news = asyncio.Event()
        self._polled = PolledCarrier(name, now())
        self._line = make(self._kick, SILENT_S)

    async def answer(self, post: PollPost) -> bytes:
        """The body for this POST, once it is there. Raises RemoteProtocolError `protocol`."""
        hold_s = _between(HOLD_SHORTEST_S, HOLD_LONGEST_S)
        while not self._polled.admit(post, self._now(), hold_s=hold_s):
            await self._wait(self._polled.next_deadline())
        self._line.heard()
        self._tell()
        for record in post.items:
            while self._line.crowded:
                await self._wait(None)
            self._line.feed(record)
        if post.items:
            return self._polled.answer(post, self._now()) or b""
        while (body := self._answer_poll(post)) is None:
            await self._wait(self._polled.next_deadline())
        if self._line.done and not self._polled.waiting_bytes:
            self.end()
        return body

    def _answer_poll(self, post: PollPost) -> bytes | None:
        if self._ended:
            return b""
        if not self._polled.waiting_bytes:
            for record in self._line.pull():
                self._polled.give(record)
        return self._polled.answer(post, self._now(), closing=self._line.done)

    async def _wait(self, until: float | None) -> None:
        """For news, or for this time. Raises RemoteProtocolError `protocol` for a carrier that is over."""
        if self._ended:
            raise error("protocol", "the carrier is over")
        news = self._news
        with suppress(TimeoutError):
            async with asyncio.timeout(None if until is None else max(0.0, until - self._now())):
                await news.wait()

    def _tell(self) -> None:
        """Wake everybody who waits, once."""
        self._news.set()
        self._news = asyncio.Event()

    def _kick(self) -> None:
        self._tell()
        if self._line.dropped:
            self.end()

    def end(self) -> None:
        """The carrier is over; its session waits for another one."""
        if not self._ended:
            self._ended = True
            self._line.lost()
            self._forget()
            self._tell()


def _between(least: float, most: float) -> float:
    """A random time, so that polls of many clients do not come in step."""
    return least + (most - least) * int.from_bytes(os.urandom(2), "big") / 65536
