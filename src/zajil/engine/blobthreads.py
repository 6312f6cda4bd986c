"""The threads of attachments, theirs alone: a place that hangs (a bucket whose store answers nothing) holds up nothing.

They and the places to wait for them are shared as connections are, so that one address keeps them from nobody.
Hashing of large messages and whatever else leaves the event loop go through threads of their own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from zajil.engine.places import Places

THREADS: Final = 16
"""A store that answers at all is waited for, not worked for."""
WAITING_MAX: Final = 64
"""Beyond those that run. More would wait longer than their clients do."""
_RETRY_MS: Final = 5_000

T = TypeVar("T")


class BlobThreads:
    """Begun by the first work, ended by `close`."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="blobs")
        self._lock = threading.Lock()
        self._places = Places(THREADS + WAITING_MAX)

    async def run(self, work: Callable[[], T], *, prefix: bytes) -> T:
        """The result of this work. Cancelled, it goes on where it has begun.

        prefix: of the address it is done for. Raises Unavailable `busy` where too much waits already, of all or of this
        prefix, and whatever the work raises.
        """

        def end(_work: Future[T] | None = None) -> None:
            """Called in any thread: of what ran to its end, and of what was cancelled before it began."""
            with self._lock:
                self._places.leave(prefix)

        with self._lock:
            self._places.take(prefix, retry_ms=_RETRY_MS)
        try:
            begun = self._pool.submit(work)
        except BaseException:
            end()
            raise
        begun.add_done_callback(end)
        return await asyncio.wrap_future(begun)

    def close(self) -> None:
        """Return when all that runs has ended; what waits is cancelled. Blocks: a piece half written is finished."""
        self._pool.shutdown(cancel_futures=True)
