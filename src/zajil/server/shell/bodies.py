"""Bodies of requests: how long one may take to arrive, and how much memory all of them may take.

A body costs its sender nothing until it is whole, so whoever begins many and ends none could shut everybody else out.
Therefore memory is shared by address prefix as other places are, a body must keep coming, and of a large one no more
is read than FREE_BYTES before it is clear that its sender may call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web

from zajil.engine.places import Places
from zajil.protocol.errors import error

FREE_BYTES: Final = 16 << 10
"""Read of anybody's body, before anything is known of who sends it."""
_BODY_S: Final = 30.0
"""The longest that a body may take to arrive."""
_GRACE_S: Final = 5.0
"""After it, what has arrived must be _LEAST_PER_S for each second that went by since."""
_LEAST_PER_S: Final = 1 << 10
_BUSY_RETRY_MS: Final = 1000
_APART_BYTES: Final = 1 << 12


class Bodies:
    """most_bytes: memory for bodies that are arriving or in use, all together."""

    def __init__(self, most_bytes: int) -> None:
        self._bytes = Places(most_bytes)

    @contextmanager
    def reading(self, prefix: bytes) -> Iterator[Reading]:
        """What reads one body. Its memory counts until the block ends, however long what it brought waits there.

        prefix: whose share of the memory it counts under.
        """
        one = Reading(self._bytes, prefix)
        try:
            yield one
        finally:
            one.leave()


class Reading:
    """One body."""

    def __init__(self, shared: Places, prefix: bytes) -> None:
        """shared: bytes of all bodies."""
        self._shared = shared
        self._prefix = prefix
        self._taken = 0

    async def read(
        self, request: web.Request, most: int, *, check: Callable[[], Awaitable[None]] | None = None
    ) -> bytes:
        """The body, of at most so many bytes.

        check: asked once, before more than FREE_BYTES are read; what it raises refuses the body.
        Raises Malformed `too-big` or `malformed`, Unavailable `busy`.
        """
        if "content-encoding" in request.headers:
            raise error("malformed", "a packed body")
        if (request.content_length or 0) > max(most, 1):
            raise error("too-big") if most else error("malformed", "no body here")
        parts, size = list[bytes | bytearray](), 0
        if check is not None and (request.content_length or 0) > FREE_BYTES:
            await check()
            check = None
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(began + _GRACE_S) as patience:
                async for part in request.content.iter_any():
                    _add(parts, part)
                    size += len(part)
                    self._take(len(part))
                    if size > most:
                        raise error("too-big") if most else error("malformed", "no body here")
                    if check is not None and size > FREE_BYTES:
                        await check()
                        check = None
                    patience.reschedule(began + min(_GRACE_S + size / _LEAST_PER_S, _BODY_S))
        except (TimeoutError, web.HTTPException, web.RequestPayloadError, ConnectionError, ValueError):
            raise error("malformed", "body did not arrive") from None
        return b"".join(parts)

    def leave(self) -> None:
        """The body is in use no more."""
        self._shared.leave(self._prefix, places=self._taken)
        self._taken = 0

    def _take(self, size: int) -> None:
        self._shared.take(self._prefix, retry_ms=_BUSY_RETRY_MS, places=size)
        self._taken += size


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
