"""Arithmetic of the array tree: leaves at even indices, parents between their children.

A tree has a power of two of leaves (RFC 9420 7.7), so the relations depend on indices alone, and the
root on the number of leaves. Functions that have no answer for a node raise ValueError, a bug of ours.
Source: RFC 9420 4 and appendix C.
"""

from functools import lru_cache

MAX_LEAVES = 1024
"""Width limit of the engine (mls.md 2, rule 6)."""


def level(node: int) -> int:
    """0 for a leaf, else the height of the node above the leaves."""
    return (~node & (node + 1)).bit_length() - 1


def node_count(leaves: int) -> int:
    """Nodes of a tree with that many leaves."""
    return 2 * leaves - 1


def root(leaves: int) -> int:
    """The root of a tree with a power of two of leaves."""
    return leaves - 1


def full_leaves(leaves: int) -> int:
    """The smallest power of two that holds that many leaves, at least 1."""
    return 1 << max(0, leaves - 1).bit_length()


def left(node: int) -> int:
    """The left child of a parent node."""
    height = level(node)
    if height == 0:
        raise ValueError("a leaf has no children")
    return node ^ (1 << (height - 1))


def right(node: int) -> int:
    """The right child of a parent node."""
    height = level(node)
    if height == 0:
        raise ValueError("a leaf has no children")
    return node ^ (3 << (height - 1))


def parent(node: int, leaves: int) -> int:
    """The parent of a node that is not the root."""
    if node == root(leaves):
        raise ValueError("the root has no parent")
    height = level(node)
    return (node | (1 << height)) & ~(1 << (height + 1))


def sibling(node: int, leaves: int) -> int:
    """The other child of the node's parent."""
    above = parent(node, leaves)
    return right(above) if node < above else left(above)


@lru_cache(maxsize=4096)
def direct_path(node: int, leaves: int) -> tuple[int, ...]:
    """The node's ancestors, from its parent up to the root; empty for the root. ValueError outside of the tree."""
    if leaves & (leaves - 1) or not 0 <= node < node_count(leaves):
        raise ValueError("no such node")
    path = []
    while node != root(leaves):
        node = parent(node, leaves)
        path.append(node)
    return tuple(path)


def copath(node: int, leaves: int) -> tuple[int, ...]:
    """The siblings of the node and of its ancestors below the root, in the order of `direct_path`."""
    if node == root(leaves):
        return ()
    return tuple(sibling(step, leaves) for step in (node, *direct_path(node, leaves)[:-1]))


def leaf_range(node: int) -> tuple[int, int]:
    """First and last leaf index (not node index) below a node, both included."""
    spread = (1 << level(node)) - 1
    return (node - spread) // 2, (node + spread) // 2


def is_below(node: int, ancestor: int) -> bool:
    """Whether node is a proper descendant of ancestor."""
    return node != ancestor and abs(node - ancestor) < 1 << level(ancestor)


def common_ancestor(one: int, other: int) -> int:
    """The lowest node that is, or has below it, both nodes."""
    height = max(level(one), level(other))
    while one >> (height + 1) != other >> (height + 1):
        height += 1
    if height == level(one) and (one == other or is_below(other, one)):
        return one
    if height == level(other) and is_below(one, other):
        return other
    return (one >> (height + 1) << (height + 1)) + (1 << height) - 1
