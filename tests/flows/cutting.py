"""A line to a server that breaks all its connections after so many bytes, so many times."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType
from urllib.parse import urlsplit

STEP = 1 << 14


class CuttingLine:
    """`async with` opens it; `url` is where it listens. Bytes are counted in both directions, over all connections."""

    def __init__(self, server: str, *, every_bytes: int, times: int) -> None:
        self._port = urlsplit(server).port or 0
        self._every = every_bytes
        self._left = times
        self._moved = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""
        self.cuts = 0

    async def __aenter__(self) -> CuttingLine:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self._cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, back}
        for source, target in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pump(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(STEP):
                self._count(len(data))
                target.write(data)
                await target.drain()
        target.close()

    def _count(self, size: int) -> None:
        self._moved += size
        if self._left and self._moved >= self._every:
            self._left -= 1
            self._moved = 0
            self.cuts += 1
            self._cut()

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
