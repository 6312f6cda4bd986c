"""Opens media connections of calls over the route that carries the sessions, so that what blocks one blocks both."""

from __future__ import annotations

import asyncio
import fcntl
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from zajil.client.calls.way import CarrierWay, MediaWay
from zajil.protocol.calls.media import encode_preamble
from zajil.protocol.path import Candidate, Mode, Strategy
from zajil.transports.base import DialError, Reason, Stage
from zajil.transports.dialing import dial_media
from zajil.transports.race import Race

OPEN_S: Final = 10.0
"""From the question for a ticket to a connection whose preamble was sent."""
_SOCKETS: Final = (Strategy.WSS_BROWSER, Strategy.WSS)
# Linux alone tells how much of a TCP socket's buffer was not sent: SIOCOUTQNSD of <linux/sockios.h>.
_NOT_SENT: Final = 0x894B


class Rooms:
    """The media connections of one device."""

    def __init__(self, race: Race) -> None:
        self._race = race

    @property
    def open_here(self) -> bool:
        """Whether the route in use carries media: no segments, and more than POSTs. Without one nobody knows: True."""
        route = self._race.route
        candidate = None if route is None else self._race.find_candidate(route)
        if self._race.home is not None or route is None or candidate is None:
            return True
        return self._find_socket(candidate, route.mode) is not None

    async def open(self, room: bytes, ask: Callable[[], Awaitable[bytes]]) -> MediaWay:
        """A connection to this room, 16 bytes. ask: for a ticket; may raise ZajilError.

        Raises what `ask` raises, and DialError: after 10 s at the latest.
        """
        try:
            async with asyncio.timeout(OPEN_S), self._race.calling():
                candidate = await self._find_way()
                ticket = await ask()
                return await self._connect(candidate, room, ticket)
        except TimeoutError:
            raise DialError(Stage.HTTP, Reason.TIMEOUT) from None

    async def _find_way(self) -> Candidate:
        home = self._race.home
        if home is not None:
            return home
        if self._race.route is None:
            # People wait for it: between two looks for a way, another one begins at once.
            self._race.tap()
        route, candidate = await self._race.wait_route(OPEN_S)
        found = self._find_socket(candidate, route.mode)
        if found is None:
            raise DialError(Stage.HTTP, Reason.STATUS, note="this route carries no media")
        return found

    def _find_socket(self, candidate: Candidate, mode: Mode) -> Candidate | None:
        """The candidate, or beside one of POSTs the WebSocket to the same place, unless it failed on this network.

        POSTs may have won a race by being quicker alone, or by reaching a server first that had been away.
        """
        if mode is not Mode.STREAM:
            return None
        if candidate.strategy is not Strategy.POLL:
            return candidate
        for tried in self._race.view().tries:
            same = tried.candidate.endpoint == candidate.endpoint and tried.candidate.strategy in _SOCKETS
            if same and (tried.in_outage or tried.result not in ("failed", "frozen")):
                return tried.candidate
        return None

    async def _connect(self, candidate: Candidate, room: bytes, ticket: bytes) -> MediaWay:
        sockets: list[socket.socket] = []
        affinity = room.hex()[:4]
        carrier = await dial_media(candidate, self._race.ctx, affinity=affinity, opened=sockets.append)
        try:
            await carrier.send(encode_preamble(ticket))
        except BaseException:
            await carrier.close()
            raise
        return CarrierWay(carrier, unsent=lambda: sum(map(unsent_bytes, sockets)))


def unsent_bytes(connection: socket.socket) -> int:
    """How much of what was written to a TCP socket is still in this machine; 0 where the system does not tell."""
    number = connection.fileno()
    if number < 0 or not sys.platform.startswith("linux"):
        return 0
    answer = bytearray(4)
    try:
        fcntl.ioctl(number, _NOT_SENT, answer)
    except OSError:
        return 0  # no TCP socket
    return int.from_bytes(answer, sys.byteorder)
