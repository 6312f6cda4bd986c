"""Texts as rows of hashed n-grams: characters 3 to 5 within word bounds, words 1 and 2, in 2^18 buckets.

All of it is numpy over the concatenated code points of a batch, modulo 2^64; `vectors/moderation/features.json` fixes
what comes out. A text stands between two spaces, so an n-gram that would cross from one text into the next has a space
inside and falls out with those that cross from one word into the next but one.
Source: design/moderation.md section 7; Weinberger et al. 2009.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from zajil.moderation.hashing import Hashes, M, P, mix

Rows: TypeAlias = npt.NDArray[np.int32]

BUCKET_BITS: Final = 18
BUCKETS: Final = 1 << BUCKET_BITS
SHIFT: Final = np.uint64(64 - BUCKET_BITS)
CHARACTERS: Final = (3, 4, 5)
SPACE: Final = np.uint64(ord(" ") + 1)
NONE: Final = np.zeros(0, dtype=np.int32)


def read_batch(texts: Sequence[str]) -> tuple[Hashes, npt.NDArray[np.int64]]:
    """The code points plus one of all texts, each between two spaces, and where each text starts (its first space).

    Raises UnicodeEncodeError for a lone surrogate: what comes here is normalised.
    """
    padded = f" {'  '.join(texts)} " if texts else ""
    joined = np.frombuffer(padded.encode("utf-32-le"), dtype=np.uint32)
    sizes = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + 2
    starts = np.cumsum(sizes) - sizes
    return joined.astype(np.uint64) + np.uint64(1), starts


def hash_features(texts: Sequence[str]) -> csr_matrix:
    """One row of float32 a text, 2^18 columns: count of each bucket over the square root of the number of features.

    texts: normalised, in any number; an empty one is an empty row. A bucket that occurs twice in a text may stand twice
    in its row; a product sums both, `sum_duplicates` merges them.
    """
    codes, starts = read_batch(texts)
    sizes = np.diff(starts, append=len(codes))
    rows = np.repeat(np.arange(len(texts), dtype=np.int32), sizes)
    parts = [*_hash_characters(codes, rows), *_hash_words(codes, rows)]
    columns = np.concatenate([NONE, *(buckets for buckets, _ in parts)])
    lines = np.concatenate([NONE, *(row for _, row in parts)])
    counts = np.bincount(lines, minlength=len(texts))
    weights = (1.0 / np.sqrt(np.maximum(counts, 1))).astype(np.float32)
    # Grouped by row: equal rows stay in their order, so the same batch gives the same bytes. So few rows are counted.
    order = np.argsort(lines.astype(np.uint16) if len(texts) <= 1 << 16 else lines, kind="stable")
    return csr_matrix(
        (np.repeat(weights, counts), columns[order], np.concatenate(([0], np.cumsum(counts)))),
        shape=(len(texts), BUCKETS),
    )


def _hash_characters(codes: Hashes, rows: Rows) -> list[tuple[Rows, Rows]]:
    """Buckets and rows of the character n-grams without an inner space."""
    within = codes != SPACE
    found: list[tuple[Rows, Rows]] = []
    hashes = codes[:-1] * P + codes[1:]
    kept = np.ones(len(hashes), dtype=np.bool_)
    for n in CHARACTERS:
        if len(codes) < n:
            break
        hashes = hashes[:-1] * P + codes[n - 1 :]
        kept = kept[:-1] & within[n - 2 : -1]
        at = np.flatnonzero(kept)
        found.append((_as_buckets(mix(hashes[at] + np.uint64(n))), rows[at]))
    return found


def _hash_words(codes: Hashes, rows: Rows) -> list[tuple[Rows, Rows]]:
    """Buckets and rows of the words, and of the pairs of neighbours in one text."""
    within = codes != SPACE
    starts = np.flatnonzero(within[1:] & ~within[:-1]) + 1
    if not len(starts):
        return []
    # Place of each code point after the start of the latest word; what a space has there is multiplied by nothing.
    place = np.arange(len(codes))
    place[starts[0] :] -= np.repeat(starts, np.diff(starts, append=len(codes)))
    place[: starts[0]] = 0
    powers = _powers(int(place.max()) + 1)
    terms = np.where(within, codes * powers[place], np.uint64(0))
    words = np.add.reduceat(terms, starts)
    row = rows[starts]
    pair = np.flatnonzero(row[1:] == row[:-1])
    pairs = mix(words[pair]) * P + words[pair + 1] + np.uint64(2)
    return [(_as_buckets(mix(words + np.uint64(1))), row), (_as_buckets(mix(pairs)), row[pair])]


def _powers(count: int) -> Hashes:
    """M * P^j for j below `count`."""
    factors = np.full(count, P, dtype=np.uint64)
    factors[0] = M
    return np.multiply.accumulate(factors)


def _as_buckets(mixed: Hashes) -> Rows:
    return (mixed >> SHIFT).astype(np.int32)
