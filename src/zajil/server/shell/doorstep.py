"""A connection until its first bytes, which say whose it is: a WebSocket's that begins plainly, or aiohttp's.

aiohttp makes a handler, a parser and a task of every connection before anything came on it, and a request, a response
and a writer of each handshake: some 150 us, of which a device that comes back needs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

SILENT_S: Final = 75.0
"""After so long without a byte a connection is closed, as aiohttp closes it."""


class Doorstep(asyncio.Protocol):
    """What stands at the door. It reads once."""

    __slots__ = ("_begin", "_doors", "_make", "_timer", "_transport")

    def __init__(
        self,
        doors: set[Doorstep],
        *,
        begin: Callable[[asyncio.Transport, bytes], bool],
        make: Callable[[], asyncio.Protocol],
    ) -> None:
        """doors: all that stand there. begin: whether it took the connection over, with its first bytes.

        make: a protocol of aiohttp's, which takes it else.
        """
        self._doors = doors
        self._begin = begin
        self._make = make
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast(asyncio.Transport, transport)  # of a stream, as nothing else is listened for
        self._timer = asyncio.get_running_loop().call_later(SILENT_S, self.close)
        self._doors.add(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        transport = self._transport
        if transport is None:
            return
        self._leave()
        if self._begin(transport, data):
            return
        handler = self._make()
        transport.set_protocol(handler)
        handler.connection_made(transport)
        handler.data_received(data)

    def connection_lost(self, _: Exception | None) -> None:
        """See asyncio."""
        self._leave()

    def close(self) -> None:
        """Nothing came, or nothing more may."""
        if self._transport is not None:
            self._transport.close()

    def _leave(self) -> None:
        self._doors.discard(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
