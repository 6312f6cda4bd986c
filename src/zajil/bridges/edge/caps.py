"""What a bridge gives away at most: carriers, bytes a second on each, bytes a month. Pure: times are arguments."""

from __future__ import annotations

from collections import deque
from typing import Final

DAY_S: Final = 86_400
MONTH_DAYS: Final = 30
_FULL: Final = 0.95
"""At this share of the month no new carriers are taken; those that are there go on to the end of it."""


class Pace:
    """One direction of one carrier: a bucket that holds a second's worth and fills at the rate."""

    def __init__(self, bytes_per_s: float, now: float) -> None:
        self._rate = bytes_per_s
        self._empty_at = now - 1.0

    def wait_s(self, size: int, now: float) -> float:
        """Spend these bytes; how long to pause before more is read."""
        self._empty_at = max(self._empty_at, now - 1.0) + size / self._rate
        return max(0.0, self._empty_at - now)


class Month:
    """Bytes of the last 30 days, by whole days."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._days: deque[tuple[int, int]] = deque()
        self._sum = 0

    def spend(self, size: int, now_s: float) -> None:
        """Count bytes that were forwarded."""
        self.restore(int(now_s // DAY_S), size)

    def restore(self, day: int, size: int) -> None:
        """Count bytes of a day. Days come in order; a clock that goes back counts under the newest."""
        if self._days and self._days[-1][0] >= day:
            day, spent = self._days.pop()
            size, before = size + spent, spent
        else:
            before = 0
        self._days.append((day, size))
        self._sum += size - before

    def spent(self, now_s: float) -> int:
        """Bytes of the last 30 days."""
        first = int(now_s // DAY_S) - MONTH_DAYS + 1
        while self._days and self._days[0][0] < first:
            self._sum -= self._days.popleft()[1]
        return self._sum

    def takes_more(self, now_s: float) -> bool:
        """Whether a new carrier may begin."""
        return self.spent(now_s) < _FULL * self.most_bytes

    def is_over(self, now_s: float) -> bool:
        """Whether everything must end."""
        return self.spent(now_s) >= self.most_bytes
