"""The Merkle tree of RFC 6962: roots, inclusion and consistency proofs, and their verification.

    leaf hash  SHA-256(0x00 || entry)          node hash  SHA-256(0x01 || left || right)
    root of n leaves: SHA-256("") for none, the leaf hash of one, else node(root of the first k, root of the rest)
    with k the largest power of two below n.

Proofs are lists of 32-byte hashes, nearest to the leaves first. `Frontier` follows a log in logarithmic space and gives
its root; `MerkleTree` keeps all hashes (64 bytes a leaf) and gives proofs too. Shared by every log of Zajil.
Source: RFC 6962 section 2.1; the verification loops are those of RFC 9162 2.1.3.2 and 2.1.4.2, the same tree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

from zajil.protocol.errors import error

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
# 64-bit sizes are the limit of the formats around the tree; a longer proof is refused before it is hashed.
PROOF_HASHES: Final = 64


def leaf_hash(entry: bytes) -> bytes:
    """The 32-byte hash of an entry of any length as a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The 32-byte hash over two 32-byte subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(size: int) -> int:
    """The largest power of two below a size of 2 or more: how many leaves go to the left."""
    return 1 << ((size - 1).bit_length() - 1)


class Frontier(NamedTuple):
    """The right edge of a tree: all that appending needs.

    size: leaves. peaks: roots of the complete subtrees from left to right, one for each bit set in `size`.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """The frontier with one more leaf hash (32 bytes) at the right end."""
        peaks, node, size = list(self.peaks), leaf, self.size
        while size & 1:
            node = node_hash(peaks.pop(), node)
            size >>= 1
        return Frontier(self.size + 1, (*peaks, node))

    def root(self) -> bytes:
        """The 32-byte root of all leaves so far."""
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node


EMPTY: Final = Frontier()


def follow(leaves: Sequence[bytes], frontier: Frontier = EMPTY) -> Frontier:
    """A frontier with more leaf hashes appended in their order."""
    for leaf in leaves:
        frontier = frontier.append(leaf)
    return frontier


class MerkleTree:
    """All hashes of a growing tree; answers for every size it ever had.

    Proofs take O(log n) look-ups, and as many hashes again where the tree is not complete.
    """

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        # _levels[h] holds the roots of the complete subtrees of 2^h leaves, one after another.
        self._levels: list[bytearray] = [bytearray()]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> int:
        """Add a leaf hash; returns its index. Raises LocalProtocolError unless it has 32 bytes."""
        if len(leaf) != HASH_BYTES:
            raise error("wrong-call", "leaf hash of another size")
        index, node, height = self.size, leaf, 0
        self._levels[0] += node
        at = index
        while at & 1:
            node = node_hash(self._node(height, at - 1), node)
            at >>= 1
            height += 1
            if height == len(self._levels):
                self._levels.append(bytearray())
            self._levels[height] += node
        return index

    def leaf(self, index: int) -> bytes:
        """The leaf hash at an index below `size`."""
        self._check_range(index, index + 1)
        return self._node(0, index)

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves, by default of all. Raises LocalProtocolError beyond the tree."""
        size = self.size if size is None else size
        if size == 0:
            return EMPTY_ROOT
        self._check_range(0, size)
        return self._root_of(0, size)

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """The proof that leaf `index` is among the first `size`: at most one hash per level.

        Raises LocalProtocolError unless index < size <= the tree's size.
        """
        size = self.size if size is None else size
        self._check_range(index, size)
        proof: list[bytes] = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                proof.append(self._root_of(middle, end))
                end = middle
            else:
                proof.append(self._root_of(start, middle))
                start = middle
        return proof[::-1]

    def consistency_proof(self, old: int, new: int | None = None) -> list[bytes]:
        """The proof that the tree of `old` leaves is the beginning of the tree of `new`; empty where they are equal.

        Raises LocalProtocolError unless 1 <= old <= new <= the tree's size.
        """
        new = self.size if new is None else new
        self._check_range(old - 1, new)
        proof: list[bytes] = []
        start, end, known = 0, new, True
        while old != end:
            middle = start + _split(end - start)
            if old <= middle:
                proof.append(self._root_of(middle, end))
                end = middle
            else:
                proof.append(self._root_of(start, middle))
                start, known = middle, False
        if not known:
            proof.append(self._root_of(start, end))
        return proof[::-1]

    def _check_range(self, start: int, end: int) -> None:
        if not 0 <= start < end <= self.size:
            raise error("wrong-call", "beyond the tree")

    def _node(self, height: int, index: int) -> bytes:
        at = index * HASH_BYTES
        return bytes(self._levels[height][at : at + HASH_BYTES])

    def _root_of(self, start: int, end: int) -> bytes:
        """The root of leaves start..end, where start is a multiple of the largest power of two in the range."""
        size = end - start
        if size & (size - 1) == 0:
            height = size.bit_length() - 1
            return self._node(height, start >> height)
        middle = start + _split(size)
        return node_hash(self._root_of(start, middle), self._root_of(middle, end))


def check_inclusion(leaf: bytes, proof: Sequence[bytes], *, index: int, size: int, root: bytes) -> None:
    """Raises Malformed `bad-signature` unless the leaf hash is number `index` of the tree of `size` with this root."""
    _check_shape(proof)
    if not 0 <= index < size:
        raise error("bad-signature", "inclusion beyond the tree")
    node, at, last = leaf, index, size - 1
    for step in proof:
        if last == 0:
            raise error("bad-signature", "inclusion proof too long")
        if at & 1 or at == last:
            node = node_hash(step, node)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, step)
        at, last = at >> 1, last >> 1
    if last != 0 or node != root:
        raise error("bad-signature", "inclusion proof")


def check_consistency(proof: Sequence[bytes], *, old: int, new: int, old_root: bytes, new_root: bytes) -> None:
    """Raises Malformed `bad-signature` unless the tree of `old` leaves is the beginning of the tree of `new`.

    old = 0 is the empty tree, the beginning of every tree; its proof is empty.
    """
    _check_shape(proof)
    if not 0 <= old <= new:
        raise error("bad-signature", "consistency of a shrunken tree")
    if old in (0, new):
        expected = EMPTY_ROOT if old == 0 else new_root
        if proof or old_root != expected or (new == 0 and new_root != EMPTY_ROOT):
            raise error("bad-signature", "consistency of equal or empty trees")
        return
    # A complete old tree is itself the first node of the path, so the proof leaves it out.
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise error("bad-signature", "consistency proof too short")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for step in path[1:]:
        if last == 0:
            raise error("bad-signature", "consistency proof too long")
        if at & 1 or at == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, step)
        at, last = at >> 1, last >> 1
    if last != 0 or first != old_root or second != new_root:
        raise error("bad-signature", "consistency proof")


def _check_shape(proof: Sequence[bytes]) -> None:
    if len(proof) > PROOF_HASHES or any(len(step) != HASH_BYTES for step in proof):
        raise error("bad-signature", "proof of another shape")
