"""The window of the ratchets (mls.md 7.1, 7.2): each key once, 32 skipped, 2,048 forward."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zajil.mls.errors import DecodeError, GenerationLimit, Invalid, Replayed, TooFar, TooOld
from zajil.mls.primitives.codec import parse_all
from zajil.mls.primitives.suites import SUITES, X25519_AES128, Suite
from zajil.mls.schedule.key_schedule import KeyNonce
from zajil.mls.schedule.secret_tree import Ratchet, RatchetKind, SecretTree, Window

APPLICATION, HANDSHAKE = RatchetKind.APPLICATION, RatchetKind.HANDSHAKE
SECRET = bytes(range(32))


def new_tree(leaves: int = 8, *, forward: int = 2048) -> SecretTree:
    window = Window(forward=forward)
    return SecretTree.new(X25519_AES128, SECRET, leaves=leaves, window=window)


def key_at(generation: int) -> KeyNonce:
    return new_tree().open_key(1, APPLICATION, generation)[0]


@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: f"{suite.id:#06x}")
def test_key_and_nonce_have_the_suites_lengths(suite: Suite) -> None:
    key, _ = SecretTree.new(suite, bytes(suite.nh), leaves=2).open_key(1, HANDSHAKE, 3)
    assert (len(key.key), len(key.nonce)) == (suite.nk, suite.nn)


def test_used_key_is_replayed_and_skipped_key_opens_once() -> None:
    _, tree = new_tree().open_key(1, APPLICATION, 5)
    with pytest.raises(Replayed):
        tree.open_key(1, APPLICATION, 5)
    key, tree = tree.open_key(1, APPLICATION, 2)
    assert key == key_at(2)
    with pytest.raises(Replayed):
        tree.open_key(1, APPLICATION, 2)
    assert tree.open_key(1, APPLICATION, 3)[0] == key_at(3)


def test_tree_moves_only_when_kept() -> None:
    tree = new_tree()
    first, _ = tree.open_key(1, APPLICATION, 0)
    again, moved = tree.open_key(1, APPLICATION, 0)
    assert first == again
    assert tree == new_tree()
    assert moved != tree


def test_window_keeps_32_skipped_keys() -> None:
    _, tree = new_tree().open_key(1, APPLICATION, 100)
    assert tree.floor(1, APPLICATION) == 68
    assert tree.open_key(1, APPLICATION, 68)[0] == key_at(68)
    for generation in (0, 67):
        with pytest.raises(TooOld):
            tree.open_key(1, APPLICATION, generation)


def test_newer_skips_push_the_oldest_out() -> None:
    _, tree = new_tree().open_key(1, APPLICATION, 32)
    assert tree.floor(1, APPLICATION) == 0
    _, tree = tree.open_key(1, APPLICATION, 34)
    assert tree.floor(1, APPLICATION) == 1
    with pytest.raises(TooOld):
        tree.open_key(1, APPLICATION, 0)
    assert tree.open_key(1, APPLICATION, 1)[0] == key_at(1)


def test_forward_limit_is_checked_before_deriving() -> None:
    tree = new_tree()
    for generation in (2049, 0x7FFFFFFF, 0xFFFFFFFF):
        with pytest.raises(TooFar):
            tree.open_key(1, APPLICATION, generation)
    key, tree = tree.open_key(1, APPLICATION, 2048)
    assert tree.generation(1, APPLICATION) == 2049
    assert key == new_tree(forward=5000).open_key(1, APPLICATION, 2048)[0]


def test_last_generation_is_never_reached() -> None:
    end = Ratchet(SECRET, generation=0xFFFFFFFF)
    tree = SecretTree(X25519_AES128, 2, {}, {(0, APPLICATION): end, (0, HANDSHAKE): end})
    with pytest.raises(GenerationLimit):
        tree.next_key(0, APPLICATION)
    with pytest.raises(TooFar):
        tree.open_key(0, APPLICATION, 0xFFFFFFFF)


def test_sender_and_receiver_agree() -> None:
    sender = receiver = new_tree()
    for expected in range(4):
        generation, sealed, sender = sender.next_key(6, HANDSHAKE)
        assert generation == expected
        opened, receiver = receiver.open_key(6, HANDSHAKE, generation)
        assert opened == sealed
    assert sender == receiver


@pytest.mark.parametrize("leaf", [-1, 8, 0xFFFFFFFF])
def test_leaf_outside_of_the_tree(leaf: int) -> None:
    with pytest.raises(Invalid, match="F4"):
        new_tree().open_key(leaf, APPLICATION, 0)


def test_opened_nodes_are_gone() -> None:
    _, tree = new_tree().open_key(2, APPLICATION, 0)
    assert set(tree.nodes) == {6, 1, 11}
    assert SECRET not in tree.nodes.values()


@pytest.mark.parametrize("used", [False, True])
def test_dropped_leaf_opens_nothing(used: bool) -> None:
    tree = new_tree()
    if used:
        _, _, tree = tree.next_key(3, APPLICATION)
    tree = tree.without_leaf(3)
    for kind in RatchetKind:
        with pytest.raises(Invalid):
            tree.open_key(3, kind, 1)
    assert tree.open_key(2, APPLICATION, 0)[0] == new_tree().open_key(2, APPLICATION, 0)[0]


def test_past_epoch_keeps_application_keys() -> None:
    _, tree = new_tree().open_key(1, APPLICATION, 4)
    tree = tree.without_handshakes()
    assert tree.open_key(1, APPLICATION, 5)[0] == key_at(5)
    with pytest.raises(Invalid):
        tree.open_key(1, HANDSHAKE, 0)


def test_no_secret_in_repr() -> None:
    _, tree = new_tree().open_key(1, APPLICATION, 4)
    assert SECRET.hex() not in repr(tree)
    assert "nodes" not in repr(tree)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(RatchetKind), st.integers(0, 80)), max_size=60))
def test_any_order_opens_each_key_at_most_once(steps: list[tuple[int, RatchetKind, int]]) -> None:
    tree, seen = new_tree(leaves=4), set()
    for leaf, kind, generation in steps:
        try:
            key, tree = tree.open_key(leaf, kind, generation)
        except Replayed:
            assert (leaf, kind, generation) in seen
            continue
        except TooOld:
            assert generation < tree.floor(leaf, kind)
            continue
        assert (leaf, kind, generation) not in seen
        seen.add((leaf, kind, generation))
        assert key == new_tree(leaves=4).open_key(leaf, kind, generation)[0]
        assert len(tree.ratchets[leaf, kind].skipped) <= tree.window.skipped
    assert parse_all(tree.encode(), lambda reader: SecretTree.parse(reader, X25519_AES128)) == tree


def test_keys_differ_everywhere() -> None:
    keys = {
        hashlib.sha256(new_tree().open_key(leaf, kind, generation)[0].key).digest()
        for leaf in range(8)
        for kind in RatchetKind
        for generation in range(5)
    }
    assert len(keys) == 80


@pytest.mark.parametrize(
    ("offset", "octet"),
    [(3, 3), (3, 0), (0, 1), (8, 0xFF), (9, 31)],
    ids=["not a power of two", "no leaves", "too wide", "node outside", "short secret"],
)
def test_damaged_saved_tree(offset: int, octet: int) -> None:
    """Width at 0, then the nodes: length, index at 5, secret from 9."""
    encoded = bytearray(new_tree().encode())
    encoded[offset] = octet
    with pytest.raises(DecodeError):
        parse_all(bytes(encoded), lambda reader: SecretTree.parse(reader, X25519_AES128))


@pytest.mark.parametrize(
    "ratchet",
    [
        Ratchet(SECRET[1:], 1),
        Ratchet(SECRET, 1, 0, ((1, KeyNonce(bytes(16), bytes(12))),)),
        Ratchet(SECRET, 3, 2, ((1, KeyNonce(bytes(16), bytes(12))),)),
        Ratchet(SECRET, 3, 0, ((1, KeyNonce(bytes(16), bytes(12))),) * 2),
        Ratchet(SECRET, 3, 0, ((1, KeyNonce(bytes(15), bytes(12))),)),
    ],
)
def test_damaged_saved_ratchet(ratchet: Ratchet) -> None:
    tree = SecretTree(X25519_AES128, 2, {}, {(0, APPLICATION): ratchet})
    with pytest.raises(DecodeError):
        parse_all(tree.encode(), lambda reader: SecretTree.parse(reader, X25519_AES128))


def test_ratchet_of_a_leaf_outside_of_the_saved_tree() -> None:
    tree = SecretTree(X25519_AES128, 2, {}, {(2, APPLICATION): Ratchet(SECRET)})
    with pytest.raises(DecodeError):
        parse_all(tree.encode(), lambda reader: SecretTree.parse(reader, X25519_AES128))
    assert new_tree().without_leaf(9) == new_tree()
