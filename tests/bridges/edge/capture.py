"""Everything that goes between a bridge and its home server, as the bridge sees it: unmasked, and put together."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Capture:
    """A relay in front of a server. heads: HTTP heads as sent. records: payloads of WebSocket frames, both ways."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self.port = 0
        self.heads: list[bytes] = []
        self.records: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            writer.close()
            return
        ways = [
            asyncio.create_task(self._carry(reader, far_writer)),
            asyncio.create_task(self._carry(far_reader, writer)),
        ]
        try:
            await asyncio.gather(*ways)
        finally:
            for way in ways:
                way.cancel()
            for each in (writer, far_writer):
                each.close()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        seen = b""
        with suppress(OSError, asyncio.CancelledError):
            while data := await source.read(1 << 16):
                seen += data
                sink.write(data)
                await sink.drain()
        with suppress(OSError):
            if sink.can_write_eof():
                sink.write_eof()
            else:
                sink.close()
        self._take(seen)

    def _take(self, seen: bytes) -> None:
        head, found, rest = seen.partition(b"\r\n\r\n")
        self.heads.append(head)
        if found and b"websocket" in head.lower():
            self.records += list(_frames(rest))
        else:
            self.records.append(rest)

    def holds(self, secret: bytes) -> bool:
        """Whether these bytes went through."""
        return any(secret in each for each in (*self.heads, *self.records))


def _frames(data: bytes) -> list[bytes]:
    """Payloads of WebSocket frames (RFC 6455 5.2), unmasked."""
    found = []
    at = 0
    while at + 2 <= len(data):
        masked, length = data[at + 1] & 0x80, data[at + 1] & 0x7F
        at += 2
        if length >= 126:
            size = 2 if length == 126 else 8
            length = int.from_bytes(data[at : at + size])
            at += size
        mask = data[at : at + 4] if masked else bytes(4)
        at += 4 if masked else 0
        payload = data[at : at + length]
        at += length
        found.append(bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))
    return found


@asynccontextmanager
async def capturing(port: int, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Capture]:
    """A relay to this port of this machine, until the block ends; then everything is in. tls: ends here."""
    capture = Capture(lambda: asyncio.open_connection("127.0.0.1", port))
    async with _serving(capture, lambda serve: asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)) as server:
        capture.port = server.sockets[0].getsockname()[1]
        yield capture


@asynccontextmanager
async def capturing_socket(path: Path, target: str) -> AsyncIterator[Capture]:
    """The same between two Unix sockets."""
    capture = Capture(lambda: asyncio.open_unix_connection(target))
    async with _serving(capture, lambda serve: asyncio.start_unix_server(serve, path)):
        yield capture


@asynccontextmanager
async def _serving(
    capture: Capture, start: Callable[[Serve], Awaitable[asyncio.Server]]
) -> AsyncIterator[asyncio.Server]:
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
        with suppress(asyncio.CancelledError):
            await capture.serve(reader, writer)

    server = await start(serve)
    try:
        yield server
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
