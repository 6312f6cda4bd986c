"""The asyncio shell of `zajil.protocol.path`: carries out what the dialer decides, and tells it what became of it.

One race per device. Sessions (`Link`) enter it while they need a carrier. The first is the *leader*: the dialer's
attempts are its carriers. The others dial the route that was found (`following`). Without any session, or with none
that may lead, the attempts are carriers of an S session that never opens.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from zajil.protocol.frames import Role
from zajil.protocol.path import Candidate, Memory, PathView, Preference
from zajil.protocol.path.actions import Route
from zajil.protocol.path.failures import ROUNDS_S
from zajil.protocol.session import Echoed, Rotate, Slow, Stalled
from zajil.transports.base import DialError, Reason, Stage
from zajil.transports.dialing import DialContext
from zajil.transports.race.attempts import Attempts
from zajil.transports.race.following import Follower
from zajil.transports.race.line import Line
from zajil.transports.race.link import Ended, Link, Report

CALLS_REST_S: Final = 5.0
"""So long the race goes on after the last control call that had no session beside it."""


class Race(Attempts):
    """Make it inside a running event loop; close it when done."""

    def __init__(
        self,
        ctx: DialContext,
        *,
        memory: Memory | None = None,
        network: str = "",
        rounds_s: Sequence[float] = ROUNDS_S,
    ) -> None:
        """memory, network: what is remembered, and where the device is. rounds_s: as the dialer's."""
        super().__init__(ctx, memory=memory, network=network, rounds_s=rounds_s)
        self._network = network
        self.queue: list[Follower] = []
        """Who waits for a segmented carrier, first come first served."""
        self._followers: dict[Link, Follower] = {}
        self._calls = 0
        self._calls_rest: asyncio.TimerHandle | None = None
        self._wanted = False

    # -- what the device says
    def set_candidates(self, candidates: Iterable[Candidate], *, preference: Preference = Preference.SPEED) -> None:
        """All there are, as `Dialer.set_candidates`."""
        self._candidates = {candidate.id: candidate for candidate in candidates}
        self.dialer.set_candidates(self._candidates.values(), self.now(), preference=preference)
        self.turn()

    def set_network(self, key: str) -> None:
        """The device is on this network now."""
        self.ctx.pinned.clear()
        self._network = key
        self.dialer.set_network(key, self.now())
        self.turn()

    def set_online(self, online: bool | None) -> None:
        """Whether there is a default route."""
        self.dialer.set_online(online, self.now())
        self.turn()

    def leap(self) -> None:
        """The machine slept, or its clock was set: proofs are not to be trusted."""
        self._base_s = max(self._base_s, time.time() - asyncio.get_running_loop().time())
        self.dialer.doubt(self.now())
        self.turn()

    def forget_networks(self) -> None:
        """Remember no network. What carries goes on; how many private bridges were tried today still counts."""
        memory = self.dialer.memory
        current = memory.network(self._network, self.now())
        memory.networks.clear()
        current.forget()
        memory.networks[self._network] = current
        self.dialer.changes += 1

    def tap(self) -> bool:
        """A person pressed "try now"; False where that was less than 10 s ago."""
        taken = self.dialer.tap(self.now())
        self.turn()
        return taken

    def view(self) -> PathView:
        """What to show."""
        view = self.dialer.view(self.now())
        self.turn()
        return view

    @property
    def route(self) -> Route | None:
        """What carries now."""
        return self.dialer.route

    @property
    def candidates(self) -> list[Candidate]:
        """All there are."""
        return list(self._candidates.values())

    @property
    def home(self) -> Candidate | None:
        """The server's own address without TLS, on a laptop: there is nothing to hide, so nothing to prove first."""
        return next((c for c in self._candidates.values() if c.endpoint.id in self.ctx.http), None)

    def find_candidate(self, route: Route) -> Candidate | None:
        """The candidate of a route; None once it is no candidate any more."""
        return self._candidates.get(route.candidate_id)

    async def wait_route(self, timeout_s: float, *, bad: int = 0) -> tuple[Route, Candidate]:
        """The first proved route from now on that has not this number. Raises DialError where none is to be had.

        Inside `calling`, or beside a session: nobody looks for one otherwise.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    route = self.route
                    if route is not None and route.proved and route.number != bad:
                        candidate = self.find_candidate(route)
                        if candidate is not None:
                            return route, candidate
                    if (problem := self.problem) is not None:
                        raise problem
                    await self.news.wait()
        except TimeoutError:
            raise DialError(Stage.ECHO, Reason.TIMEOUT) from None

    async def close(self) -> None:
        """End all carriers."""
        self._members.clear()
        for follower in list(self._followers.values()):
            follower.stop()
        self._followers.clear()
        if self._calls_rest is not None:
            self._calls_rest.cancel()
        self._leader, self._calls, self._calls_rest = None, 0, None
        self._set_wanted()
        await self._end()

    # -- sessions
    def enter(self, link: Link) -> None:
        """As `Keeper.enter`."""
        if link in self._members:
            return
        self._members.append(link)
        if self._leader is None and not link.lane:
            self._lead(link)
        else:
            self._followers[link] = Follower(self, link)
            self._set_wanted()

    def _lead(self, link: Link) -> None:
        """Its carriers are the dialer's attempts from now on; those of a control call serve an S session as well."""
        self._leader = link
        if self._attempts and link.role is not self._role:
            self._wanted = False
            self.dialer.rest(self.now())
        self._role = link.role
        self._set_wanted()
        if self._carrying is not None and self._carrying.line is not link.line:
            self._carry(self._carrying)

    def leave(self, link: Link) -> None:
        """As `Keeper.leave`."""
        if link not in self._members:
            return
        self._members.remove(link)
        if (follower := self._followers.pop(link, None)) is not None:
            follower.stop()
        if link.line is not None and not self._is_attempt(link.line):
            self.discard(link.line)
        if link is self._leader:
            self._leader = None
            self._wanted = False
            self.dialer.rest(self.now())
            self.turn()
            if heirs := [member for member in self._members if not member.lane]:
                heir = min(heirs, key=lambda member: member.role is not Role.R)
                self._followers.pop(heir).stop()
                self._lead(heir)
        self._set_wanted()

    def report(self, link: Link, line: Line, report: Report) -> None:
        """As `Keeper.report`."""
        if link is not self._leader:
            if (follower := self._followers.get(link)) is not None:
                follower.report(line, report)
            return
        found = next((attempt for attempt in self._attempts.values() if attempt.line is line), None)
        if found is None:
            if isinstance(report, Stalled | Ended):
                self.release(line)  # it was a follower's before it led
            return
        now = self.now()
        match report:
            case Stalled():
                self.dialer.stalled(found.number, line.rx_bytes, now)
            case Ended():
                self._lose(found)
            case Rotate():
                self.dialer.rotate(found.number, now)
            case Slow(bytes_s):
                self.dialer.slow(found.number, bytes_s, now)
            case Echoed(received_bytes):
                self.dialer.echoed(found.number, received_bytes, now)
        self.turn()

    # -- control calls without a session
    @contextlib.asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Inside, the race looks for a route and keeps it, whether or not there is a session."""
        self._calls += 1
        if self._calls_rest is not None:
            self._calls_rest.cancel()
            self._calls_rest = None
        self._set_wanted()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                loop = asyncio.get_running_loop()
                self._calls_rest = loop.call_later(CALLS_REST_S, self._rest_calls)

    def _rest_calls(self) -> None:
        self._calls_rest = None
        self._set_wanted()

    def _set_wanted(self) -> None:
        wanted = bool(self._members or self._calls or self._calls_rest)
        if self._leader is None and not self._attempts:
            self._role = Role.S
        if wanted and not self._wanted:
            self.dialer.want(self.now())
        elif self._wanted and not wanted:
            self.dialer.rest(self.now())
        self._wanted = wanted
        self.turn()
