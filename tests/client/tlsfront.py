"""TLS in front of a server, as an edge ends it, and switches that a censor would throw."""

from __future__ import annotations

import asyncio
import contextlib
import ssl


class TLSFront:
    """Ends TLS on a loopback port and passes the bytes on. leads_to: a loopback port, or the path of a Unix socket."""

    def __init__(self, leads_to: int | str, tls: ssl.SSLContext) -> None:
        self.leads_to = leads_to
        self._tls = tls
        self.blocked = False
        """Every connection is reset, those that stand too."""
        self.connections = 0
        self.port = 0
        self.passed = bytearray()
        """What whoever ends TLS here reads of clients."""
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> TLSFront:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def block(self) -> None:
        """Reset what stands and whatever comes."""
        self.blocked = True
        for writer in self._writers:
            writer.transport.abort()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._tasks.add(asyncio.create_task(self._serve(reader, writer)))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.leads_to, str):
            return await asyncio.open_unix_connection(self.leads_to)
        return await asyncio.open_connection("127.0.0.1", self.leads_to)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.blocked:
            writer.transport.abort()
            return
        far_reader, far_writer = await self._connect()
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(_copy(reader, far_writer, self.passed), _copy(far_reader, writer))
        finally:
            for each in (writer, far_writer):
                self._writers.discard(each)
                each.transport.abort()
                with contextlib.suppress(OSError):
                    await each.wait_closed()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray | None = None) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            if seen is not None:
                seen += data
            writer.write(data)
            await writer.drain()
        writer.close()
