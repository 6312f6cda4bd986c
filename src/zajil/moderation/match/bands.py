"""Locality-sensitive hashing of MinHash signatures: 16 bands of 4 values, in arrays instead of objects.

A signature costs 256 bytes and its 16 chained entries 128, where 16 dictionary entries take over 1,400: at two million
posts that is 0.8 GB against 3.3. Two texts with a Jaccard similarity of .8 share a band with a probability of 99.98 %.
Source: design/moderation.md section 6.
"""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np
import numpy.typing as npt

from zajil.moderation.hashing import P, mix
from zajil.moderation.match.minhash import VALUES, Signatures

BANDS: Final = 16
ROWS: Final = VALUES // BANDS
FIRST_SIZE: Final = 256
_NUMBERS: Final = np.arange(BANDS, dtype=np.uint64)
END: Final = -1


class BandIndex:
    """Signatures in slots; a slot is found again by any band it shares. Slots are handed out and freed by the caller's
    order: `free_oldest` frees the one that was added first."""

    def __init__(self) -> None:
        self._size = FIRST_SIZE
        self._first = 0
        self._count = 0
        self.signatures: Signatures = np.zeros((self._size, VALUES), dtype=np.uint32)
        self._heads = array("i", [END]) * (self._size * BANDS)
        self._links = array("i", [END]) * (self._size * BANDS)

    def __len__(self) -> int:
        return self._count

    @property
    def size_bytes(self) -> int:
        """Memory of the arrays."""
        return self.signatures.nbytes + 4 * (len(self._heads) + len(self._links))

    @property
    def oldest(self) -> int:
        """The slot that `free_oldest` frees next."""
        return self._first

    def find(self, signature: Signatures) -> npt.NDArray[np.int64]:
        """The slots that may share a band with a signature (64), ascending. Some share none: the caller compares."""
        slots: set[int] = set()
        heads, links = self._heads, self._links
        for bucket in self._buckets(signature):
            entry = heads[bucket]
            while entry != END:
                slots.add(entry // BANDS)
                entry = links[entry]
        return np.array(sorted(slots), dtype=np.int64)

    def add(self, signature: Signatures) -> int:
        """Keep a signature; its slot. Slots change when the index grows, which `grow` announces: call it first."""
        slot = (self._first + self._count) % self._size
        self._count += 1
        self.signatures[slot] = signature
        self._link(slot)
        return slot

    def is_full(self) -> bool:
        """Whether there is no slot left: free some, or `grow`."""
        return self._count == self._size

    def grow(self) -> None:
        """Twice the slots. The oldest moves to slot 0 and the others follow in order."""
        order = (self._first + np.arange(self._count)) % self._size
        kept = self.signatures[order]
        self._size *= 2
        self._first = 0
        self.signatures = np.zeros((self._size, VALUES), dtype=np.uint32)
        self.signatures[: self._count] = kept
        self._heads = array("i", [END]) * (self._size * BANDS)
        self._links = array("i", [END]) * (self._size * BANDS)
        for slot in range(self._count):
            self._link(slot)

    def free_oldest(self) -> int:
        """Forget the signature that was added first; the slot it had. Raises IndexError if there is none."""
        if not self._count:
            raise IndexError("empty index")
        slot = self._first
        self.free(slot)
        self._first = (self._first + 1) % self._size
        self._count -= 1
        return slot

    def free(self, slot: int) -> None:
        """Let no search find the slot any more; the slot itself stays taken until it is the oldest."""
        heads, links = self._heads, self._links
        for band, bucket in enumerate(self._buckets(self.signatures[slot])):
            gone = slot * BANDS + band
            entry = heads[bucket]
            if entry == gone:
                heads[bucket] = links[gone]
                continue
            while entry != END:
                after = links[entry]
                if after == gone:
                    links[entry] = links[gone]
                    break
                entry = after

    def _link(self, slot: int) -> None:
        for band, bucket in enumerate(self._buckets(self.signatures[slot])):
            entry = slot * BANDS + band
            self._links[entry] = self._heads[bucket]
            self._heads[bucket] = entry

    def _buckets(self, signature: Signatures) -> list[int]:
        """The chain of each band; as many chains as entries, so that they stay short."""
        rows = signature.reshape(BANDS, ROWS).astype(np.uint64)
        hashes = _NUMBERS.copy()
        for row in range(ROWS):
            hashes = hashes * P + rows[:, row]
        buckets: list[int] = (mix(hashes) % np.uint64(self._size * BANDS)).tolist()
        return buckets
