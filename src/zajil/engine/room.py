"""How much room blobs take and may take, as one server counts it; shared by every place for them."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from zajil.protocol.errors import error

RETRY_MS: Final = 60_000


class Count:
    """A count of all that is there, while it goes on. found: bytes seen so far."""

    def __init__(self) -> None:
        self.found = 0
        self.taken: Counter[bytes] = Counter()
        """By blob, since it began: what it went past before that, and will not see."""


class _Taking(NamedTuple):
    """A piece that is being written at this place of a blob."""

    at: int
    size: int


class Room:
    """Of all blobs together. Other servers write and delete in the same place: only a count tells what they did.

    Between two counts it is what was there, with what this server took and without what it freed.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._used_bytes = 0
        self._taking: defaultdict[bytes, list[_Taking]] = defaultdict(list)
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
    def reserved(self, name: bytes, at: int, size: int, check: Callable[[int], None]) -> Iterator[None]:
        """Room for so many bytes at this place of a blob, given back where the block fails.

        check: `check`, or more; raises what it raises.
        """
        taking = _Taking(at, size)
        with self._lock:
            check(size)
            self._used_bytes += size
            self._taking[name].append(taking)
            for count in self._counts:
                count.taken[name] += size
        try:
            yield
        except BaseException:
            with self._lock:
                self._used_bytes = max(0, self._used_bytes - size)
                for count in self._counts:
                    count.taken[name] -= size
                self._end(name, taking)
            raise
        with self._lock:
            self._end(name, taking)

    def _end(self, name: bytes, taking: _Taking) -> None:
        self._taking[name].remove(taking)
        if not self._taking[name]:
            del self._taking[name]

    def free(self, size: int) -> None:
        """So many bytes are gone. A count that goes on may have seen them: it is too high then, until the next."""
        with self._lock:
            self._used_bytes = max(0, self._used_bytes - size)

    def see(self, count: Count, name: bytes, size: Callable[[], int]) -> None:
        """A count comes to this blob. size: asked at once, for what it is now; quick.

        Whatever is written at that moment is counted as written, which is taken back should it fail.
        """
        with self._lock:
            taking = self._taking.get(name)
            begun = min(piece.at for piece in taking) + sum(piece.size for piece in taking) if taking else size()
            count.found += begun
            count.taken.pop(name, None)

    @contextmanager
    def counting(self) -> Iterator[Count]:
        """Count anew; what the block found is true where it ends well.

        What is taken meanwhile is never left out. It is counted once where the block told of it by `see`, and twice at
        worst where it only added to `found`.
        """
        count = Count()
        with self._lock:
            for name, taking in self._taking.items():  # it may be written where the count has gone past
                count.taken[name] = sum(piece.size for piece in taking)
            self._counts.append(count)
        try:
            yield count
        except BaseException:
            with self._lock:
                self._counts.remove(count)
            raise
        with self._lock:
            self._counts.remove(count)
            self._used_bytes = max(0, count.found + count.taken.total())
