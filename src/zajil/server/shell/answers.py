"""Large answers on plain HTTPS: written with patience that ends, and with memory that all of them share.

Whoever asks and does not read holds what he asked for in our memory; nothing else of HTTP would ever let go of it. Nor
does a connection that waits for its next request let go of the answer before (aiohttp 3.14).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from aiohttp import web

from zajil.engine.blobs import BlobPart
from zajil.engine.places import Places
from zajil.server.http.calls import HttpAnswer
from zajil.server.shell.files import send_part

_LOG = logging.getLogger(__name__)

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

    async def send(
        self, request: web.Request, answer: HttpAnswer, part: BlobPart, *, prefix: bytes
    ) -> web.StreamResponse:
        """Write an answer whose body is this part of a file; patience and share are those of one from memory.

        Raises Unavailable `busy` before anything is written.
        """
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_length = len(part)
        with self._held(prefix, -(-len(part) // UNIT_BYTES)):
            try:
                async with asyncio.timeout(self._patience_s):
                    await response.prepare(request)
                    request.writer.send_headers()
                    await send_part(request, part)
                    await response.write_eof()
            except OSError as fault:  # of the reader, who has gone or was not in time; or of the disk
                if not isinstance(fault, ConnectionError | TimeoutError):
                    _LOG.warning("a file was not sent: %s", type(fault).__name__)
                drop(request.transport)
        return response

    @contextmanager
    def _held(self, prefix: bytes, units: int) -> Iterator[None]:
        self._places.take(prefix, retry_ms=_RETRY_MS, places=units)
        try:
            yield
        finally:
            self._places.leave(prefix, places=units)


def drop(transport: asyncio.Transport | None) -> None:
    """End a connection, and let the system forget what it has not sent: it would wait for this reader for minutes."""
    if transport is None:
        return
    if (connection := transport.get_extra_info("socket")) is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
