"""How long a transfer bears with a line that fails: it gives up after some failures without a byte between them.

After each failure it asks for smaller pieces, so that a line on which a large one never gets through in the time of a
call still moves; each piece that gets through lets the next one be larger again.
"""

from __future__ import annotations

import asyncio
from typing import Final

from zajil.protocol import limits
from zajil.protocol.attachments import PIECE_BYTES
from zajil.protocol.errors import Limited, Unavailable, ZajilError

PIECE_LEAST_BYTES: Final = 8 * limits.KIB
PAUSES_S: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
LONGEST_S: Final = 15.0
"""A longer wait than that is for the next command, not for this one."""


class Patience:
    """One transfer's."""

    def __init__(self) -> None:
        self._failures = 0
        self.piece_bytes = PIECE_BYTES
        """What the next call may carry."""

    def moved(self) -> None:
        """A piece went through."""
        self._failures = 0
        self.piece_bytes = min(2 * self.piece_bytes, PIECE_BYTES)

    async def bear(self, problem: ZajilError) -> None:
        """Wait before the next try. Raises `problem` where there is no point in one now."""
        if not isinstance(problem, Limited | Unavailable) or self._failures >= len(PAUSES_S):
            raise problem
        pause = (problem.retry_ms or 0) / 1000 or PAUSES_S[self._failures]
        if pause > LONGEST_S:
            raise problem
        self._failures += 1
        self.piece_bytes = max(self.piece_bytes // 2, PIECE_LEAST_BYTES)
        await asyncio.sleep(pause)
