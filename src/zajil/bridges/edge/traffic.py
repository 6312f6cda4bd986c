"""What all carriers of a bridge share: places, the month, the counters, and memory for bodies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from zajil.bridges.edge.caps import Month, Pace
from zajil.bridges.edge.counters import Counters
from zajil.protocol.limits import MIB

BODIES_BYTES: Final = 64 * MIB
"""Memory for bodies of POSTs until they are answered, of all carriers together."""


class Traffic:
    """Counts and slows what goes through.

    now: seconds of a clock that only goes forward. clock: Unix seconds.
    """

    def __init__(
        self, counters: Counters, month: Month, *, now: Callable[[], float], clock: Callable[[], float]
    ) -> None:
        self.now = now
        self.clock = clock
        self.counters = counters
        self.carriers = 0
        self.most_carriers = 0
        self.bytes_per_s = 1
        self.bodies_left = BODIES_BYTES
        self._month = month

    def limit(self, *, carriers: int, bytes_per_s: int, month_bytes: int) -> None:
        """The caps from now on; carriers that are there go on at the rate they began with."""
        self.most_carriers, self.bytes_per_s, self._month.most_bytes = carriers, bytes_per_s, month_bytes

    def has_room(self) -> bool:
        """Whether another carrier may begin."""
        return self.carriers < self.most_carriers and self._month.takes_more(self.clock())

    def is_over(self) -> bool:
        """Whether the month is used up."""
        return self._month.is_over(self.clock())

    def pace(self) -> Pace:
        """For one direction of a new carrier."""
        return Pace(self.bytes_per_s, self.now())

    async def spend(self, pace: Pace, size: int) -> None:
        """Count bytes that go through, and wait as long as they take at the carrier's rate."""
        self.counters.forwarded(size, self.clock())
        wait_s = pace.wait_s(size, self.now())
        if wait_s > 0:
            await asyncio.sleep(wait_s)
