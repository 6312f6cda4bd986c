"""Near copies: 64 MinHash values over the 5-character windows of a text, for a whole batch at once.

Source: design/moderation.md section 6; Broder 1997.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from zajil.moderation.hashing import P, mix

Grams: TypeAlias = npt.NDArray[np.uint32]
# One row a text: 64 values.
Signatures: TypeAlias = npt.NDArray[np.uint32]

VALUES: Final = 64
FEW: Final = 12
WINDOW: Final = 5
# Below it a text has too few windows for a share of them to mean anything.
MIN_CHARACTERS: Final = 40
SEED: Final = 1


def split_mix(seed: int, count: int) -> list[int]:
    """The first `count` values of SplitMix64 from `seed`. Source: Steele, Lea and Flood 2014."""
    values = []
    mask = 2**64 - 1
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        z = seed
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        values.append(z ^ z >> 31)
    return values


_DRAWN = np.array(split_mix(SEED, 2 * VALUES), dtype=np.uint64)
# Upper halves: odd factors, then what the product is xored with.
FACTORS: Final[Grams] = (_DRAWN[:VALUES] >> np.uint64(32)).astype(np.uint32) | np.uint32(1)
MASKS: Final[Grams] = (_DRAWN[VALUES:] >> np.uint64(32)).astype(np.uint32)


def hash_windows(texts: Sequence[str]) -> tuple[Grams, npt.NDArray[np.int64]]:
    """The 32-bit hash of every 5-character window of every text, one text after the other, and how many each text has.

    texts: normalised; one shorter than five characters has none.
    """
    sizes = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    codes = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64) + np.uint64(1)
    counts = np.maximum(sizes - WINDOW + 1, 0)
    if not counts.any():
        return np.zeros(0, dtype=np.uint32), counts
    hashes = codes[: len(codes) - WINDOW + 1]
    for place in range(1, WINDOW):
        hashes = hashes * P + codes[place : len(codes) - WINDOW + 1 + place]
    # A window that begins in one text and ends in the next falls out.
    left = np.repeat(np.cumsum(sizes), sizes)[: len(hashes)] - np.arange(len(hashes))
    return (mix(hashes[left >= WINDOW]) >> np.uint64(32)).astype(np.uint32), counts


def sign_batch(texts: Sequence[str]) -> tuple[Signatures, npt.NDArray[np.int64]]:
    """The signatures of those texts that have 40 characters or more, and their places in `texts`, ascending."""
    long = [number for number, text in enumerate(texts) if len(text) >= MIN_CHARACTERS]
    places = np.array(long, dtype=np.int64)
    if not long:
        return np.zeros((0, VALUES), dtype=np.uint32), places
    grams, counts = hash_windows([texts[number] for number in long])
    starts = np.cumsum(counts) - counts
    signatures = np.empty((VALUES, len(long)), dtype=np.uint32)
    values = np.empty_like(grams)
    for k in range(VALUES):
        np.multiply(grams, FACTORS[k], out=values)
        np.bitwise_xor(values, MASKS[k], out=values)
        np.minimum.reduceat(values, starts, out=signatures[k])
    return np.ascontiguousarray(signatures.T), places


def estimate_jaccard(one: Signatures, others: Signatures) -> npt.NDArray[np.float64]:
    """How many values of `one` (64) each row of `others` shares, from 0 to 1; a standard error of .03 to .06."""
    shared: npt.NDArray[np.float64] = np.count_nonzero(others == one, axis=-1) / VALUES
    return shared


def estimate_each(one: Signatures, rows: Signatures, places: Sequence[int]) -> list[float]:
    """`estimate_jaccard` with the rows at these places. Of a few it takes a tenth of the time."""
    if len(places) > FEW:
        return [float(each) for each in estimate_jaccard(one, rows[list(places)])]
    return [int(np.count_nonzero(rows[place] == one)) / VALUES for place in places]


def find_grams(text: str) -> Grams:
    """The distinct window hashes of a text, ascending: what a confirmed cluster keeps of its first text."""
    return np.unique(hash_windows([text])[0])


def true_jaccard(one: Grams, other: Grams) -> float:
    """The share of distinct windows that both texts have; 0 where neither has any. Both as `find_grams` gives them."""
    both = len(np.intersect1d(one, other, assume_unique=True))
    either = len(one) + len(other) - both
    return both / either if either else 0.0
