"""Bodies of requests, read with patience that ends and with memory that all of them share until they are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web

from zajil.protocol.errors import error

_BODY_S: Final = 30.0
_BUSY_RETRY_MS: Final = 1000
_APART_BYTES: Final = 1 << 12


class Bodies:
    """most_bytes: memory for bodies that are arriving or in use, all together."""

    def __init__(self, most_bytes: int) -> None:
        self.room_bytes = most_bytes

    @contextmanager
    def reading(self) -> Iterator[Reading]:
        """What reads one body. Its memory counts until the block ends, however long what it brought waits there."""
        one = Reading(self)
        try:
            yield one
        finally:
            self.room_bytes += one.taken_bytes


class Reading:
    """One body."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.taken_bytes = 0

    async def read(self, request: web.Request, most: int) -> bytes:
        """The body, of at most so many bytes. Raises Malformed `too-big` or `malformed`, Unavailable `busy`."""
        if "content-encoding" in request.headers:
            raise error("malformed", "a packed body")
        if (request.content_length or 0) > max(most, 1):
            raise error("too-big") if most else error("malformed", "no body here")
        parts, size = list[bytes | bytearray](), 0
        try:
            async with asyncio.timeout(_BODY_S):
                async for part in request.content.iter_any():
                    _add(parts, part)
                    size += len(part)
                    self._take(len(part))
                    if size > most:
                        raise error("too-big") if most else error("malformed", "no body here")
        except (TimeoutError, web.HTTPException, web.RequestPayloadError, ConnectionError, ValueError):
            raise error("malformed", "body did not arrive") from None
        return b"".join(parts)

    def _take(self, size: int) -> None:
        self.taken_bytes += size
        self._bodies.room_bytes -= size
        if self._bodies.room_bytes < 0:
            raise error("busy", retry_ms=_BUSY_RETRY_MS)


def _add(parts: list[bytes | bytearray], part: bytes) -> None:
    """Keep a part as it came, so that it is copied once, at the end.

    Small ones go together: each for itself would weigh many times what is counted of it.
    """
    if len(part) >= _APART_BYTES:
        parts.append(part)
    elif parts and isinstance(parts[-1], bytearray):
        parts[-1] += part
    else:
        parts.append(bytearray(part))
