"""Locality-sensitive hashing of MinHash signatures: 16 bands of 4 values, in arrays instead of objects.

A signature costs 256 bytes and its 16 chained entries 256, where 16 dictionary entries take over 1,400: at two million
posts that is 1.1 GB against 3.3. Chains lead both ways, so freeing takes as long in a long one, and a search looks at
the newest of each alone: a flood of copies costs as much a post as anything else. Two texts with a Jaccard similarity
of .8 share a band with a probability of 99.98 %.
Source: design/moderation.md section 6.
"""

from __future__ import annotations

from array import array
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from zajil.moderation.hashing import Hashes, P, mix
from zajil.moderation.match.minhash import VALUES, Signatures

BANDS: Final = 16
ROWS: Final = VALUES // BANDS
Slots: TypeAlias = npt.NDArray[np.int64]
Entries: TypeAlias = npt.NDArray[np.int32]
FIRST_SIZE: Final = 256
MANY_SLOTS: Final = 4096
CHUNK: Final = 4096
_NUMBERS: Final = np.arange(BANDS, dtype=np.uint64)
END: Final = -1
PRINT_BITS: Final = 32
STEPS: Final = 64
"""So many links of all chains are followed at once; what is longer still is a flood's, and followed alone."""
BAND_SLOTS: Final = 8
"""How many slots a search takes of each band, at most; of copies of one text these are the same in each."""


def hash_bands(signatures: Signatures) -> Hashes:
    """For each row of 64 values the 64-bit keys of its 16 bands."""
    rows = signatures.reshape(-1, BANDS, ROWS).astype(np.uint64)
    hashes = np.broadcast_to(_NUMBERS, rows.shape[:2]).copy()
    for row in range(ROWS):
        hashes = hashes * P + rows[:, :, row]
    return mix(hashes)


def find_keys(signatures: Signatures) -> list[list[int]]:
    """`hash_bands` as plain integers."""
    keys: list[list[int]] = hash_bands(signatures).tolist()
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

    def find_many(self, keys: Hashes) -> dict[int, list[int]]:
        """`find` for each row of keys (`hash_bands`); rows that find nothing are missing."""
        heads = np.frombuffer(self._heads, dtype=np.int32)
        return self._follow(heads[keys & np.uint64(self._mask)], keys)

    def find_before(self, slots: Slots, keys: Hashes) -> dict[int, list[int]]:
        """What `find` had found for each of these rows when it was added. slots: where they are now."""
        links = np.frombuffer(self._links, dtype=np.int32)
        return self._follow(links[slots[:, None] * BANDS + np.arange(BANDS)], keys)

    def _follow(self, entries: Entries, keys: Hashes) -> dict[int, list[int]]:
        """The slots on the chains that begin at these entries [n, 16], by row."""
        links, prints = np.frombuffer(self._links, dtype=np.int32), np.frombuffer(self._prints, dtype=np.uint32)
        wanted = (keys.ravel() >> np.uint64(PRINT_BITS)).astype(np.uint32)
        left = np.full(len(wanted), BAND_SLOTS)
        entry: Entries = entries.ravel()
        at: Slots = np.flatnonzero(entry != END)
        entry = entry[at]
        found: dict[int, set[int]] = {}
        for _ in range(STEPS):
            if not len(at):
                break
            same = np.flatnonzero(prints[entry] == wanted[at])
            if len(same):
                same = same[entry[same] % BANDS == at[same] % BANDS]
                for row, slot in zip((at[same] // BANDS).tolist(), (entry[same] // BANDS).tolist(), strict=True):
                    found.setdefault(row, set()).add(slot)
                left[at[same]] -= 1
                on = left[at] > 0
                at, entry = at[on], entry[on]
            entry = links[entry]
            on = entry != END
            at, entry = at[on], entry[on]
        for place, first in zip(at.tolist(), entry.tolist(), strict=True):
            row, band = divmod(place, BANDS)
            self._collect(first, band, int(wanted[place]), int(left[place]), found.setdefault(row, set()))
        return {row: sorted(found[row]) for row in sorted(found) if found[row]}

    def find(self, keys: list[int]) -> list[int]:
        """Slots that share a band with a signature, by its keys: of each band the newest; ascending, each once."""
        slots: set[int] = set()
        heads, mask = self._heads, self._mask
        for band, key in enumerate(keys):
            entry = heads[key & mask]
            if entry != END:
                self._collect(entry, band, key >> PRINT_BITS, BAND_SLOTS, slots)
        return sorted(slots)

    def _collect(self, entry: int, band: int, wanted: int, left: int, slots: set[int]) -> None:
        """Add the slots of a chain from this entry on, so many at most."""
        links, prints = self._links, self._prints
        while entry != END and left:
            if prints[entry] == wanted and entry % BANDS == band:
                slots.add(entry // BANDS)
                left -= 1
            entry = links[entry]

    def add(self, signature: Signatures, keys: list[int]) -> int:
        """Keep a signature; its slot. Raises IndexError if the index is full: free some, or `grow`."""
        if self.is_full():
            raise IndexError("full index")
        slot = (self._first + self._count) % self._size
        self._count += 1
        self.signatures[slot] = signature
        self._link(slot, keys)
        return slot

    def add_many(self, signatures: Signatures, keys: Hashes) -> Slots:
        """`add` of each row, in order; their slots. keys: of `hash_bands`. Raises IndexError without room for all."""
        if self._count + len(signatures) > self._size:
            raise IndexError("full index")
        slots = (self._first + self._count + np.arange(len(signatures))) % self._size
        self._count += len(signatures)
        self.signatures[slots] = signatures
        self._link_many(slots, keys)
        return slots

    def is_full(self) -> bool:
        """Whether there is no slot left."""
        return self._count == self._size

    def grow(self) -> None:
        """Twice the slots, or four times few ones.

        The oldest moves to slot 0 and the others follow in order; what was freed stays unfound.
        """
        order = (self._first + np.arange(self._count)) % self._size
        kept = self.signatures[order]
        findable = self._find_findable(order)
        self._size *= 2 if self._size >= MANY_SLOTS else 4
        self._first = 0
        self.signatures = np.zeros((self._size, VALUES), dtype=np.uint32)
        self.signatures[: self._count] = kept
        self._clear()
        for start in range(0, len(findable), CHUNK):
            some = findable[start : start + CHUNK]
            self._link_many(some, hash_bands(kept[some]))

    def _find_findable(self, slots: Slots) -> Slots:
        """Places of those slots that `free` did not take from searches: something leads to their entries."""
        heads, backs = (np.frombuffer(each, dtype=np.int32) for each in (self._heads, self._backs))
        led = np.zeros(self._size * BANDS, dtype=np.bool_)
        led[heads[heads != END]] = True
        led |= backs != END
        return np.flatnonzero(led[slots * BANDS])

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

    def _link_many(self, slots: Slots, keys: Hashes) -> None:
        """`_link` of each slot, in order."""
        heads, links, backs = (np.frombuffer(each, dtype=np.int32) for each in (self._heads, self._links, self._backs))
        prints = np.frombuffer(self._prints, dtype=np.uint32)
        entries = (slots[:, None] * BANDS + np.arange(BANDS)).astype(np.int32).ravel()
        prints[entries] = keys.ravel() >> np.uint64(PRINT_BITS)
        # In the order of buckets, equal ones as they came: each with its place is a number of its own, and numpy sorts
        # numbers ten times as fast as it finds a stable order.
        placed = (keys.ravel() & np.uint64(self._mask)) << np.uint64(PRINT_BITS)
        placed |= np.arange(len(entries), dtype=np.uint64)
        placed.sort()
        entries = entries[placed & np.uint64((1 << PRINT_BITS) - 1)]
        buckets = (placed >> np.uint64(PRINT_BITS)).astype(np.int32)
        # Of those that come to one bucket each lies before the one that came before it.
        fresh = np.ones(len(buckets), dtype=np.bool_)
        fresh[1:] = buckets[1:] != buckets[:-1]
        after = np.where(fresh, heads[buckets], np.roll(entries, 1))
        links[entries] = after
        backs[entries] = END
        behind = after != END
        backs[after[behind]] = entries[behind]
        newest = np.roll(fresh, -1)
        heads[buckets[newest]] = entries[newest]

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
