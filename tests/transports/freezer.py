"""A censor on the way: passes so many bytes of each connection and direction, then nothing, and closes nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


class Freezer:
    """Leads a loopback port to another. Directions are counted apart."""

    def __init__(self, leads_to: int, *, up_bytes: int = 1 << 40, down_bytes: int = 1 << 40) -> None:
        self._leads_to = leads_to
        self.up_bytes = up_bytes
        self.down_bytes = down_bytes
        self.cut = False
        """End each connection at its limit, instead of keeping silent."""
        self.connections = 0
        self.frozen = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Freezer:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # A connection that came just now may have a task that never ran.
        for writer in self._writers:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def end_since(self, count: int) -> None:
        """End every connection that came after the first so many."""
        for writer in self._writers[count:]:
            writer.transport.abort()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        self._tasks.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._leads_to)
        try:
            await asyncio.gather(self._copy_up(reader, far_writer), self._copy_down(far_reader, writer))
        finally:
            for each in (writer, far_writer):
                each.transport.abort()
                with contextlib.suppress(OSError):
                    await each.wait_closed()

    async def _copy_up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._copy(reader, writer, lambda: self.up_bytes)

    async def _copy_down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._copy(reader, writer, lambda: self.down_bytes)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: Callable[[], int]) -> None:
        passed = 0
        frozen = False
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                room = limit() - passed
                if len(data) > room and not frozen:
                    frozen = True
                    self.frozen += 1
                if self.cut and frozen:
                    writer.transport.abort()
                    return
                if room > 0:
                    passed += len(data[:room])
                    writer.write(data[:room])
                    await writer.drain()
            if not frozen:
                writer.close()
