"""A connected TCP socket to an endpoint: by name, by pinned addresses, or through a SOCKS5 server.

Every transport gets its socket here, so that all of them tell alike how far they came, pinned addresses cause no DNS
query whatever runs above, and an attempt that is cancelled ends at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

from aiohappyeyeballs import start_connection

from zajil.protocol.errors import error
from zajil.transports.base import DialError, Reason, Stage

AddressInfo: TypeAlias = tuple[
    int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]  # as `getaddrinfo` answers
]
HAPPY_EYEBALLS_S: Final = 0.25
SOCKS_PORT: Final = 1080
# What a SOCKS server says of the target, not of itself (RFC 1928 6).
_OF_TARGET: Final = {
    3: Reason.UNREACHABLE,
    4: Reason.UNREACHABLE,
    5: Reason.REFUSED,
    6: Reason.TIMEOUT,
}


@dataclass(frozen=True, slots=True)
class Socks:
    """A SOCKS5 server; names are resolved there. user, password: "" for none."""

    host: str
    port: int = SOCKS_PORT
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Socks({self.host}:{self.port})"


def _nobody(*_: object) -> None:
    """Nobody to tell."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a socket to an endpoint comes about.

    ips: use these addresses instead of the resolver. socks: connect through it. target: what the SOCKS server is asked
    to connect to, in place of the endpoint's own host and port (where a transport's server listens). connected: called
    once TLS stands, or the socket where there is none. opened: called with each socket, which stays whose it is.
    """

    ips: tuple[str, ...] = ()
    socks: Socks | None = None
    target: tuple[str, int] | None = None
    connected: Callable[[], None] = field(default=_nobody, compare=False)
    opened: Callable[[socket.socket], None] = field(default=_nobody, compare=False)


PLAIN: Final = Way()


def parse_socks(text: str) -> Socks:
    """The server of `socks5://[user:password@]host[:port]`, or of `host:port`. Raises HomeError `bad-link`.

    Without a scheme the port must be there: any mistyped word would be a host.
    """
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"socks5h://{text}")
        if "://" not in text and not parts.port:
            raise error("bad-link", "SOCKS address without a port")
        host, port = parts.hostname, parts.port or SOCKS_PORT
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        raise error("bad-link", "SOCKS address") from None
    if parts.scheme not in ("socks5", "socks5h") or not host or parts.path.strip("/") or parts.query:
        raise error("bad-link", "SOCKS address")
    if not (user + password).isascii() or max(len(user), len(password)) > 255:
        raise error("bad-link", "SOCKS credentials")
    return Socks(host, port, user, password)


async def open_socket(host: str, port: int, way: Way) -> socket.socket:
    """A connected socket, non-blocking, the caller's to close. Raises DialError; sets no deadline of its own."""
    made = await _open(host, port, way)
    way.opened(made)
    return made


async def _open(host: str, port: int, way: Way) -> socket.socket:
    if way.socks is not None:
        return await _through(way.socks, *(way.target or (host, port)))
    infos = [_numeric(ip, port) for ip in way.ips] or await _resolve(host, port)
    try:
        return await start_connection(infos, happy_eyeballs_delay=HAPPY_EYEBALLS_S, interleave=1)
    except OSError as failure:
        raise DialError(Stage.TCP, socket_reason(failure)) from None


async def _through(socks: Socks, host: str, port: int) -> socket.socket:
    # Few have a proxy, and everybody would pay for the import at each start.
    from python_socks import ProxyError, ProxyType
    from python_socks.async_.asyncio import Proxy

    proxy = Proxy(ProxyType.SOCKS5, socks.host, socks.port, socks.user or None, socks.password or None, rdns=True)
    try:
        # Its own deadline is longer than every one of ours.
        return await proxy.connect(dest_host=host, dest_port=port)
    except ProxyError as failure:
        reason = _OF_TARGET.get(failure.error_code or 0)
        raise DialError(Stage.TCP, reason or Reason.PROXY) from None
    except (OSError, ValueError):
        raise DialError(Stage.TCP, Reason.PROXY) from None


def _numeric(address: str, port: int) -> AddressInfo:
    """Raises DialError for what is no address."""
    try:
        return socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        )[0]
    except (OSError, UnicodeError):
        raise DialError(Stage.DNS, Reason.UNREACHABLE) from None


async def _resolve(host: str, port: int) -> list[AddressInfo]:
    """Addresses of a name by the system's resolver, which may keep silent for long.

    In a thread of its own and not in the executor: the end of the event loop waits for executors.
    """
    with contextlib.suppress(DialError):
        return [_numeric(host, port)]
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[AddressInfo]] = loop.create_future()

    def settle(infos: list[AddressInfo]) -> None:
        if not found.done():
            found.set_result(infos)

    def look_up() -> None:
        try:
            infos: list[AddressInfo] = [*socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError):
            infos = []
        with contextlib.suppress(RuntimeError):  # the loop may be over by now
            loop.call_soon_threadsafe(settle, infos)

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    infos = await found
    if not infos:
        raise DialError(Stage.DNS, Reason.UNREACHABLE)
    return infos


def socket_reason(failure: BaseException) -> Reason:
    """What the system said of a connection."""
    if isinstance(failure, TimeoutError):
        return Reason.TIMEOUT
    match getattr(failure, "errno", None):
        case errno.ECONNREFUSED:
            return Reason.REFUSED
        case errno.ECONNRESET | errno.EPIPE | errno.ECONNABORTED:
            return Reason.RESET
        case errno.ETIMEDOUT:
            return Reason.TIMEOUT
    return Reason.RESET if isinstance(failure, ConnectionError) else Reason.UNREACHABLE
