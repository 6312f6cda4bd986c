"""A carrier over a WebSocket whose ClientHello is a browser's: strategy `wss-browser`, by curl_cffi.

Optional: the extra `zajil[reach]`. Without it `is_installed` is false and nobody makes a candidate of it. Inside TLS
the request is the same as that of `websocket`: no observer sees it.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import re
import socket
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from zajil.transports.base import (
    CARRIED_BYTES,
    TLS_DEADLINE_S,
    USABLE_DEADLINE_S,
    DialError,
    Reason,
    Stage,
)
from zajil.transports.http import Answered, trusted_file
from zajil.transports.sockets import PLAIN, Way, open_socket
from zajil.transports.splice import Splice
from zajil.transports.websocket import ended

if TYPE_CHECKING:  # an optional package that takes a tenth of a second to import
    from curl_cffi import AsyncSession, AsyncWebSocket, CurlError, Response

Browser = Literal["chrome", "firefox", "safari"]
BROWSERS: Final[tuple[Browser, ...]] = ("chrome", "firefox", "safari")
CLOSE_S: Final = 2.0
QUEUE_RECORDS: Final = 64
_REFUSED_UPGRADE, _BAD_CERTIFICATE, _TLS_FAILED = 22, 60, 35  # of libcurl
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


def is_installed() -> bool:
    """Whether this strategy exists here."""
    return hasattr(socket, "AF_UNIX") and importlib.util.find_spec("curl_cffi") is not None


def choose_browser(number: int) -> Browser:
    """The browser of a network, by a number that stays the same there: one place never shows two browsers."""
    return BROWSERS[number % len(BROWSERS)]


async def dial_browser(url: str, way: Way = PLAIN, *, browser: Browser) -> BrowserCarrier:
    """As `dial_websocket`, with a TLS handshake like that browser's. url: wss alone."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    parts = urlsplit(url)
    stage = Stage.TCP
    try:
        async with asyncio.timeout_at(started + TLS_DEADLINE_S):
            upstream = await open_socket(parts.hostname or "", parts.port or 443, way)
    except TimeoutError:
        raise DialError(stage, Reason.TIMEOUT) from None
    splice = Splice(upstream, way.connected)
    handshake = _Handshake(url, splice, browser)
    try:
        return await handshake.carrier(started)
    except BaseException:
        await handshake.abandon()
        raise


class _Handshake:
    """One attempt of libcurl, in its thread."""

    def __init__(self, url: str, splice: Splice, browser: Browser) -> None:
        from curl_cffi import AsyncSession, CurlOpt

        self._splice = splice
        self._lines: list[bytes] = []
        self._session: AsyncSession[Response] = AsyncSession()
        self._connecting = asyncio.ensure_future(
            _finish(
                self._session.ws_connect(
                    url,
                    impersonate=browser,
                    default_headers=False,
                    headers={"User-Agent": "Mozilla/5.0"},
                    accept_encoding=None,
                    allow_redirects=False,
                    verify=trusted_file() or True,
                    timeout=USABLE_DEADLINE_S,
                    max_message_size=CARRIED_BYTES,
                    recv_queue_size=QUEUE_RECORDS,
                    drain_on_error=True,
                    curl_options={
                        CurlOpt.UNIX_SOCKET_PATH: str(splice.path),
                        CurlOpt.HEADERFUNCTION: self._take_line,
                    },
                )
            )
        )

    def _take_line(self, line: bytes) -> int:
        """Called in libcurl's thread."""
        self._lines.append(bytes(line))
        return len(line)

    async def carrier(self, started: float) -> BrowserCarrier:
        from curl_cffi import CurlError

        loop = asyncio.get_running_loop()
        await asyncio.wait({self._connecting}, timeout=started + TLS_DEADLINE_S - loop.time())
        if not self._connecting.done() and self._splice.passed_tls:
            await asyncio.wait({self._connecting}, timeout=started + USABLE_DEADLINE_S - loop.time())
        if not self._connecting.done():
            raise DialError(Stage.HTTP if self._splice.passed_tls else Stage.TLS, Reason.TIMEOUT)
        try:
            return BrowserCarrier(self._connecting.result(), self._session, self._splice)
        except CurlError as failure:
            raise self._error(failure) from None

    async def abandon(self) -> None:
        """Closing the splice ends what libcurl waits for."""
        await self._splice.close()
        self._connecting.cancel()
        await asyncio.gather(self._connecting, return_exceptions=True)
        await self._session.close()

    def _error(self, failure: CurlError) -> DialError:
        stage = Stage.HTTP if self._splice.passed_tls else Stage.TLS
        if failure.code == _BAD_CERTIFICATE:
            return DialError(Stage.TLS, Reason.CERT)
        if failure.code == _REFUSED_UPGRADE and self._lines:
            found = _STATUS.match(self._lines[0])
            headers = dict(_header(line) for line in self._lines)
            return Answered(int(found[1]) if found else 0, headers)
        if failure.code == _TLS_FAILED:
            stage = Stage.TLS
        return DialError(stage, self._splice.ended or Reason.CLOSED)


async def _finish(connecting: object) -> AsyncWebSocket:
    return await connecting  # type: ignore[no-any-return,misc]  # curl_cffi's context is awaitable, its types hide it


def _header(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode("latin-1").partition(":")
    return name.strip().title(), value.strip()


class BrowserCarrier:
    """One WebSocket of libcurl whose binary messages are records. Anything else on it ends it."""

    def __init__(self, socket: AsyncWebSocket, session: AsyncSession[Response], splice: Splice) -> None:
        self._socket = socket
        self._session = session
        self._splice = splice
        self.rx_bytes = 0
        self.tx_bytes = 0
        self.failure: DialError | None = None
        self._records: asyncio.Queue[bytes | None] = asyncio.Queue(QUEUE_RECORDS)
        self._reader = asyncio.create_task(self._read())

    async def send(self, record: bytes) -> None:
        """As `Carrier.send`."""
        from curl_cffi import CurlError

        try:
            await self._socket.send_bytes(record)
        except (CurlError, OSError):
            raise self.failure or ended(self._socket.close_code) from None
        self.tx_bytes += len(record)

    async def recv(self) -> bytes | None:
        """As `Carrier.recv`."""
        record = await self._records.get()
        if record is None:
            self._records.put_nowait(None)  # for the next one who asks
        return record

    async def _read(self) -> None:
        """Its own `recv` may lose a message when cancelled; this task is cancelled by `close` alone."""
        from curl_cffi import CurlError, CurlWsFlag

        try:
            while True:
                record, flags = await self._socket.recv()
                if not flags & CurlWsFlag.BINARY:
                    break
                self.rx_bytes += len(record)
                await self._records.put(record)
        except (CurlError, OSError):
            pass
        self.failure = ended(self._socket.close_code)
        await self._records.put(None)

    async def close(self) -> None:
        """As `Carrier.close`."""
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader
        self._finish_queue()
        try:
            await self._socket.close(timeout=CLOSE_S)
        finally:
            await self._session.close()
            await self._splice.close()

    def _finish_queue(self) -> None:
        while not self._records.empty():
            self._records.get_nowait()
        self._records.put_nowait(None)
