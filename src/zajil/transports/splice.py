"""One connection offered to a program library as a Unix socket, so that we open, watch and end what it uses.

libcurl's handshake runs in a thread that nobody can interrupt, and its wrapper takes no address to connect to. Behind
a splice the socket is ours: opened by `sockets` (pinned, proxied), and closing it ends the thread's wait at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from zajil.transports.base import Reason
from zajil.transports.sockets import socket_reason

CHUNK_BYTES = 65_536


class Splice:
    """Copies bytes between `upstream` and the first who connects to `path`, until either ends. Owns `upstream`."""

    def __init__(self, upstream: socket.socket, connected: Callable[[], None]) -> None:
        """connected: called once when TLS has passed, as far as one can see from outside."""
        self.passed_tls = False
        """The inner program has answered something that came: its ClientHello was, and it went on."""
        self.ended: Reason | None = None
        """Why upstream ended, CLOSED for an ordinary end; None while it lives or when we ended it."""
        self._heard = False
        self._connected = connected
        self._upstream = upstream
        self._folder = Path(tempfile.mkdtemp(prefix="zajil-"))  # 0700: nobody else can connect first
        self.path = self._folder / "s"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self.path))
        self._listener.listen(1)
        self._listener.setblocking(False)
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Ends both connections; no effect the second time."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._stop_listening()
        self._upstream.close()

    def _stop_listening(self) -> None:
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _run(self) -> None:
        local = await self._accept()
        self._stop_listening()
        with local, self._upstream:
            local.setblocking(False)
            copies = [asyncio.create_task(self._up(local)), asyncio.create_task(self._down(local))]
            try:
                await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for copy in copies:
                    copy.cancel()
                await asyncio.gather(*copies, return_exceptions=True)

    async def _accept(self) -> socket.socket:
        """Not `sock_accept`: when cancelled late, it loses what it accepted."""
        loop = asyncio.get_running_loop()
        knocked = asyncio.Event()
        loop.add_reader(self._listener, knocked.set)
        try:
            await knocked.wait()
            return self._listener.accept()[0]
        finally:
            loop.remove_reader(self._listener)

    async def _up(self, local: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(local, CHUNK_BYTES):
                if self._heard and not self.passed_tls:
                    self.passed_tls = True
                    self._connected()
                await loop.sock_sendall(self._upstream, data)

    async def _down(self, local: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await loop.sock_recv(self._upstream, CHUNK_BYTES):
                self._heard = True
                await loop.sock_sendall(local, data)
            self.ended = Reason.CLOSED
        except OSError as failure:
            self.ended = socket_reason(failure)
