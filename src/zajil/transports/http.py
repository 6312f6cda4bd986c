"""aiohttp as all our transports use it: one TLS set-up, sockets from `sockets`, failures with their stage.

No compression (record sizes are chosen to say little), no cookies, no redirects, no proxy from the environment, and
nothing about the user in the headers.
"""

from __future__ import annotations

import asyncio
import email.utils
import os
import socket
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

from zajil.transports.base import TLS_DEADLINE_S, DialError, Reason, Stage
from zajil.transports.sockets import Way, open_socket, socket_reason

_FIRST_S = 1_735_689_600
"""2025, before any release."""
_LAST_S = 4_102_444_800
"""2100."""


class Answered(DialError):
    """An HTTP answer came where an upgrade or a poll was wanted.

    at: Unix seconds of its Date header, None without one. A wrong clock makes the path of a bridge wrong.
    """

    def __init__(self, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(Stage.HTTP, Reason.STATUS, answered=status)
        self.at = parse_date(headers.get("Date", ""))


def parse_date(text: str) -> float | None:
    """Unix seconds of an HTTP date, None for anything else and for a time that this program cannot live in."""
    try:
        at = email.utils.parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if _FIRST_S <= at < _LAST_S else None


def trusted_file() -> str | None:
    """The file of certificate authorities that OpenSSL trusts here: SSL_CERT_FILE, else the system's."""
    return ssl.get_default_verify_paths().cafile


def tls_context() -> ssl.SSLContext:
    """Verifies names and chains against what this machine trusts (SSL_CERT_FILE included); offers http/1.1.

    Without ALPN a ClientHello is one of no browser, and DPI says so.
    """
    return _tls_context(os.environ.get("SSL_CERT_FILE"))


@lru_cache(maxsize=4)
def _tls_context(_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def make_session(way: Way, *, connections: int = 8) -> aiohttp.ClientSession:
    """A session whose sockets come by this way. Make it inside a running event loop; close it when done."""
    return aiohttp.ClientSession(
        connector=_Connector(way, connections),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"User-Agent": "Mozilla/5.0"},
        skip_auto_headers=("Accept-Encoding",),
        trust_env=False,
        trace_configs=[_no_redirects()],
    )


def _no_redirects() -> aiohttp.TraceConfig:
    """A WebSocket dial of aiohttp follows redirects: a bridge could send its guests to any address, names in clear."""

    async def refuse(
        _session: aiohttp.ClientSession, _context: object, params: aiohttp.TraceRequestRedirectParams
    ) -> None:
        raise Answered(params.response.status, params.response.headers)

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(refuse)
    return trace


class _NoResolver(AbstractResolver):
    """Leaves names alone: the socket is opened by name, by pinned addresses or at a proxy."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=host, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing to free."""


class _Connector(aiohttp.TCPConnector):
    """Opens sockets by a way and tells the stage of a failure, which aiohttp alone does not say."""

    def __init__(self, way: Way, limit: int) -> None:
        super().__init__(resolver=_NoResolver(), ssl=tls_context(), limit=limit, use_dns_cache=False)
        self._way = way

    # Any: the hook of aiohttp, at which aiohttp-socks comes in too; both are pinned.
    async def _wrap_create_connection(
        self, *args: Any, req: aiohttp.ClientRequest, **kwargs: Any
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        kwargs = {name: kwargs[name] for name in ("ssl", "server_hostname")}
        stage = Stage.TCP
        try:
            async with asyncio.timeout(TLS_DEADLINE_S):
                found = await open_socket(req.url.raw_host or "", req.url.port or 0, self._way)
                stage = Stage.TLS
                made = await self._loop.create_connection(*args, **kwargs, sock=found)  # owns the socket from here on
                self._way.connected()
                return made
        except TimeoutError:
            raise DialError(stage, Reason.TIMEOUT) from None
        except ssl.SSLError as failure:
            certificate = isinstance(failure, ssl.SSLCertVerificationError)
            raise DialError(Stage.TLS, Reason.CERT if certificate else Reason.CLOSED) from None
        except OSError as failure:
            raise DialError(stage, socket_reason(failure)) from None


def dial_error(failure: BaseException) -> DialError:
    """Stage and reason of what aiohttp raised once a connection was there."""
    match failure:
        case DialError():
            return failure
        case aiohttp.WSServerHandshakeError():
            return Answered(failure.status, failure.headers or {})
        case TimeoutError():
            return DialError(Stage.HTTP, Reason.TIMEOUT)
        case aiohttp.ServerDisconnectedError():
            return DialError(Stage.HTTP, Reason.CLOSED)
        case ConnectionResetError() | aiohttp.ClientOSError():
            return DialError(Stage.HTTP, Reason.RESET)
    return DialError(Stage.HTTP, Reason.CLOSED)
