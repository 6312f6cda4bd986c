"""The ratchet tree as an immutable array with cached hashes.

Changing a tree copies two lists of pointers and forgets the hashes above the change, nothing else, so
a step costs what it touches. Leaf arguments are leaf indices; node arguments are node indices (2 x leaf).
Source: RFC 9420 4.1, 7.7, 7.8, 12.1, 12.4.3.3.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from zajil.mls.errors import Invalid, TooManyLeaves
from zajil.mls.primitives.codec import Reader, encode_opaque, encode_optional, encode_u32, encode_vector
from zajil.mls.primitives.suites import Suite
from zajil.mls.tree import tree_math
from zajil.mls.tree.nodes import LeafNode, Node, ParentNode, encode_node, parse_node


class Tree:
    """A ratchet tree of a power of two of leaves. Equal if suite and nodes are."""

    __slots__ = ("_hashes", "_nodes", "_resolutions", "leaves", "suite")

    def __init__(self, suite: Suite, nodes: Sequence[Node | None], hashes: list[bytes | None] | None = None) -> None:
        """nodes: the whole array, of 2^k * 2 - 1 entries; for a list that nobody else changes."""
        self.suite = suite
        self.leaves = (len(nodes) + 1) // 2
        self._nodes = nodes
        # A memo, never part of the value: filled when a hash or resolution is first asked for.
        self._hashes: list[bytes | None] = [None] * len(nodes) if hashes is None else hashes
        self._resolutions: dict[int, tuple[int, ...]] = {}

    @staticmethod
    def new(suite: Suite, leaf: LeafNode) -> "Tree":
        """The tree of a group with one member."""
        return Tree(suite, [leaf])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tree) and self.suite == other.suite and list(self._nodes) == list(other._nodes)

    def __hash__(self) -> int:
        return hash(self.tree_hash())

    def __repr__(self) -> str:
        return f"Tree({self.suite.name}, {self.occupied_leaves} of {self.leaves} leaves)"

    @property
    def root(self) -> int:
        """Node index of the root."""
        return tree_math.root(self.leaves)

    def node(self, node: int) -> Node | None:
        """The node, or None where it is blank; IndexError outside of the tree."""
        if node < 0:
            raise IndexError(node)
        return self._nodes[node]

    def parent(self, node: int) -> ParentNode | None:
        """The parent node at an odd node index, or None where it is blank."""
        found = self._nodes[node]
        return found if isinstance(found, ParentNode) else None

    def find_leaf(self, leaf: int) -> LeafNode | None:
        """The leaf at a leaf index, or None where it is blank or outside of the tree."""
        if not 0 <= leaf < self.leaves:
            return None
        found = self._nodes[2 * leaf]
        return found if isinstance(found, LeafNode) else None

    def members(self) -> Iterator[tuple[int, LeafNode]]:
        """(leaf index, leaf) of every leaf that is not blank, in order."""
        for leaf, found in enumerate(self.leaf_nodes()):
            if found is not None:
                yield leaf, found

    def leaf_nodes(self) -> list[LeafNode | None]:
        """Leaves by leaf index, None where blank. Commits look at all of them more than once: no call for each."""
        return [found if isinstance(found, LeafNode) else None for found in self._nodes[::2]]

    @property
    def occupied_leaves(self) -> int:
        """How many members there are."""
        return len([found for found in self._nodes[::2] if found is not None])

    def occupied(self) -> Iterator[tuple[int, Node]]:
        """(node index, node) of every node that is not blank, in order."""
        for index, node in enumerate(self._nodes):
            if node is not None:
                yield index, node

    def free_leaves(self) -> Iterator[int]:
        """The leaf indices that the next Adds take, in order: blank leaves from the left, then new ones."""
        for leaf in range(self.leaves):
            if self._nodes[2 * leaf] is None:
                yield leaf
        leaf = self.leaves
        while True:
            yield leaf
            leaf += 1

    def changed(self, changes: Iterable[tuple[int, Node | None]]) -> "Tree":
        """The tree with those nodes in place of the ones at their node indices."""
        nodes, hashes = list(self._nodes), list(self._hashes)
        for index, node in changes:
            nodes[index] = node
            hashes[index] = None
            for above in tree_math.direct_path(index, self.leaves):
                hashes[above] = None
        return Tree(self.suite, nodes, hashes)

    def add(self, leaf: LeafNode) -> tuple["Tree", int]:
        """The tree with one more leaf, and its leaf index; raises TooManyLeaves."""
        tree, (index,) = self.add_all([leaf])
        return tree, index

    def add_all(self, added: Sequence[LeafNode]) -> tuple["Tree", tuple[int, ...]]:
        """The tree with those leaves added in order, and their leaf indices; raises TooManyLeaves (7.7, 12.1.1).

        The same tree where there are none.
        """
        if not added:
            return self, ()
        free = self.free_leaves()
        indices = tuple(next(free) for _ in added)
        tree = self
        if indices and indices[-1] >= self.leaves:
            width = tree_math.full_leaves(indices[-1] + 1)
            if width > tree_math.MAX_LEAVES:
                raise TooManyLeaves("engine limit")
            blank: list[None] = [None] * (2 * width - 1 - len(self._nodes))
            tree = Tree(self.suite, [*self._nodes, *blank], [*self._hashes, *blank])
        nodes, hashes = list(tree._nodes), list(tree._hashes)
        for index, leaf in zip(indices, added, strict=True):
            nodes[2 * index] = leaf
            hashes[2 * index] = None
            for above in tree_math.direct_path(2 * index, tree.leaves):
                hashes[above] = None
                parent = nodes[above]
                if isinstance(parent, ParentNode):
                    nodes[above] = replace(parent, unmerged_leaves=tuple(sorted((*parent.unmerged_leaves, index))))
        return Tree(self.suite, nodes, hashes), indices

    def update(self, index: int, leaf: LeafNode) -> "Tree":
        """The tree with a leaf replaced and its direct path blanked (12.1.2)."""
        blanked = ((above, None) for above in tree_math.direct_path(2 * index, self.leaves))
        return self.changed([(2 * index, leaf), *blanked])

    def remove(self, index: int) -> "Tree":
        """The tree with a leaf and its direct path blanked, halved while its right half is empty (12.1.3)."""
        path = (2 * index, *tree_math.direct_path(2 * index, self.leaves))
        return self.changed((node, None) for node in path).truncated()

    def truncated(self) -> "Tree":
        """The tree halved while its right half holds no leaf (7.7)."""
        last = max((leaf for leaf, _ in self.members()), default=0)
        width = tree_math.full_leaves(last + 1)
        if width == self.leaves:
            return self
        return Tree(self.suite, self._nodes[: 2 * width - 1], self._hashes[: 2 * width - 1])

    def resolution(self, node: int) -> tuple[int, ...]:
        """Node indices that together cover every member below a node (4.1.1)."""
        cached = self._resolutions.get(node)
        if cached is None:
            cached = self._resolutions[node] = self._resolve(node)
        return cached

    def _resolve(self, node: int) -> tuple[int, ...]:
        found = self._nodes[node]
        if isinstance(found, ParentNode):
            return (node, *(2 * leaf for leaf in found.unmerged_leaves))
        if found is not None:
            return (node,)
        if node % 2 == 0:
            return ()
        return self.resolution(tree_math.left(node)) + self.resolution(tree_math.right(node))

    def filtered_direct_path(self, leaf: int) -> tuple[tuple[int, int], ...]:
        """(node, its child on the copath) for each ancestor of a leaf whose copath child has a resolution (4.1.2)."""
        node = 2 * leaf
        steps = zip(tree_math.direct_path(node, self.leaves), tree_math.copath(node, self.leaves), strict=True)
        return tuple((above, beside) for above, beside in steps if self.resolution(beside))

    def tree_hash(self) -> bytes:
        """The hash of the whole tree (7.8)."""
        return self.hash_of(self.root)

    def hash_of(self, node: int) -> bytes:
        """The hash of the subtree below a node (7.8)."""
        cached = self._hashes[node]
        if cached is None:
            found = self._nodes[node]
            if node % 2 == 0:
                cached = _leaf_hash(self.suite, node // 2, found)
            else:
                left, right = self.hash_of(tree_math.left(node)), self.hash_of(tree_math.right(node))
                cached = _parent_hash(self.suite, found, left, right)
            self._hashes[node] = cached
        return cached

    def hash_without(self, node: int, excluded: frozenset[int]) -> bytes:
        """The hash of a subtree as if those leaves had never been added: for parent hashes (7.9). Needs T4."""
        first, last = tree_math.leaf_range(node)
        inside = frozenset(leaf for leaf in excluded if first <= leaf <= last)
        if not inside:
            return self.hash_of(node)
        found = self._nodes[node]
        if node % 2 == 0:
            return _leaf_hash(self.suite, node // 2, None)
        left = self.hash_without(tree_math.left(node), inside)
        right = self.hash_without(tree_math.right(node), inside)
        return _parent_hash(self.suite, found.without(inside) if isinstance(found, ParentNode) else None, left, right)

    def encode(self) -> bytes:
        """optional<Node> ratchet_tree<V>, without the blank nodes at the end (12.4.3.3)."""
        last = max((index for index, _ in self.occupied()), default=-1)
        return encode_vector(encode_node(node) for node in self._nodes[: last + 1])

    @staticmethod
    def parse(suite: Suite, reader: Reader) -> "Tree":
        """The next ratchet tree; raises DecodeError, Unsupported, and Invalid("T1") for its shape."""
        nodes = list(reader.vector(parse_node))
        check_shape(nodes)
        if len(nodes) > 2 * tree_math.MAX_LEAVES - 1:
            raise TooManyLeaves("engine limit")
        width = tree_math.full_leaves(len(nodes) // 2 + 1)
        return Tree(suite, nodes + [None] * (2 * width - 1 - len(nodes)))


def check_shape(nodes: Sequence[Node | None]) -> None:
    """T1: leaves stand at even indices, parents at odd ones, and the last node is not blank."""
    if not nodes or nodes[-1] is None:
        raise Invalid("T1", "last node blank")
    for index, node in enumerate(nodes):
        if node is not None and isinstance(node, LeafNode) != (index % 2 == 0):
            raise Invalid("T1", "node of the wrong kind")


def _leaf_hash(suite: Suite, leaf: int, node: Node | None) -> bytes:
    encoded = encode_optional(None if node is None else node.encode())
    return hashlib.new(suite.hash_name, b"\x01" + encode_u32(leaf) + encoded).digest()


def _parent_hash(suite: Suite, node: Node | None, left: bytes, right: bytes) -> bytes:
    encoded = encode_optional(None if node is None else node.encode())
    children = encode_opaque(left) + encode_opaque(right)
    return hashlib.new(suite.hash_name, b"\x02" + encoded + children).digest()
