"""Large answers on plain HTTPS: written with patience that ends, and with memory that all of them share.

Whoever asks and does not read holds what he asked for in our memory; nothing else of HTTP would ever let go of it. Nor
does a connection that waits for its next request let go of the answer before (aiohttp 3.14).
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from aiohttp import web

from zajil.engine.places import Places

UNIT_BYTES: Final = 1 << 16
"""What a socket takes at once; smaller answers count nothing."""
_RETRY_MS: Final = 1000


class Answers:
    """most_bytes: memory for large answers that are being read, all together. patience_s: for reading one."""

    def __init__(self, most_bytes: int, *, patience_s: float) -> None:
        self._places = Places(max(1, most_bytes // UNIT_BYTES))
        self._patience_s = patience_s

    async def write(self, request: web.Request, response: web.Response, *, prefix: bytes) -> None:
        """Write a response if it is large; one that is not read in time ends with its connection.

        prefix: whose share of the memory it counts under. Raises Unavailable `busy` before anything is written.
        """
        size = response.content_length or 0
        if size <= UNIT_BYTES:
            return
        with self._held(prefix, -(-size // UNIT_BYTES)), suppress(ConnectionError):
            try:
                async with asyncio.timeout(self._patience_s):
                    await response.prepare(request)
                    await response.write_eof()
                response.body = None
            except TimeoutError:
                drop(request.transport)

    @contextmanager
    def _held(self, prefix: bytes, units: int) -> Iterator[None]:
        taken = 0
        try:
            for _ in range(units):
                self._places.take(prefix, retry_ms=_RETRY_MS)
                taken += 1
            yield
        finally:
            for _ in range(taken):
                self._places.leave(prefix)


def drop(transport: asyncio.Transport | None) -> None:
    """End a connection, and let the system forget what it has not sent: it would wait for this reader for minutes."""
    if transport is None:
        return
    if (connection := transport.get_extra_info("socket")) is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
