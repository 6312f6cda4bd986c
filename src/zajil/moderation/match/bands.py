"""Locality-sensitive hashing of MinHash signatures: 16 bands of 4 values, in arrays instead of objects.

A signature costs 256 bytes and its 16 chained entries 256, where 16 dictionary entries take over 1,400: at two million
posts that is 1.1 GB against 3.3. Chains lead both ways, so freeing takes as long in a long one, and a search looks at
the newest of each alone: a flood of copies costs as much a post as anything else. Two texts with a Jaccard similarity
of .8 share a band with a probability of 99.98 %.
Source: design/moderation.md section 6.
"""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np

from zajil.moderation.hashing import P, mix
from zajil.moderation.match.minhash import VALUES, Signatures

BANDS: Final = 16
ROWS: Final = VALUES // BANDS
FIRST_SIZE: Final = 256
CHUNK: Final = 4096
_NUMBERS: Final = np.arange(BANDS, dtype=np.uint64)
END: Final = -1
PRINT_BITS: Final = 32
BAND_SLOTS: Final = 8
"""How many slots a search takes of each band, at most; of copies of one text these are the same in each."""


def find_keys(signatures: Signatures) -> list[list[int]]:
    """For each row of 64 values the 64-bit keys of its 16 bands: numpy once for a batch, plain integers after."""
    rows = signatures.reshape(-1, BANDS, ROWS).astype(np.uint64)
    hashes = np.broadcast_to(_NUMBERS, rows.shape[:2]).copy()
    for row in range(ROWS):
        hashes = hashes * P + rows[:, :, row]
    keys: list[list[int]] = mix(hashes).tolist()
    return keys


class BandIndex:
    """Signatures in slots; a slot is found again by any band it shares. `free_oldest` frees what was added first."""

    def __init__(self) -> None:
        self._size = FIRST_SIZE
        self._first = 0
        self._count = 0
        self.signatures: Signatures = np.zeros((self._size, VALUES), dtype=np.uint32)
        self._clear()

    def _clear(self) -> None:
        entries = self._size * BANDS
        self._mask = entries - 1
        self._heads = array("i", [END]) * entries
        self._links = array("i", [END]) * entries
        self._backs = array("i", [END]) * entries
        self._prints = array("I", [0]) * entries

    def __len__(self) -> int:
        return self._count

    @property
    def size_bytes(self) -> int:
        """Memory of the arrays."""
        return self.signatures.nbytes + 4 * 4 * len(self._heads)

    @property
    def size(self) -> int:
        """How many slots there are; they are numbered around this."""
        return self._size

    @property
    def oldest(self) -> int:
        """The slot that `free_oldest` frees next."""
        return self._first

    def find(self, keys: list[int]) -> list[int]:
        """Slots that share a band with a signature, by its keys: of each band the newest; ascending, each once."""
        slots: set[int] = set()
        heads, links, prints, mask = self._heads, self._links, self._prints, self._mask
        for band, key in enumerate(keys):
            entry = heads[key & mask]
            left = BAND_SLOTS
            while entry != END and left:
                if prints[entry] == key >> PRINT_BITS and entry % BANDS == band:
                    slots.add(entry // BANDS)
                    left -= 1
                entry = links[entry]
        return sorted(slots)

    def add(self, signature: Signatures, keys: list[int]) -> int:
        """Keep a signature; its slot. Raises IndexError if the index is full: free some, or `grow`."""
        if self.is_full():
            raise IndexError("full index")
        slot = (self._first + self._count) % self._size
        self._count += 1
        self.signatures[slot] = signature
        self._link(slot, keys)
        return slot

    def is_full(self) -> bool:
        """Whether there is no slot left."""
        return self._count == self._size

    def grow(self) -> None:
        """Twice the slots. The oldest moves to slot 0 and the others follow in order."""
        order = (self._first + np.arange(self._count)) % self._size
        kept = self.signatures[order]
        self._size *= 2
        self._first = 0
        self.signatures = np.zeros((self._size, VALUES), dtype=np.uint32)
        self.signatures[: self._count] = kept
        self._clear()
        for start in range(0, self._count, CHUNK):
            for slot, keys in enumerate(find_keys(kept[start : start + CHUNK]), start):
                self._link(slot, keys)

    def free_oldest(self, count: int) -> list[int]:
        """Forget so many signatures that were added first; the slots they had. Raises IndexError if there are fewer."""
        if count > self._count:
            raise IndexError("so many are not there")
        slots: list[int] = ((self._first + np.arange(count)) % self._size).tolist()
        self.free(slots)
        self._first = (self._first + count) % self._size
        self._count -= count
        return slots

    def free(self, slots: list[int]) -> None:
        """Let no search find these slots any more; each stays taken until it is the oldest."""
        heads, links, backs = self._heads, self._links, self._backs
        for slot, keys in zip(slots, find_keys(self.signatures[slots]), strict=True):
            for band, key in enumerate(keys):
                gone = slot * BANDS + band
                before, after = backs[gone], links[gone]
                if before != END:
                    links[before] = after
                elif heads[key & self._mask] == gone:
                    heads[key & self._mask] = after
                if after != END:
                    backs[after] = before
                # So that freeing it again changes nothing.
                backs[gone] = links[gone] = END

    def _link(self, slot: int, keys: list[int]) -> None:
        heads, links, backs, prints, mask = self._heads, self._links, self._backs, self._prints, self._mask
        entry = slot * BANDS
        for key in keys:
            bucket = key & mask
            after = links[entry] = heads[bucket]
            backs[entry] = END
            if after != END:
                backs[after] = entry
            prints[entry] = key >> PRINT_BITS
            heads[bucket] = entry
            entry += 1
