"""Bodies of requests, read with patience that ends and with memory that all of them share."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from zajil.protocol.errors import error

_BODY_S: Final = 30.0
_BUSY_RETRY_MS: Final = 1000


class Bodies:
    """most_bytes: memory for bodies that are still arriving, all together."""

    def __init__(self, most_bytes: int) -> None:
        self._room = most_bytes

    async def read(self, request: web.Request, most: int) -> bytes:
        """The body, of at most so many bytes. Raises Malformed `too-big` or `malformed`, Unavailable `busy`."""
        if "content-encoding" in request.headers:
            raise error("malformed", "a packed body")
        if (request.content_length or 0) > max(most, 1):
            raise error("too-big") if most else error("malformed", "no body here")
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_S):
                async for part in request.content.iter_any():
                    body += part
                    self._room -= len(part)
                    if len(body) > most:
                        raise error("too-big") if most else error("malformed", "no body here")
                    if self._room < 0:
                        raise error("busy", retry_ms=_BUSY_RETRY_MS)
        except (TimeoutError, web.HTTPException, web.RequestPayloadError, ConnectionError, ValueError):
            raise error("malformed", "body did not arrive") from None
        finally:
            self._room += len(body)
        return bytes(body)
