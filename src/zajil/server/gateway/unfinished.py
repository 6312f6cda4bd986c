"""How much memory unfinished messages of nobody may take, all sessions together.

A session may send up to 1 MiB before its message is whole, and one without an account costs nothing to open. Beyond
the budget, whoever holds most loses it: of the address prefix that holds most, its largest session.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Unfinished(Generic[K]):
    """most: bytes at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[K, tuple[bytes, int]] = {}
        self._by_prefix: Counter[bytes] = Counter()
        self._total = 0

    @property
    def over(self) -> bool:
        """More is held than may be."""
        return self._total > self._most

    @property
    def holders(self) -> tuple[K, ...]:
        """Everybody who holds something."""
        return tuple(self._held)

    def note(self, holder: K, prefix: bytes, size_bytes: int) -> None:
        """What this holder, who came from this prefix, holds now; 0 = nothing."""
        if holder in self._held:
            self.drop(holder)
        if size_bytes > 0:
            self._held[holder] = prefix, size_bytes
            self._by_prefix[prefix] += size_bytes
            self._total += size_bytes

    def drop(self, holder: K) -> None:
        """The holder is gone."""
        prefix, size_bytes = self._held.pop(holder, (b"", 0))
        if size_bytes:
            self._total -= size_bytes
            self._by_prefix[prefix] -= size_bytes
            if not self._by_prefix[prefix]:
                del self._by_prefix[prefix]

    def greediest(self) -> K | None:
        """Who has to let go first; None when nothing is held."""
        if not self._held:
            return None
        prefix, _ = max(self._by_prefix.items(), key=lambda item: item[1])
        own = ((size_bytes, holder) for holder, (of, size_bytes) in self._held.items() if of == prefix)
        return max(own, key=lambda item: item[0])[1]
