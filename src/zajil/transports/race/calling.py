"""Control calls on the way that was found: plain HTTPS to the origin itself, a session of its own elsewhere.

Calls wait for a proved route (or a segmented one): a handshake that passes says nothing about what follows it. A call
that failed before anything of it was sent tries the next route; one whose route is given up meanwhile ends at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any, Final

from zajil.protocol.path import Candidate, Mode, Strategy
from zajil.protocol.path.actions import Route
from zajil.transports.base import Answer, DialError, Reason, Stage
from zajil.transports.direct import DirectTransport
from zajil.transports.race.race import Race
from zajil.transports.race.session_calls import SessionCaller
from zajil.transports.sockets import PLAIN, Way

GRACE_S: Final = 1.0
"""A call whose route is gone has so long to say by itself what became of it."""
_UNSENT: Final = (Stage.DNS, Stage.TCP, Stage.TLS)


class RaceCaller:
    """See the module, and `Caller`. One with a lane shares no connection and no session with any other."""

    def __init__(self, race: Race, *, lane: str = "") -> None:
        """lane: as of `Link`."""
        self._race = race
        self._sessions = SessionCaller(race, lane=lane)
        self._direct: dict[tuple[str, Way], DirectTransport] = {}

    async def call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", timeout_s: float
    ) -> Answer:
        """As `Caller.call`."""
        home = self._race.home
        if home is not None:
            return await self._transport(home).call(method, path, headers=headers, body=body, timeout_s=timeout_s)
        bad = 0
        async with self._race.calling():
            while True:
                route, candidate = await self._race.wait_route(timeout_s, bad=bad)
                if not self._goes_plain(route, candidate):
                    return await self._sessions.call(method, path, headers=headers, body=body, timeout_s=timeout_s)
                plain = self._transport(candidate)
                try:
                    return await self._watch(
                        plain.call(method, path, headers=headers, body=body, timeout_s=timeout_s), route
                    )
                except DialError as failure:
                    if failure.stage not in _UNSENT:
                        raise
                    bad = route.number
                    self._race.dialer.route_failed(route, self._race.now())
                    self._race.turn()

    def _goes_plain(self, route: Route, candidate: Candidate) -> bool:
        """Whether HTTPS of this process goes there and shows nothing that the route hides."""
        usual = candidate.strategy in (Strategy.WSS, Strategy.SOCKS) and not candidate.endpoint.dir
        return usual and route.mode is Mode.STREAM and self._race.ctx.trust.is_plain(candidate.endpoint)

    def _transport(self, candidate: Candidate) -> DirectTransport:
        endpoint, ctx = candidate.endpoint, self._race.ctx
        way = PLAIN
        if candidate.strategy is Strategy.SOCKS:
            way = replace(way, socks=ctx.socks)
        elif endpoint.id in ctx.pinned:
            way = replace(way, ips=endpoint.ips)
        scheme = "http" if endpoint.id in ctx.http else "https"
        host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
        key = f"{scheme}://{host}:{endpoint.port}", way
        if key not in self._direct:
            self._direct[key] = DirectTransport(key[0], way=way)
        return self._direct[key]

    async def _watch(self, call: Coroutine[Any, Any, Answer], route: Route) -> Answer:
        """The answer; a call whose route was given up meanwhile is not waited for."""
        made = asyncio.create_task(call)
        try:
            while not made.done():
                news = asyncio.create_task(self._race.news.wait())
                await asyncio.wait((made, news), return_when=asyncio.FIRST_COMPLETED)
                news.cancel()
                current = self._race.route
                if current is None or current.number != route.number:
                    await asyncio.wait((made,), timeout=GRACE_S)
                    if not made.done():
                        raise DialError(Stage.HTTP, Reason.FROZEN)
            return made.result()
        finally:
            made.cancel()
            await asyncio.gather(made, return_exceptions=True)

    async def close(self) -> None:
        """As `Caller.close`. The race stays."""
        await self._sessions.close()
        for transport in self._direct.values():
            await transport.close()
        self._direct.clear()
