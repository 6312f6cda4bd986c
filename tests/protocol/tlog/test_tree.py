"""The Merkle tree: known vectors, RFC 6962's own worked proofs, all small trees, and every way to be wrong."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.protocol.errors import LocalProtocolError, Malformed
from zajil.protocol.tlog.tree import (
    EMPTY_ROOT,
    Frontier,
    MerkleTree,
    check_consistency,
    check_inclusion,
    follow,
    leaf_hash,
    node_hash,
)

VECTORS = json.loads((Path(__file__).resolve().parents[3] / "vectors" / "tlog.json").read_text(encoding="utf-8"))
LEAVES = [leaf_hash(bytes.fromhex(text)) for text in VECTORS["leaves"]]
ROOTS = [bytes.fromhex(text) for text in VECTORS["roots"]]


def plain_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 2.1, written as the RFC writes it: the oracle."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(plain_root(leaves[:k]), plain_root(leaves[k:]))


def plain_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*plain_path(m, leaves[:k]), plain_root(leaves[k:])]
    return [*plain_path(m - k, leaves[k:]), plain_root(leaves[:k])]


def plain_proof(m: int, leaves: list[bytes], *, whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962 2.1.2."""
    if m == len(leaves):
        return [] if whole else [plain_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*plain_proof(m, leaves[:k], whole=whole), plain_root(leaves[k:])]
    return [*plain_proof(m - k, leaves[k:], whole=False), plain_root(leaves[:k])]


@pytest.mark.vectors
def test_roots_of_the_certificate_transparency_vectors() -> None:
    tree = MerkleTree(LEAVES)
    assert [tree.root(size) for size in range(len(LEAVES) + 1)] == ROOTS
    assert [follow(LEAVES[:size]).root() for size in range(len(LEAVES) + 1)] == ROOTS


@pytest.mark.vectors
@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda case: f"{case['index']}-of-{case['size']}")
def test_inclusion_proofs_of_the_vectors(case: dict[str, int | list[str]]) -> None:
    index, size, proof = case["index"], case["size"], case["proof"]
    assert isinstance(index, int)
    assert isinstance(size, int)
    assert isinstance(proof, list)
    assert [step.hex() for step in MerkleTree(LEAVES).inclusion_proof(index, size)] == proof


@pytest.mark.vectors
@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda case: f"{case['old']}-in-{case['new']}")
def test_consistency_proofs_of_the_vectors(case: dict[str, int | list[str]]) -> None:
    old, new, proof = case["old"], case["new"], case["proof"]
    assert isinstance(old, int)
    assert isinstance(new, int)
    assert isinstance(proof, list)
    assert [step.hex() for step in MerkleTree(LEAVES).consistency_proof(old, new)] == proof


def test_the_worked_example_of_the_rfc() -> None:
    """RFC 6962 2.1.3: seven leaves; the letters are the RFC's."""
    d = [leaf_hash(bytes([i])) for i in range(7)]
    a, b, c, e, f, j = d[0], d[1], d[2], d[4], d[5], d[6]
    g, h, i = node_hash(a, b), node_hash(c, d[3]), node_hash(e, f)
    k, l = node_hash(g, h), node_hash(i, j)  # noqa: E741  # as in the RFC
    tree = MerkleTree(d)
    assert tree.root() == node_hash(k, l)
    assert tree.inclusion_proof(0) == [b, h, l]
    assert tree.inclusion_proof(3) == [c, g, l]
    assert tree.inclusion_proof(4) == [f, j, k]
    assert tree.inclusion_proof(6) == [i, k]
    assert tree.consistency_proof(3) == [c, d[3], g, l]
    assert tree.consistency_proof(4) == [l]
    assert tree.consistency_proof(6) == [i, j, k]


def test_every_small_tree_agrees_with_the_rfcs_recursions_and_verifies() -> None:
    leaves = [leaf_hash(bytes([i])) for i in range(24)]
    tree = MerkleTree(leaves)
    for size in range(1, len(leaves) + 1):
        root = tree.root(size)
        assert root == plain_root(leaves[:size]) == follow(leaves[:size]).root()
        for index in range(size):
            proof = tree.inclusion_proof(index, size)
            assert proof == plain_path(index, leaves[:size])
            check_inclusion(leaves[index], proof, index=index, size=size, root=root)
        for old in range(1, size + 1):
            proof = tree.consistency_proof(old, size)
            assert proof == plain_proof(old, leaves[:size])
            check_consistency(proof, old=old, new=size, old_root=tree.root(old), new_root=root)
        check_consistency([], old=0, new=size, old_root=EMPTY_ROOT, new_root=root)


def test_a_proof_stands_for_one_place_in_one_tree_only() -> None:
    leaves = [leaf_hash(bytes([i])) for i in range(9)]
    tree = MerkleTree(leaves)
    for size, index in itertools.product(range(1, 10), range(9)):
        if index >= size:
            continue
        proof, root = tree.inclusion_proof(index, size), tree.root(size)
        for other in range(size):
            if other != index:
                with pytest.raises(Malformed, match="bad-signature"):
                    check_inclusion(leaves[index], proof, index=other, size=size, root=root)
        for spoiled in (
            [*proof, bytes(32)],
            proof[:-1] if proof else [bytes(32)],
            [step[:31] for step in proof] or [b""],
        ):
            with pytest.raises(Malformed, match="bad-signature"):
                check_inclusion(leaves[index], spoiled, index=index, size=size, root=root)
    for index, size in ((-1, 3), (3, 3), (0, 0)):
        with pytest.raises(Malformed, match="bad-signature"):
            check_inclusion(leaves[0], [], index=index, size=size, root=leaves[0])


@given(st.integers(1, 40), st.data())
def test_no_flipped_bit_of_a_proof_or_root_passes(new: int, data: st.DataObject) -> None:
    tree = MerkleTree([leaf_hash(bytes([i])) for i in range(new)])
    old = data.draw(st.integers(1, new))
    parts = [tree.root(old), tree.root(new), *tree.consistency_proof(old, new)]
    which, bit = data.draw(st.integers(0, len(parts) - 1)), data.draw(st.integers(0, 255))
    spoiled = bytearray(parts[which])
    spoiled[bit // 8] ^= 1 << bit % 8
    parts[which] = bytes(spoiled)
    with pytest.raises(Malformed, match="bad-signature"):
        check_consistency(parts[2:], old=old, new=new, old_root=parts[0], new_root=parts[1])


def test_a_proof_has_the_length_that_its_sizes_ask_for() -> None:
    """With the true roots, too. Roots do not hold sizes: those stand beside them in the signed checkpoint."""
    tree = MerkleTree([leaf_hash(bytes([i])) for i in range(13)])
    sizes = list(itertools.combinations(range(1, 14), 2))
    for old, new in sizes:
        proof, roots = tree.consistency_proof(old, new), (tree.root(old), tree.root(new))
        for other_old, other_new in sizes:
            if len(tree.consistency_proof(other_old, other_new)) != len(proof):
                with pytest.raises(Malformed, match="bad-signature"):
                    check_consistency(proof, old=other_old, new=other_new, old_root=roots[0], new_root=roots[1])


@pytest.mark.parametrize(("old", "new"), [(2, 1), (-1, 3)])
def test_a_log_does_not_shrink(old: int, new: int) -> None:
    with pytest.raises(Malformed, match="bad-signature"):
        check_consistency([], old=old, new=new, old_root=ROOTS[1], new_root=ROOTS[1])


def test_an_empty_tree_has_no_other_root() -> None:
    check_consistency([], old=0, new=0, old_root=EMPTY_ROOT, new_root=EMPTY_ROOT)
    for old_root, new_root, proof in (
        (ROOTS[1], ROOTS[3], []),
        (EMPTY_ROOT, ROOTS[3], [ROOTS[1]]),
    ):
        with pytest.raises(Malformed, match="bad-signature"):
            check_consistency(proof, old=0, new=3, old_root=old_root, new_root=new_root)
    with pytest.raises(Malformed, match="bad-signature"):
        check_consistency([], old=0, new=0, old_root=EMPTY_ROOT, new_root=ROOTS[1])


def test_a_frontier_keeps_one_hash_per_set_bit() -> None:
    frontier = Frontier()
    for number in range(1, 200):
        frontier = frontier.append(leaf_hash(bytes([number])))
        assert frontier.size == number
        assert len(frontier.peaks) == number.bit_count()


def test_beyond_the_tree_is_our_own_mistake() -> None:
    tree = MerkleTree(LEAVES)
    for call in (
        lambda: tree.root(9),
        lambda: tree.leaf(8),
        lambda: tree.inclusion_proof(8),
        lambda: tree.inclusion_proof(0, 9),
        lambda: tree.consistency_proof(0),
        lambda: tree.consistency_proof(5, 9),
        lambda: tree.append(b"short"),
    ):
        with pytest.raises(LocalProtocolError):
            call()
