"""The threads of attachments, theirs alone: a place that hangs (a bucket whose store answers nothing) holds up nothing.

Hashing of large messages and whatever else leaves the event loop go through threads of their own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

from zajil.protocol.errors import error

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
        self._count = 0

    async def run(self, work: Callable[[], T]) -> T:
        """The result of this work. Cancelled, it goes on where it has begun.

        Raises Unavailable `busy` where too much waits already, and whatever the work raises.
        """
        with self._lock:
            if self._count >= THREADS + WAITING_MAX:
                raise error("busy", retry_ms=_RETRY_MS)
            self._count += 1
        try:
            begun = self._pool.submit(work)
        except BaseException:
            self._end()
            raise
        begun.add_done_callback(self._end)
        return await asyncio.wrap_future(begun)

    def _end(self, _work: Future[T] | None = None) -> None:
        """Called in any thread: of what ran to its end, and of what was cancelled before it began."""
        with self._lock:
            self._count -= 1

    def close(self) -> None:
        """Return when all that runs has ended; what waits is cancelled. Blocks: a piece half written is finished."""
        self._pool.shutdown(cancel_futures=True)
