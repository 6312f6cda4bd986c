"""Which texts of a batch may hold one of many words: numpy over all of them, where an automaton reads each letter.

Of each word one window of five letters is looked for, or the whole of a shorter word. A text without any of these
windows holds none of the words; one with some is read by the automaton (`phrases.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from zajil.moderation.normalise.folding import read_codes

Codes: TypeAlias = npt.NDArray[np.uint32]
WINDOW: Final = 5
TABLE_BITS: Final = 18
BREAK: Final = "\n"
"""Stands between texts, none of which holds it: white space is collapsed, so no window of two texts is a word's."""
_FACTOR: Final = np.uint32(0x9E3779B1)
_LAST: Final = np.uint32(0x85EBCA6B)
_SHIFT: Final = np.uint32(32 - TABLE_BITS)


class WordHints:
    """The windows of some words, ready to be looked for. words: not empty, without white space."""

    def __init__(self, words: Collection[str]) -> None:
        # The middle of a word is rarer than its prefix or its ending.
        windows = {word[max(0, len(word) - WINDOW) // 2 :][:WINDOW] for word in words}
        self._tables: dict[int, npt.NDArray[np.bool_]] = {}
        for size in sorted({len(window) for window in windows}):
            table = self._tables[size] = np.zeros(1 << TABLE_BITS, dtype=np.bool_)
            for window in windows:
                if len(window) == size:
                    table[_find_places(_extend(read_codes(window))[size - 1])] = True

    def find(self, texts: Sequence[str]) -> set[int]:
        """Places of the texts that hold a window of a word, among them each that holds a word."""
        codes = read_codes(BREAK.join(texts))
        ends = np.cumsum(np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + len(BREAK))
        found: set[int] = set()
        hashes = _extend(codes)
        for size, table in self._tables.items():
            at = np.flatnonzero(table[_find_places(hashes[size - 1])])
            found.update(np.searchsorted(ends, at, side="right").tolist())
        return found


def _extend(codes: Codes) -> list[Codes]:
    """The hashes of all windows of one code point, of two, and so on."""
    hashes = [codes]
    for size in range(2, WINDOW + 1):
        longer = hashes[-1][:-1] * _FACTOR
        longer ^= codes[size - 1 :]
        hashes.append(longer)
    return hashes


def _find_places(hashes: Codes) -> Codes:
    return (hashes * _LAST) >> _SHIFT
