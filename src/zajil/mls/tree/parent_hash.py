"""Parent hashes, and the rules T2 to T5 a tree from a stranger must pass before anyone joins it.

Source: RFC 9420 7.9, 7.9.2, 12.4.3.1. T1 is part of `Tree.parse`.
"""

from zajil.mls.errors import Invalid
from zajil.mls.primitives.codec import encode_opaque
from zajil.mls.primitives.crypto import hash_bytes
from zajil.mls.primitives.suites import Suite
from zajil.mls.tree import tree_math
from zajil.mls.tree.nodes import ParentNode
from zajil.mls.tree.tree import Tree


def parent_hash_of(suite: Suite, parent: ParentNode, sibling_hash: bytes) -> bytes:
    """The parent hash of a node; sibling_hash: original tree hash of its child on the copath."""
    return hash_bytes(
        suite, encode_opaque(parent.encryption_key) + encode_opaque(parent.parent_hash) + encode_opaque(sibling_hash)
    )


def check_tree(tree: Tree, tree_hash: bytes) -> None:
    """Raises Invalid with the first of T2, T4, T5, T3 that does not hold; tree_hash is the GroupContext's.

    T4 comes before T3, which walks along unmerged leaves.
    """
    check_tree_hash(tree, tree_hash)
    check_unmerged_leaves(tree)
    check_unique_keys(tree)
    check_parent_hashes(tree)


def check_tree_hash(tree: Tree, tree_hash: bytes) -> None:
    """T2: the tree hash equals the GroupContext's."""
    if tree.tree_hash() != tree_hash:
        raise Invalid("T2", "tree hash")


def check_parent_hashes(tree: Tree) -> None:
    """T3: every parent is parent-hash valid by exactly one chain. Needs T4."""
    for index, node in tree.occupied():
        if isinstance(node, ParentNode):
            children = tree_math.left(index), tree_math.right(index)
            links = _links(tree, node, *children) + _links(tree, node, *reversed(children))
            if links != 1:
                raise Invalid("T3", "parent hash")


def _links(tree: Tree, parent: ParentNode, child: int, sibling: int) -> int:
    """1 if a node below child carries the hash of its parent, with sibling on the copath; else 0.

    Such a node is the only member of child's resolution that is not an unmerged leaf of the parent, and
    all those unmerged leaves below child are in the resolution (7.9.2).
    """
    unmerged = {2 * leaf for leaf in parent.unmerged_leaves if tree_math.is_below(2 * leaf, child) or 2 * leaf == child}
    resolution = tree.resolution(child)
    rest = [node for node in resolution if node not in unmerged]
    if len(rest) != 1 or len(unmerged) != len(resolution) - 1:
        return 0
    carrier = tree.node(rest[0])
    sibling_hash = tree.hash_without(sibling, frozenset(parent.unmerged_leaves))
    expected = parent_hash_of(tree.suite, parent, sibling_hash)
    return int(carrier is not None and carrier.parent_hash == expected)


def check_unmerged_leaves(tree: Tree) -> None:
    """T4: unmerged leaves ascend, are members below their node, and are listed by every node in between.

    A leaf merged higher up but listed lower down (a partly merged leaf) is valid.
    """
    listed = {index: frozenset(node.unmerged_leaves) for index, node in tree.occupied() if isinstance(node, ParentNode)}
    for index, node in tree.occupied():
        if not isinstance(node, ParentNode):
            continue
        ascending = tuple(sorted(listed[index]))
        if node.unmerged_leaves != ascending:
            raise Invalid("T4", "order of unmerged leaves")
        for leaf in ascending:
            _check_unmerged(tree, index, leaf, listed)


def _check_unmerged(tree: Tree, parent: int, leaf: int, listed: dict[int, frozenset[int]]) -> None:
    if tree.find_leaf(leaf) is None or not tree_math.is_below(2 * leaf, parent):
        raise Invalid("T4", "unmerged leaf")
    for between in tree_math.direct_path(2 * leaf, tree.leaves):
        if between == parent:
            return
        if between in listed and leaf not in listed[between]:
            raise Invalid("T4", "gap above an unmerged leaf")


def check_unique_keys(tree: Tree) -> None:
    """T5: no two nodes share an encryption key."""
    keys = [node.encryption_key for _, node in tree.occupied()]
    if len(set(keys)) != len(keys):
        raise Invalid("T5", "encryption key")


def path_parent_hashes(tree: Tree, sender: int, keys: dict[int, bytes]) -> tuple[dict[int, ParentNode], bytes]:
    """New nodes of a path with their parent hashes, and the parent hash of its leaf (7.9).

    tree: with the sender's direct path not yet changed; only copaths are read. keys: node index -> public
    key for every node of the filtered direct path.
    """
    nodes: dict[int, ParentNode] = {}
    above = b""
    for node, beside in reversed(tree.filtered_direct_path(sender)):
        parent = ParentNode(keys[node], above)
        nodes[node] = parent
        above = parent_hash_of(tree.suite, parent, tree.hash_of(beside))
    return nodes, above
