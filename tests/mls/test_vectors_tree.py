"""Official vectors: tree-operations, tree-validation, treekem."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.mls import vectors
from tests.mls.vectors import unhex

from zajil.mls.messages.group_context import GroupContext
from zajil.mls.messages.proposals import Add, Remove, Update, parse_proposal
from zajil.mls.primitives import crypto, hpke
from zajil.mls.primitives.codec import parse_all
from zajil.mls.primitives.suites import Suite, suite_of
from zajil.mls.tree import treekem
from zajil.mls.tree.nodes import LeafNode, LeafSource
from zajil.mls.tree.parent_hash import check_tree
from zajil.mls.tree.tree import Tree
from zajil.mls.tree.treekem import PrivateKeys, UpdatePath

pytestmark = pytest.mark.vectors


def counting_rng() -> Callable[[int], bytes]:
    numbers = itertools.count()
    return lambda size: next(numbers).to_bytes(8, "big").rjust(size, b"\x2a")


def parse_tree(suite: Suite, data: bytes) -> Tree:
    return parse_all(data, lambda reader: Tree.parse(suite, reader))


@vectors.cases("tree-operations")
def test_tree_operations(index: int) -> None:
    vector = vectors.load("tree-operations")[index]
    suite = suite_of(vector["cipher_suite"])
    before = parse_tree(suite, unhex(vector["tree_before"]))
    assert before.tree_hash() == unhex(vector["tree_hash_before"])
    match parse_all(unhex(vector["proposal"]), parse_proposal):
        case Add(key_package):
            after, _ = before.add(key_package.leaf_node)
        case Update(leaf):
            after = before.update(vector["proposal_sender"], leaf)
        case Remove(removed):
            after = before.remove(removed)
        case other:
            raise AssertionError(other)
    assert after.encode() == unhex(vector["tree_after"])
    assert after.tree_hash() == unhex(vector["tree_hash_after"])
    assert before.encode() == unhex(vector["tree_before"])


@vectors.cases("tree-validation")
def test_tree_validation(index: int) -> None:
    vector = vectors.load("tree-validation")[index]
    suite = suite_of(vector["cipher_suite"])
    tree = parse_tree(suite, unhex(vector["tree"]))
    hashes = [unhex(text) for text in vector["tree_hashes"]]
    for node, expected in enumerate(vector["resolutions"]):
        assert list(tree.resolution(node)) == expected
        assert tree.hash_of(node) == hashes[node]
    check_tree(tree, hashes[tree.root])
    for place, member in tree.members():
        member.verify(suite, group_id=unhex(vector["group_id"]), leaf=place)
    assert tree.encode() == unhex(vector["tree"])


def private_keys(tree: Tree, member: Mapping[str, Any]) -> PrivateKeys:
    """A member's keys from the path secrets it once received."""
    keys = {2 * member["index"]: unhex(member["encryption_priv"])}
    for held in member["path_secrets"]:
        secret = crypto.derive_secret(tree.suite, unhex(held["path_secret"]), b"node")
        keys[held["node"]] = hpke.derive_key_pair(tree.suite, secret)[0]
    private = PrivateKeys(member["index"], keys)
    private.check(tree, "C5")
    return private


def context_of(vector: Mapping[str, Any], tree: Tree) -> bytes:
    return GroupContext(
        suite=tree.suite,
        group_id=unhex(vector["group_id"]),
        epoch=vector["epoch"],
        tree_hash=tree.tree_hash(),
        confirmed_transcript_hash=unhex(vector["confirmed_transcript_hash"]),
        extensions=(),
    ).encode()


def check_received(
    vector: Mapping[str, Any], tree: Tree, case: Mapping[str, Any], held: Mapping[int, PrivateKeys]
) -> None:
    """Every other member opens the vector's path and gets its commit secret."""
    sender, path = case["sender"], parse_all(unhex(case["update_path"]), UpdatePath.parse)
    merged = treekem.merge_path(tree, sender, path, added=frozenset())
    path.leaf_node.verify(tree.suite, group_id=unhex(vector["group_id"]), leaf=sender)
    assert merged.tree_hash() == unhex(case["tree_hash_after"])
    check_tree(merged, unhex(case["tree_hash_after"]))
    for member in vector["leaves_private"]:
        expected = case["path_secrets"][member["index"]]
        if expected is None:
            continue
        private = held[member["index"]]
        commit_secret, updated = treekem.open_path(
            merged,
            sender,
            path,
            private=private,
            added=frozenset(),
            group_context=context_of(vector, merged),
        )
        assert commit_secret == unhex(case["commit_secret"])
        updated.check(merged, "C5")
        # The vector's path secret is what a Welcome would have carried to this member.
        alone = PrivateKeys(private.leaf, {2 * private.leaf: private.keys[2 * private.leaf]})
        joined = treekem.join_path(merged, alone, sender=sender, path_secret=unhex(expected))
        assert joined.keys.items() <= updated.keys.items()


def check_created(
    vector: Mapping[str, Any], tree: Tree, sender: Mapping[str, Any], held: Mapping[int, PrivateKeys]
) -> None:
    """A path of our own from a vector's member opens for every other one, whose own paths it outlives."""
    signer, public = crypto.make_signer(tree.suite, unhex(sender["signature_priv"]))
    old = tree.find_leaf(sender["index"])
    assert old is not None
    assert public == old.signature_key

    def make_leaf(encryption_key: bytes, parent_hash: bytes) -> LeafNode:
        leaf = LeafNode(
            encryption_key,
            public,
            old.credential,
            old.capabilities,
            LeafSource.COMMIT,
            extensions=old.extensions,
            parent_hash=parent_hash,
        )
        return leaf.signed(signer, group_id=unhex(vector["group_id"]), leaf=sender["index"])

    rng = counting_rng()
    drawn = treekem.draw_path(tree, held[sender["index"]], make_leaf=make_leaf, rng=rng)
    drawn.private.check(drawn.tree, "C5")
    context = context_of(vector, drawn.tree)
    path = drawn.seal(context, added=frozenset(), rng=rng)
    assert parse_all(path.encode(), UpdatePath.parse) == path
    merged = treekem.merge_path(tree, sender["index"], path, added=frozenset())
    assert merged == drawn.tree
    check_tree(merged, drawn.tree.tree_hash())
    for member in vector["leaves_private"]:
        if member["index"] != sender["index"]:
            commit_secret, updated = treekem.open_path(
                merged,
                sender["index"],
                path,
                private=held[member["index"]],
                added=frozenset(),
                group_context=context,
            )
            assert commit_secret == drawn.commit_secret
            updated.check(merged, "C5")


@vectors.cases("treekem")
def test_treekem(index: int) -> None:
    vector = vectors.load("treekem")[index]
    tree = parse_tree(suite_of(vector["cipher_suite"]), unhex(vector["ratchet_tree"]))
    check_tree(tree, tree.tree_hash())
    senders = {member["index"]: member for member in vector["leaves_private"]}
    held = {leaf: private_keys(tree, member) for leaf, member in senders.items()}
    for case in vector["update_paths"]:
        check_received(vector, tree, case, held)
    check_created(vector, tree, senders[vector["update_paths"][0]["sender"]], held)
