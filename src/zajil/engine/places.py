"""Room for connections or work, shared fairly between address prefixes once it gets scarce.

While less than half is taken, everybody may have as many as he likes: many people share an address (CGNAT). Beyond
that, whoever already holds an eighth gets no more, so that one machine cannot shut everybody else out.
"""

from __future__ import annotations

from collections import Counter

from zajil.protocol.errors import error


class Places:
    """most: connections, or pieces of work, at once, of all prefixes together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[bytes] = Counter()
        self._total = 0

    def take(self, prefix: bytes, *, retry_ms: int) -> None:
        """One from this prefix. Raises Unavailable `busy`."""
        greedy = 2 * self._total >= self._most and 8 * self._taken[prefix] >= self._most
        if self._total >= self._most or greedy:
            raise error("busy", retry_ms=retry_ms)
        self._taken[prefix] += 1
        self._total += 1

    def leave(self, prefix: bytes) -> None:
        """It is gone."""
        self._taken[prefix] -= 1
        self._total -= 1
        if not self._taken[prefix]:
            del self._taken[prefix]
