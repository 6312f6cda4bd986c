"""One connection of a prober, on a bare TCP socket: what comes back, and exactly how and when it ends.

TLS runs over memory, so that a close_notify, a FIN and a reset are told apart and a connection can be half closed
either way. Nothing is verified: a prober takes any certificate.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

_CHUNK: Final = 1 << 16
_MOST_BYTES: Final = 1 << 20
_CONNECT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Target:
    """A server to probe. host, port: where to connect. name: what a visitor types, so SNI and Host."""

    host: str
    port: int
    name: str


@dataclass(frozen=True, slots=True)
class Tls:
    """How to begin TLS. sni: None for the target's name, empty for none. newest: highest version offered."""

    sni: str | None = None
    alpn: tuple[str, ...] = ("http/1.1",)
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3


class Close(Enum):
    """A step of a probe that ends one direction."""

    FIN = "fin"
    """TCP says that nothing more will come; TLS does not."""
    NOTIFY = "notify"
    """TLS says so, TCP does not."""


class Ending(Enum):
    """How the server left the connection, as far as was seen."""

    OPEN = "open"
    NOTIFY = "close_notify, TCP open"
    CLEAN = "close_notify, FIN"
    FIN = "FIN"
    RESET = "reset"
    REFUSED = "no connection"


@dataclass(slots=True)
class Heard:
    """Everything that came back. plain: after TLS. raw: on the socket. times: seconds since the last step was done."""

    tls: str = ""
    plain: bytearray = field(default_factory=bytearray)
    raw: bytearray = field(default_factory=bytearray)
    ending: Ending = Ending.OPEN
    answered_s: float | None = None
    """When the newest byte of an answer came."""
    ended_s: float | None = None


Step = bytes | float | Close


async def play(target: Target, tls: Tls | None, steps: tuple[Step, ...], *, patience_s: float) -> Heard:
    """Send bytes, wait seconds and half close as the steps say, then listen for `patience_s`. tls: None for bare TCP.

    Raises nothing for whatever the server does.
    """
    heard = Heard()
    loop = asyncio.get_running_loop()
    family = socket.AF_INET6 if ":" in target.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            async with asyncio.timeout(_CONNECT_S):
                await loop.sock_connect(sock, (target.host, target.port))
        except (OSError, TimeoutError):
            heard.ending = Ending.REFUSED
            return heard
        line = _Line(sock, heard)
        if tls is not None and not await line.begin_tls(tls, target.name, patience_s):
            return heard
        await line.follow(steps)
        await line.listen(patience_s)
    return heard


class _Line:
    """A socket, perhaps with TLS on it, and what was heard on it."""

    def __init__(self, sock: socket.socket, heard: Heard) -> None:
        self._sock = sock
        self._heard = heard
        self._loop = asyncio.get_running_loop()
        self._asked_at = self._loop.time()
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None

    async def begin_tls(self, tls: Tls, name: str, patience_s: float) -> bool:
        """Whether the handshake came to its end; what it agreed on, or the alert, is in `heard.tls`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = tls.newest
        if tls.alpn:
            context.set_alpn_protocols(list(tls.alpn))
        sni = name if tls.sni is None else tls.sni
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=sni or None)
        self._asked_at = self._loop.time()
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush()
            except ssl.SSLError as failure:
                self._heard.tls = f"refused: {failure.reason}"
                await self._flush()
                await self.listen(patience_s)
                return False
            if not await self._receive(patience_s):
                self._heard.tls = "refused: no answer"
                return False
        await self._flush()
        cipher = self._tls.cipher()
        agreed = self._tls.selected_alpn_protocol() or "no ALPN"
        self._heard.tls = f"{self._tls.version()} {cipher[0] if cipher else '?'} {agreed}"
        return True

    async def follow(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            if isinstance(step, float):
                await self.listen(step)
            elif isinstance(step, bytes):
                await self._send(step)
            elif step is Close.NOTIFY and self._tls is not None:
                with suppress(ssl.SSLError):
                    self._tls.unwrap()
                await self._flush()
            else:
                with suppress(OSError):
                    self._sock.shutdown(socket.SHUT_WR)
        self._asked_at = self._loop.time()

    async def listen(self, seconds: float) -> None:
        """Read until the server ends the connection or this much time is over."""
        until = self._loop.time() + seconds
        self._decrypt()
        while self._heard.ending in (Ending.OPEN, Ending.NOTIFY) and len(self._heard.raw) < _MOST_BYTES:
            left = until - self._loop.time()
            if left <= 0 or not await self._receive(left):
                return
            self._decrypt()

    async def _send(self, data: bytes) -> None:
        if self._tls is None:
            await self._write(data)
            return
        for at in range(0, len(data), _CHUNK):
            with suppress(ssl.SSLError):
                self._tls.write(data[at : at + _CHUNK])
            await self._flush()

    async def _flush(self) -> None:
        if self._out.pending:
            await self._write(self._out.read())

    async def _write(self, data: bytes) -> None:
        """A server that has stopped reading, or has gone, is seen by what it sends."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CONNECT_S):
                await self._loop.sock_sendall(self._sock, data)

    async def _receive(self, seconds: float) -> bool:
        """Whether bytes came; otherwise the time is over, or the ending is known."""
        try:
            async with asyncio.timeout(seconds):
                data = await self._loop.sock_recv(self._sock, _CHUNK)
        except TimeoutError:
            return False
        except OSError:
            self._end(Ending.RESET)
            return False
        if not data:
            self._end(Ending.CLEAN if self._heard.ending is Ending.NOTIFY else Ending.FIN)
            return False
        self._heard.raw += data
        if self._tls is None:
            self._take(data)
        else:
            self._in.write(data)
        return True

    def _decrypt(self) -> None:
        if self._tls is None:
            return
        while True:
            try:
                data = self._tls.read(_CHUNK)
            except ssl.SSLZeroReturnError:
                self._end(Ending.NOTIFY)
                return
            except ssl.SSLError:
                return
            if not data:
                self._end(Ending.NOTIFY)
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        self._heard.answered_s = self._loop.time() - self._asked_at
        self._heard.plain += data

    def _end(self, ending: Ending) -> None:
        if self._heard.ended_s is None:
            self._heard.ended_s = self._loop.time() - self._asked_at
        self._heard.ending = ending
