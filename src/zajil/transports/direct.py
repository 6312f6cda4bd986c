"""Straight to the server's own address: HTTPS calls, plain HTTP on a laptop."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from zajil.protocol.errors import error
from zajil.protocol.frames import Role
from zajil.protocol.limits import MESSAGE_BYTES
from zajil.transports.base import Answer, Carrier, DialError
from zajil.transports.http import dial_error, make_session
from zajil.transports.sockets import PLAIN, Way
from zajil.transports.websocket import dial_websocket

ANSWER_BYTES: Final = MESSAGE_BYTES
"""Longest answer to a control call; all of ours are far shorter."""


class DirectTransport:
    """Calls and carriers to one server. Make it inside a running event loop; close it when done.

    server: its address, `https://host[:port]` or `http://host[:port]`. Raises HomeError `bad-link` for any other.
    """

    def __init__(self, server: str, *, way: Way = PLAIN) -> None:
        self._base = check_address(server)
        self._way = way
        self._http = make_session(way)

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
        timeout = aiohttp.ClientTimeout(total=timeout_s)
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
        except (aiohttp.ClientError, OSError, TimeoutError, DialError) as failure:
            raise dial_error(failure) from None

    async def dial(self, role: Role) -> Carrier:
        """A WebSocket carrier for this role, ready for the OPEN record. Raises DialError."""
        return await dial_websocket(self._base + role.path, self._way)

    async def close(self) -> None:
        """Ends all calls."""
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
