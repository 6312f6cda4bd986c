"""Straight to the server's own address over aiohttp: HTTPS calls and WebSocket carriers, plain HTTP on a laptop.

No compression (record sizes are chosen to say little), no cookies, no redirects, no proxy from the environment, and
nothing about the user in the headers.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from zajil.protocol.errors import error
from zajil.protocol.frames import Role
from zajil.protocol.limits import MESSAGE_BYTES, RECORD_SIZES
from zajil.transports.base import (
    TLS_DEADLINE_S,
    USABLE_DEADLINE_S,
    Answer,
    Carrier,
    DialError,
    Reason,
    Stage,
)
from zajil.transports.websocket import WebSocketCarrier

ANSWER_BYTES: Final = MESSAGE_BYTES
"""Longest answer to a control call; all of ours are far shorter."""


class DirectTransport:
    """Calls and carriers to one server. Make it inside a running event loop; close it when done.

    server: its address, `https://host[:port]` or `http://host[:port]`. Raises HomeError `bad-link` for any other.
    """

    def __init__(self, server: str, *, tls: ssl.SSLContext | None = None) -> None:
        self._base = check_address(server)
        connector = aiohttp.TCPConnector(ssl=tls if tls is not None else True, limit=8)
        self._http = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"User-Agent": "Mozilla/5.0"},
            skip_auto_headers=("Accept-Encoding",),
            trust_env=False,
        )

    async def __aenter__(self) -> DirectTransport:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, e: BaseException | None, t: TracebackType | None
    ) -> None:
        await self.close()

    async def call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", timeout_s: float
    ) -> Answer:
        """As `Caller.call`."""
        timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=TLS_DEADLINE_S)
        try:
            async with self._http.request(
                method, self._base + path, data=body or None, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                found = await response.content.read(ANSWER_BYTES + 1)
                while len(found) <= ANSWER_BYTES and (more := await response.content.read(ANSWER_BYTES + 1)):
                    found += more
                if len(found) > ANSWER_BYTES:
                    raise error("protocol", "answer over 1 MiB")
                return Answer(response.status, {k.lower(): v for k, v in response.headers.items()}, found)
        except (aiohttp.ClientError, OSError, TimeoutError) as failure:
            raise dial_error(failure) from None

    async def dial(self, role: Role) -> Carrier:
        """A WebSocket carrier for this role, ready for the OPEN record. Raises DialError."""
        url = self._base + role.path
        timeout = aiohttp.ClientWSTimeout(ws_close=2.0)
        try:
            async with asyncio.timeout(USABLE_DEADLINE_S):
                socket = await self._http.ws_connect(
                    url, timeout=timeout, autoping=True, compress=0, max_msg_size=RECORD_SIZES[-1] + 1
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as failure:
            raise dial_error(failure) from None
        return WebSocketCarrier(socket)

    async def close(self) -> None:
        """Ends all calls; carriers are closed with it."""
        await self._http.close()


def check_address(server: str) -> str:
    """The address without a trailing slash. Raises HomeError `bad-link` unless it is http(s) with a host alone."""
    try:
        parts = urlsplit(server)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise error("bad-link", "server address")
    return f"{parts.scheme}://{parts.netloc}"


def dial_error(failure: BaseException) -> DialError:
    """Stage and reason of what aiohttp raised, most telling first."""
    match failure:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return DialError(Stage.TLS, Reason.CERT)
        case aiohttp.ClientConnectorDNSError():
            return DialError(Stage.DNS, Reason.UNREACHABLE)
        case aiohttp.WSServerHandshakeError():
            return DialError(Stage.HTTP, Reason.STATUS)
        case aiohttp.ConnectionTimeoutError():
            return DialError(Stage.TCP, Reason.TIMEOUT)
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return DialError(Stage.TCP, Reason.REFUSED)
        case aiohttp.ClientConnectorError():
            return DialError(Stage.TCP, Reason.UNREACHABLE)
        case TimeoutError():
            return DialError(Stage.HTTP, Reason.TIMEOUT)
        case aiohttp.ServerDisconnectedError():
            return DialError(Stage.HTTP, Reason.CLOSED)
        case ConnectionResetError() | aiohttp.ClientOSError():
            return DialError(Stage.HTTP, Reason.RESET)
    return DialError(Stage.HTTP, Reason.CLOSED)
