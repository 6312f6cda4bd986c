"""How much room blobs take and may take, as one server counts it; shared by every place for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from zajil.protocol.errors import error

RETRY_MS: Final = 60_000


class Count:
    """A count of all that is there, while it goes on."""

    def __init__(self) -> None:
        self.found = 0
        self.taken = 0
        """Since it began: it may have gone past there, and then would never see it."""


class Room:
    """Of all blobs together. Other servers write and delete in the same place: only a count tells what they did.

    Between two counts it is what was there, with what this server took and without what it freed.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._used_bytes = 0
        self._reserved_bytes = 0
        self._counts: list[Count] = []

    @property
    def used_bytes(self) -> int:
        """Of all blobs, as far as is known."""
        return self._used_bytes

    def check(self, size: int) -> None:
        """Raises Unavailable `storage-full` where so many bytes more are too many."""
        if self._used_bytes + size > self._most_bytes:
            raise error("storage-full", retry_ms=RETRY_MS)

    @contextmanager
    def reserved(self, size: int, check: Callable[[int], None]) -> Iterator[None]:
        """Room for so many bytes, given back where the block fails. check: `check`, or more; raises what it raises."""
        with self._lock:
            check(size)
            self._used_bytes += size
            self._reserved_bytes += size
            for count in self._counts:
                count.taken += size
        try:
            yield
        except BaseException:
            with self._lock:
                self._used_bytes = max(0, self._used_bytes - size)
                for count in self._counts:
                    count.taken = max(0, count.taken - size)
            raise
        finally:
            with self._lock:
                self._reserved_bytes -= size

    def free(self, size: int) -> None:
        """So many bytes are gone. A count that goes on may have seen them: it is too high then, until the next."""
        with self._lock:
            self._used_bytes = max(0, self._used_bytes - size)

    @contextmanager
    def counting(self) -> Iterator[Count]:
        """Count anew; what the block found is true where it ends well.

        What is taken meanwhile is counted twice at worst, and never left out.
        """
        count = Count()
        with self._lock:
            count.taken = self._reserved_bytes  # it may be written where the count has gone past
            self._counts.append(count)
        try:
            yield count
        except BaseException:
            with self._lock:
                self._counts.remove(count)
            raise
        with self._lock:
            self._counts.remove(count)
            self._used_bytes = count.found + count.taken
