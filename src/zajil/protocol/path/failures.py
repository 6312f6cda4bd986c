"""Which candidates failed on which network, and when rounds follow each other. In RAM only; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from zajil.protocol.path.candidates import Random

FIRST_S: Final = 60.0
MOST_S: Final = 6 * 3600.0
KEPT: Final = 512
ROUNDS_S: Final = (0, 10, 30, 60, 120, 300)
"""When rounds begin, counted from the first; then every 5 minutes."""


class Failures:
    """The negative cache: (network, candidate) for 60 s x 2^fails, at most 6 h, +-50 %."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._found: dict[tuple[str, str], tuple[int, float]] = {}

    def note(self, network: str, candidate: str, now: float) -> None:
        """It failed."""
        fails = self._found.pop((network, candidate), (0, 0.0))[0]
        length = min(MOST_S, FIRST_S * 2 ** min(fails, 16))
        self._found[network, candidate] = fails + 1, now + length * (0.5 + self._random())
        while len(self._found) > KEPT:
            del self._found[next(iter(self._found))]

    def clear(self, network: str, candidate: str) -> None:
        """It works."""
        self._found.pop((network, candidate), None)

    def until(self, network: str, candidate: str) -> float:
        """When it may be tried again; a time that has passed where nothing is against it."""
        return self._found.get((network, candidate), (0, 0.0))[1]


def next_round_s(rounds: int, random: Random, rounds_s: Sequence[float] = ROUNDS_S) -> float:
    """Seconds from the start of round `rounds` (from 1) to the next one, +-30 %. rounds_s: as `ROUNDS_S`."""
    last = len(rounds_s) - 1
    gap = rounds_s[rounds] - rounds_s[rounds - 1] if 1 <= rounds <= last else rounds_s[last]
    return gap * (0.7 + 0.6 * random())
