"""How long a transfer bears with a line that fails: it gives up after some failures without a byte between them."""

from __future__ import annotations

import asyncio
from typing import Final

from zajil.protocol.errors import Limited, Unavailable, ZajilError

PAUSES_S: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
LONGEST_S: Final = 15.0
"""A longer wait than that is for the next command, not for this one."""


class Patience:
    """One transfer's."""

    def __init__(self) -> None:
        self._failures = 0

    def moved(self) -> None:
        """Bytes went through."""
        self._failures = 0

    async def bear(self, problem: ZajilError) -> None:
        """Wait before the next try. Raises `problem` where there is no point in one now."""
        if not isinstance(problem, Limited | Unavailable) or self._failures >= len(PAUSES_S):
            raise problem
        pause = (problem.retry_ms or 0) / 1000 or PAUSES_S[self._failures]
        if pause > LONGEST_S:
            raise problem
        self._failures += 1
        await asyncio.sleep(pause)
