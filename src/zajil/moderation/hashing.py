"""The 64-bit hash that features and MinHash share. Source: design/moderation.md section 7."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

Hashes: TypeAlias = npt.NDArray[np.uint64]

# The golden ratio and MurmurHash3's finaliser, as 64-bit factors. Arithmetic is modulo 2^64.
P: Final = np.uint64(0x9E3779B97F4A7C15)
M: Final = np.uint64(0xFF51AFD7ED558CCD)


def mix(hashes: Hashes) -> Hashes:
    """The hash with every bit spread over the upper ones: h ^= h >> 33, h *= M, h ^= h >> 29."""
    mixed = hashes ^ (hashes >> np.uint64(33))
    mixed *= M
    mixed ^= mixed >> np.uint64(29)
    return mixed
