"""Wilson's score interval: what a share seen in a sample says about the share in all, honest for few and for none."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

Z_95: Final = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""


class Interval(NamedTuple):
    """A share with its 95 % interval, each from 0 to 1."""

    share: float
    low: float
    high: float


def find_interval(k: int, n: int) -> Interval:
    """Of k among n. n: at least 1. Source: Wilson 1927, without continuity correction."""
    share = k / n
    middle = share + Z_95**2 / (2 * n)
    spread = Z_95 * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n * n))
    scale = 1 + Z_95**2 / n
    # The formula gives exactly 0 and 1 at the ends; floating point may miss them by its last bit.
    low = 0.0 if k == 0 else max(0.0, (middle - spread) / scale)
    high = 1.0 if k == n else min(1.0, (middle + spread) / scale)
    return Interval(share, low, high)
