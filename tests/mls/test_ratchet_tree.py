"""The ratchet tree and TreeKEM under random histories: members agree, the tree stays valid, hashes are fresh."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zajil.mls.errors import CryptoError, Invalid, TooManyLeaves
from zajil.mls.messages.credentials import Capabilities, Lifetime, basic_credential
from zajil.mls.primitives import crypto, hpke
from zajil.mls.primitives.codec import parse_all
from zajil.mls.primitives.suites import X25519_AES128, XWING, Suite
from zajil.mls.tree import treekem
from zajil.mls.tree.nodes import LeafNode, LeafSource
from zajil.mls.tree.parent_hash import check_tree
from zajil.mls.tree.tree import Tree
from zajil.mls.tree.tree_math import MAX_LEAVES
from zajil.mls.tree.treekem import PrivateKeys

GROUP = b"group"
NOBODY: frozenset[int] = frozenset()


class Members:
    """Everyone's view of one tree, changed by Commits without messages around them."""

    def __init__(self, suite: Suite, seed: int = 0) -> None:
        numbers = itertools.count(seed << 32)
        self.rng: Callable[[int], bytes] = lambda size: next(numbers).to_bytes(8, "big").rjust(size, b"\x5a")
        self.suite = suite
        self.signer, self.signature_key = crypto.make_signer(suite, self.rng(32))
        private, leaf = self.new_leaf()
        self.tree = Tree.new(suite, leaf)
        self.keys = {0: PrivateKeys(0, {0: private})}

    def new_leaf(self) -> tuple[bytes, LeafNode]:
        private, public = hpke.generate_key_pair(self.suite, self.rng)
        leaf = LeafNode(
            public,
            self.signature_key,
            basic_credential(b"someone"),
            Capabilities(),
            LeafSource.KEY_PACKAGE,
            lifetime=Lifetime(0, 2**64 - 1),
        )
        return private, leaf.signed(self.signer)

    def commit(self, sender: int, *, add: int = 0, remove: tuple[int, ...] = ()) -> None:
        """One Commit with a path: removes, adds, and every member opens it or joins by its path secret."""
        tree = self.tree
        for leaf in remove:
            tree = tree.remove(leaf)
        fresh = [self.new_leaf() for _ in range(add)]
        tree, places = tree.add_all([leaf for _, leaf in fresh])
        added = frozenset(places)

        def make_leaf(encryption_key: bytes, parent_hash: bytes) -> LeafNode:
            leaf = LeafNode(
                encryption_key,
                self.signature_key,
                basic_credential(b"someone"),
                Capabilities(),
                LeafSource.COMMIT,
                parent_hash=parent_hash,
            )
            return leaf.signed(self.signer, group_id=GROUP, leaf=sender)

        drawn = treekem.draw_path(tree, self.keys[sender], make_leaf=make_leaf, rng=self.rng)
        path = drawn.seal(b"context", added=added, rng=self.rng)
        merged = treekem.merge_path(tree, sender, path, added=added)
        assert merged == drawn.tree
        keys = {sender: drawn.private}
        for leaf, held in self.keys.items():
            if leaf in remove:
                self.check_locked_out(merged, sender, path, held, added)
            elif leaf != sender:
                secret, keys[leaf] = treekem.open_path(
                    merged, sender, path, private=held.kept(tree), added=added, group_context=b"context"
                )
                assert secret == drawn.commit_secret
        for place, (private, _) in zip(places, fresh, strict=True):
            carried = drawn.secret_for(place)
            assert carried is not None
            alone = PrivateKeys(place, {2 * place: private})
            keys[place] = treekem.join_path(merged, alone, sender=sender, path_secret=carried)
        self.tree, self.keys = merged, keys

    def check_locked_out(
        self, tree: Tree, sender: int, path: treekem.UpdatePath, held: PrivateKeys, added: frozenset[int]
    ) -> None:
        """A removed member opens none of the path's ciphertexts with any key it ever held."""
        for node in path.nodes:
            for sealed in node.encrypted_path_secret:
                for private in held.keys.values():
                    with pytest.raises(CryptoError):
                        crypto.decrypt_with_label(
                            tree.suite, private, label=b"UpdatePathNode", context=b"context", sealed=sealed
                        )

    def check(self) -> None:
        """The tree is valid, its cached hashes are those of a fresh parse, everyone's keys fit."""
        fresh = parse_all(self.tree.encode(), lambda reader: Tree.parse(self.suite, reader))
        assert fresh == self.tree
        check_tree(self.tree, fresh.tree_hash())
        assert sorted(self.keys) == [leaf for leaf, _ in self.tree.members()]
        for held in self.keys.values():
            held.check(self.tree, "C5")


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_random_histories_agree(data: st.DataObject) -> None:
    group = Members(X25519_AES128, data.draw(st.integers(0, 255)))
    group.commit(0, add=data.draw(st.integers(1, 9)))
    for _ in range(5):
        sender = data.draw(st.sampled_from(sorted(group.keys)))
        others = [leaf for leaf in sorted(group.keys) if leaf != sender]
        removed = data.draw(st.lists(st.sampled_from(others), unique=True, max_size=3)) if others else []
        group.commit(sender, add=data.draw(st.integers(0, 3)), remove=tuple(removed))
        group.check()


def test_xwing_history() -> None:
    group = Members(XWING)
    group.commit(0, add=4)
    group.commit(3, remove=(1,), add=2)
    group.commit(0)
    group.check()


def test_add_to_a_gap_is_partly_merged_and_valid() -> None:
    """The tree corrected ts-mls must accept: five members, remove one, refill, update from the other half (T4)."""
    group = Members(X25519_AES128)
    for sender, added, removed in ((0, 4, ()), (1, 0, ()), (0, 0, (2,)), (4, 0, ())):
        group.commit(sender, add=added, remove=removed)
    private, leaf = group.new_leaf()
    group.tree, place = group.tree.add(leaf)
    group.keys[place] = PrivateKeys(place, {2 * place: private})
    assert place == 2
    group.commit(4, add=1)
    root, half = group.tree.parent(group.tree.root), group.tree.parent(3)
    assert root is not None
    assert half is not None
    assert (root.unmerged_leaves, half.unmerged_leaves) == ((), (place,))
    group.check()


def test_tree_grows_and_shrinks_by_halves() -> None:
    group = Members(X25519_AES128)
    tree = group.tree
    for count in range(1, 9):
        tree, place = tree.add(group.new_leaf()[1])
        assert place == count
    assert tree.leaves == 16
    tree = tree.remove(8)
    assert tree.leaves == 8
    for leaf in (7, 6, 5, 4, 3, 2, 1):
        tree = tree.remove(leaf)
    assert tree == group.tree


def test_engine_limit_of_leaves() -> None:
    leaf = Members(X25519_AES128).new_leaf()[1]
    tree, _ = Tree.new(X25519_AES128, leaf).add_all([leaf] * (MAX_LEAVES - 1))
    with pytest.raises(TooManyLeaves):
        tree.add(leaf)


def test_unique_keys_of_the_path() -> None:
    group = Members(X25519_AES128)
    group.commit(0, add=3)
    tree = group.tree
    path = treekem.draw_path(tree, group.keys[0], make_leaf=lambda *_: group.new_leaf()[1], rng=group.rng)
    sealed = path.seal(b"context", added=NOBODY, rng=group.rng)
    with pytest.raises(Invalid, match="C6"):
        treekem.merge_path(tree, 0, sealed, added=NOBODY)
    longer = treekem.UpdatePath(sealed.leaf_node, (*sealed.nodes, sealed.nodes[0]))
    with pytest.raises(Invalid, match="C4"):
        treekem.merge_path(tree, 0, longer, added=NOBODY)
    taken = treekem.UpdatePathNode(group.new_leaf()[1].encryption_key, sealed.nodes[0].encrypted_path_secret)
    doubled = treekem.UpdatePath(
        sealed.leaf_node, (taken, treekem.UpdatePathNode(taken.encryption_key, sealed.nodes[1].encrypted_path_secret))
    )
    with pytest.raises(Invalid, match="C3"):
        treekem.merge_path(tree, 0, doubled, added=NOBODY)
