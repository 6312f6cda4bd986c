"""A connection until its first bytes, which say whose it is: a WebSocket's that begins plainly, or aiohttp's.

aiohttp makes a handler, a parser and a task of every connection before anything came on it, and a request, a response
and a writer of each handshake: some 150 us, of which a device that comes back needs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, cast

from aiohttp import web

SILENT_S: Final = 75.0
"""A connection whose first request is not there after so long is closed, by aiohttp as here; and one between two."""


class Doorstep(asyncio.Protocol):
    """What stands at the door. It reads once."""

    __slots__ = ("_begin", "_deadline", "_doors", "_make", "_timer", "_transport")

    def __init__(
        self,
        doors: set[Doorstep],
        *,
        begin: Callable[[asyncio.Transport, bytes], bool],
        make: Callable[[], web.RequestHandler],
    ) -> None:
        """doors: all that stand there. begin: whether it took the connection over, with its first bytes.

        make: a protocol of aiohttp's, which takes it else.
        """
        self._doors = doors
        self._begin = begin
        self._make = make
        self._deadline = 0.0
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast(asyncio.Transport, transport)  # of a stream, as nothing else is listened for
        loop = asyncio.get_running_loop()
        self._deadline = loop.time() + SILENT_S
        self._timer = loop.call_at(self._deadline, self.close)
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
        _keep_deadline(handler, self._deadline)
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


def _keep_deadline(handler: web.RequestHandler, deadline: float) -> None:
    """Have aiohttp close the connection at that time of the loop if its first request is not whole.

    aiohttp counts from when it takes a connection: whoever sends a byte at the last moment would have the time twice.
    Nothing public of it is about a single connection.
    """
    if handler._keepalive_handle is not None:  # noqa: SLF001  # see above
        handler._keepalive_handle.cancel()  # noqa: SLF001
    handler._next_keepalive_close_time = deadline  # noqa: SLF001
    again = asyncio.get_running_loop().call_at(deadline, handler._process_keepalive)  # noqa: SLF001
    handler._keepalive_handle = again  # noqa: SLF001
