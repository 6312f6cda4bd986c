"""Rules T1 to T5, G1 and G2: the tree and the GroupInfo a joiner is handed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest
from tests.mls import forge
from tests.mls.forge import Faults, Invitation, flipped
from tests.mls.scenes import join, refused, scene

from zajil import mls
from zajil.mls.messages.extensions import Extension
from zajil.mls.messages.proposals import Add
from zajil.mls.primitives import hpke
from zajil.mls.primitives.codec import encode_opaque, encode_vector
from zajil.mls.tree.nodes import Node, ParentNode, encode_node
from zajil.mls.tree.tree import Tree


def test_honest_welcome_passes() -> None:
    for faults in (Faults(), Faults(path=True)):
        group = join(Invitation(), faults)
        assert [member.leaf for member in group.members()] == [0, 1, 2, 3, 4]


def node_list(tree: Tree) -> list[Node | None]:
    last = max(index for index, _ in tree.occupied())
    return [tree.node(index) for index in range(last + 1)]


def sent(change: Callable[[list[Node | None]], Sequence[Node | None]]) -> Invitation:
    """The tree on the wire changed, the GroupContext's tree hash that of the honest one."""
    return Invitation(encoded=lambda tree: encode_vector(encode_node(node) for node in change(node_list(tree))))


def with_node(tree: Tree, index: int, change: Callable[[ParentNode], ParentNode | None]) -> Tree:
    parent = tree.parent(index)
    assert parent is not None
    return tree.changed([(index, change(parent))])


def unmerged(index: int, *leaves: int) -> Invitation:
    """A parent that lists other unmerged leaves; the tree hash fits."""
    return Invitation(tree=lambda tree: with_node(tree, index, lambda node: replace(node, unmerged_leaves=leaves)))


def test_t1_nodes_of_the_wrong_kind() -> None:
    for change in (
        lambda nodes: [nodes[0], nodes[0], *nodes[2:]],
        lambda nodes: [nodes[1], *nodes[1:]],
        lambda nodes: [*nodes, None, nodes[1]],
    ):
        with refused("T1"):
            join(sent(change))


def test_t1_trailing_blank() -> None:
    for change in (lambda nodes: [*nodes, None], lambda nodes: [*nodes, None, None], lambda _: []):
        with refused("T1"):
            join(sent(change))


def test_t2_two_leaves_swapped() -> None:
    def swapped(nodes: list[Node | None]) -> list[Node | None]:
        nodes[6], nodes[8] = nodes[8], nodes[6]
        return nodes

    with refused("T2"):
        join(sent(swapped))


def test_t2_other_tree_hash() -> None:
    with refused("T2"):
        join(Invitation(context=lambda context: replace(context, tree_hash=flipped(context.tree_hash))))


def test_t3_stale_parent() -> None:
    _, fresh = hpke.derive_key_pair(scene().alice.suite, b"a fresh key".ljust(32, b"."))

    def stale_hash(node: ParentNode) -> ParentNode:
        return replace(node, parent_hash=flipped(node.parent_hash))

    def other_key(node: ParentNode) -> ParentNode:
        return replace(node, encryption_key=fresh)

    for index, change in ((1, other_key), (3, other_key), (7, other_key), (1, stale_hash), (3, stale_hash)):
        with refused("T3"):
            join(Invitation(tree=partial(with_node, index=index, change=change)))


def test_t3_no_single_chain() -> None:
    """Two members below a parent that neither lists as unmerged, and no node to link them to it."""
    with refused("T3"):
        join(Invitation(tree=lambda tree: with_node(tree, 1, lambda _: None)))


def test_t4_not_below() -> None:
    with refused("T4"):
        join(unmerged(1, 4))
    with refused("T4"):
        join(unmerged(3, 2, 4))


@pytest.mark.parametrize("leaf", [5, 7, 8, 1000, 2**32 - 1])
def test_t4_blank_leaf(leaf: int) -> None:
    with refused("T4"):
        join(unmerged(7, 2, leaf))


def test_t4_order() -> None:
    for leaves in ((2, 2), (3, 2)):
        with refused("T4"):
            join(unmerged(3, *leaves))


def test_t4_gap() -> None:
    """Listed above, not in the parent between."""
    with refused("T4"):
        join(unmerged(3))


def test_t4_partly_merged_leaf_passes() -> None:
    """Erin is unmerged in node 3 and merged into the root by dave: frank joins that tree."""
    s = scene()
    bob, dave = s.bob.copy(), s.dave.copy()
    added = forge.commit(s.alice, [Add(mls.parse_key_package(s.erin.key_package()))])
    for actor in (bob, dave):
        actor.receive(added.message)
    merged = forge.commit(dave)
    bob.receive(merged.message)
    tree = forge.inside(bob.group).tree
    low, high = tree.parent(3), tree.parent(7)
    assert low is not None
    assert high is not None
    assert (low.unmerged_leaves, high.unmerged_leaves) == ((2,), ())
    _, welcome = bob.commit(adds=[s.frank.key_package()])
    assert welcome is not None
    group, _ = mls.Group.join(s.frank.env, welcome, *s.frank.packages[-1])
    assert len(list(group.members())) == 6


def test_t5_parent_with_the_key_of_a_leaf() -> None:
    s = scene()
    carol = forge.inside(s.alice.group).tree.find_leaf(3)
    assert carol is not None
    twice = Faults(path=True, path_keys=lambda keys: {**keys, max(keys): carol.encryption_key})
    with refused("T5"):
        join(Invitation(secrets=lambda secrets: replace(secrets, path_secret=None)), twice)


def test_t5_two_parents_with_one_key() -> None:
    twice = Faults(path=True, path_keys=lambda keys: dict.fromkeys(keys, keys[max(keys)]))
    with refused("T5"):
        join(Invitation(secrets=lambda secrets: replace(secrets, path_secret=None)), twice)


@pytest.mark.parametrize("signer", [5, 7, 8, 2**32 - 1])
def test_g1_blank_signer(signer: int) -> None:
    with refused("G1"):
        join(Invitation(group_info=lambda info: replace(info, signer=signer)))


def test_g1_signature() -> None:
    with refused("G1"):
        join(Invitation(signature=flipped))
    with refused("G1"):
        join(Invitation(signer=scene().carol.env.signer))
    with refused("G1"):
        join(Invitation(group_info=lambda info: replace(info, signer=1)))


def context_extensions(*extensions: Extension) -> Invitation:
    return Invitation(context=lambda context: replace(context, extensions=(*context.extensions, *extensions)))


def test_g2_unknown_extension() -> None:
    with refused("G2"):
        join(context_extensions(Extension(0xF0B0, b"")))


def test_g2_doubled_extension() -> None:
    with refused("G2"):
        join(context_extensions(Extension(0xF0A0, b"again")))


def test_g2_doubled_extension_of_the_group_info() -> None:
    double = Extension(0xF0A1, b"")
    with refused("G2"):
        join(Invitation(extensions=(double, double)))
    assert join(Invitation(extensions=(double,)))


def test_g2_external_pub() -> None:
    _, key = hpke.derive_key_pair(scene().alice.suite, bytes(range(32)))
    for data in (key, encode_opaque(key) + b"\0", encode_opaque(key[:-1]), encode_opaque(bytes(32)), b""):
        with refused("G2"):
            join(Invitation(extensions=(Extension(4, data),)))
    assert join(Invitation(extensions=(Extension(4, encode_opaque(key)),)))
