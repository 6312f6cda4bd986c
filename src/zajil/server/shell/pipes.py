"""Answers that go on: parts of a stream, of which many readers get the same, written as soon as they are there.

A part goes to the transport in one piece, past `StreamResponse.write`: its chunk (RFC 9112 7.1) is made once for all
who get it. What a reader has not read waits in the transport, by reference, up to UNREAD_BYTES; more is not taken.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from zajil.server.shell.answers import drop

UNREAD_BYTES: Final = 1 << 16
"""Of one reader; a part more may follow what is less."""
PATIENCE_S: Final = 30.0
"""For reading what fills it."""


class Chunker:
    """The chunk of a part. Of the part before it remembers, which is the same object for all readers of a stream."""

    def __init__(self) -> None:
        self._part, self._chunk = b"", b""

    def chunk(self, part: bytes) -> bytes:
        """`size CRLF part CRLF` of a part that is not empty."""
        if part is not self._part:
            self._part, self._chunk = part, b"%x\r\n%s\r\n" % (len(part), part)
        return self._chunk


class Pipe:
    """One such answer, an `Outlet` of the public space. Its request goes on meanwhile."""

    def __init__(self, request: web.Request, headers: dict[str, str], chunker: Chunker) -> None:
        self.response = web.StreamResponse(headers=headers)
        self._request = request
        self._chunker = chunker
        self._transport: asyncio.Transport | None = None
        self._is_chunked = False

    async def open(self) -> None:
        """The head of the answer. Raises ConnectionError where the peer has gone."""
        await self.response.prepare(self._request)
        self._request.writer.send_headers()
        self._transport = self._request.transport
        self._is_chunked = self.response.headers.get("transfer-encoding") == "chunked"

    def put(self, part: bytes) -> bool:
        """As `Outlet.put`."""
        transport = self._transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size() >= UNREAD_BYTES:
            return False
        transport.write(self._chunker.chunk(part) if self._is_chunked else part)
        return True

    async def write(self, part: bytes) -> None:
        """As `Outlet.write`."""
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        for start in range(0, max(len(part), 1), UNREAD_BYTES):
            piece = part if len(part) <= UNREAD_BYTES else part[start : start + UNREAD_BYTES]
            if piece:
                transport.write(self._chunker.chunk(piece) if self._is_chunked else piece)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._request.writer.drain()
            except TimeoutError:
                drop(transport)
                raise ConnectionResetError from None
