"""A session beside the leading one: it dials the route that was found, and says when that did not work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from zajil.protocol.path import Candidate, Mode
from zajil.protocol.path.actions import Route
from zajil.protocol.path.pace import CARRIERS
from zajil.protocol.session import Rotate, Stalled
from zajil.transports.base import Carrier, DialError
from zajil.transports.dialing import dial
from zajil.transports.race.line import Line, ignore
from zajil.transports.race.link import Ended, Link, Report

if TYPE_CHECKING:
    from zajil.transports.race.race import Race

PAUSE_S: Final = (0.1, 1.0, 3.0, 10.0)
"""Before the same route is dialled again when its carriers end as soon as they are there."""
LASTING_S: Final = 10.0
LOOK_S: Final = 0.05
PARK_S: Final = 0.25
"""How often a segmented session looks whether another one needs its place more."""


class Follower:
    """Keeps a link on the route until stopped."""

    def __init__(self, race: Race, link: Link) -> None:
        self._race = race
        self._link = link
        self._line: Line | None = None
        self._said: asyncio.Future[Report] | None = None
        self._bad = 0
        """Number of the route that did not work here."""
        self._early = 0
        self._parked = False
        self._task = race.spawn(self._run())

    def stop(self) -> None:
        """Leave the link as it is."""
        self._task.cancel()
        if self._line is not None and self._line is not self._link.line:
            # It ended a moment ago, and whoever would have counted it off is gone: a place would be lost for good.
            self._race.release(self._line)

    def report(self, line: Line, report: Report) -> None:
        """What the session says of its line."""
        waits = line is self._line and self._said is not None and not self._said.done()
        if waits and self._said is not None and isinstance(report, Stalled | Ended | Rotate):
            self._said.set_result(report)
        elif not waits and isinstance(report, Stalled | Ended):
            self._race.discard(line)  # while its successor is dialled: nobody watches it any more

    async def _run(self) -> None:
        while True:
            route, candidate = await self._wait_route()
            line = await self._dial(route, candidate)
            if line is None:
                continue
            self._line, self._said = line, asyncio.get_running_loop().create_future()
            opened_at = self._race.now()
            old = self._link.move(line, segmented=route.mode is Mode.SEGMENTED)
            if old is not None:
                self._race.discard(old)
            await self._watch(route, line)
            self._said = None
            if self._parked:
                self._parked = False
                await self._link.wait_busy()
            lasted = self._race.now() - opened_at >= LASTING_S or route.mode is Mode.SEGMENTED
            self._early = 0 if lasted else self._early + 1
            if self._early and self._link.line is None:
                await asyncio.sleep(PAUSE_S[min(self._early, len(PAUSE_S)) - 1])

    async def _wait_route(self) -> tuple[Route, Candidate]:
        while True:
            route = self._race.route
            if route is not None and route.number != self._bad:
                candidate = self._race.find_candidate(route)
                if candidate is not None:
                    return route, candidate
            await self._race.news.wait()

    async def _dial(self, route: Route, candidate: Candidate) -> Line | None:
        segmented = route.mode is Mode.SEGMENTED
        if segmented:
            await self._wait_pace()
        pace = self._race.dialer.pace
        if segmented:
            pace.started(self._race.now())
        try:
            link, ctx = self._link, self._race.ctx
            carrier: Carrier = await dial(candidate, link.role, ctx, affinity=link.affinity, lane=link.lane)
        except BaseException as failure:
            if segmented:
                pace.ended()
            if not isinstance(failure, DialError):
                raise
            if segmented:
                pace.failed(self._race.now())
            self._bad = route.number
            self._race.dialer.route_failed(route, self._race.now())
            self._race.turn()
            return None
        if not segmented:
            return Line(carrier, ignore)
        pace.usable()
        return self._race.adopt(carrier)

    async def _wait_pace(self) -> None:
        """Its turn among all that follow, when the pace allows: who rotates goes behind whoever waits."""
        pace, queue = self._race.dialer.pace, self._race.queue
        queue.append(self)
        try:
            while queue[0] is not self or not pace.may_dial(self._race.now()):
                if pace.open >= CARRIERS:
                    # The leading session has a carrier too: break before make.
                    self._park()
                await asyncio.sleep(max(LOOK_S, pace.ready_at - self._race.now()))
        finally:
            queue.remove(self)

    def _park(self) -> None:
        line = self._link.park()
        if line is not None:
            self._race.discard(line)

    async def _watch(self, route: Route, line: Line) -> None:
        """Until the line is over, or another route was found."""
        while self._said is not None and not self._said.done():
            current = self._race.route
            if current is not None and current.number != route.number:
                return
            news = asyncio.create_task(self._race.news.wait())
            patience_s = PARK_S if route.mode is Mode.SEGMENTED else None
            try:
                await asyncio.wait((self._said, news), timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                news.cancel()
            if patience_s is not None and self._race.queue and self._link.may_park:
                self._parked = True
                self._park()
                return
        if self._said is None or isinstance(self._said.result(), Rotate):
            return
        self._race.discard(line)
        if isinstance(self._said.result(), Stalled):
            self._bad = route.number
            self._race.dialer.route_stalled(route, line.rx_bytes, self._race.now())
            self._race.turn()
