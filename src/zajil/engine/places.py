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

    def take(self, prefix: bytes, *, retry_ms: int, places: int = 1) -> None:
        """One from this prefix, or so many at once, all or none. Raises Unavailable `busy`."""
        total, taken = self._total + places - 1, self._taken[prefix] + places - 1  # when the last of them comes
        if total >= self._most or (2 * total >= self._most and 8 * taken >= self._most):
            raise error("busy", retry_ms=retry_ms)
        self._taken[prefix] += places
        self._total += places

    def leave(self, prefix: bytes, *, places: int = 1) -> None:
        """They are gone."""
        self._taken[prefix] -= places
        self._total -= places
        if not self._taken[prefix]:
            del self._taken[prefix]
