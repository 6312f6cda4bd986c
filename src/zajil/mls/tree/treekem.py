"""TreeKEM: a fresh secret for everyone in the tree except those just removed.

A committer calls `draw_path`, then `DrawnPath.seal` once the provisional GroupContext is known; a receiver
calls `merge_path` and then `open_path`. Both ends get the same tree and commit secret.
Source: RFC 9420 7.4, 7.5, 7.6; rules C3 to C6, W5.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from zajil.mls.errors import CryptoError, Invalid
from zajil.mls.primitives import hpke
from zajil.mls.primitives.codec import Reader, encode_opaque, encode_u32, encode_vector
from zajil.mls.primitives.crypto import HpkeCiphertext, decrypt_with_label, derive_secret, encrypt_with_label
from zajil.mls.primitives.hpke import Rng
from zajil.mls.primitives.suites import Suite
from zajil.mls.tree import tree_math
from zajil.mls.tree.nodes import LeafNode, Node
from zajil.mls.tree.parent_hash import path_parent_hashes
from zajil.mls.tree.tree import Tree

_LABEL = b"UpdatePathNode"

MakeLeaf = Callable[[bytes, bytes], LeafNode]
"""(encryption key, parent hash) -> the committer's signed leaf with source COMMIT."""


@dataclass(frozen=True)
class UpdatePathNode:
    """The new key of one node, and its path secret for each node of the copath's resolution."""

    encryption_key: bytes
    encrypted_path_secret: tuple[HpkeCiphertext, ...]

    @staticmethod
    def parse(reader: Reader) -> "UpdatePathNode":
        """The next UpdatePathNode; raises DecodeError."""
        return UpdatePathNode(reader.opaque(), reader.vector(HpkeCiphertext.parse))

    def encode(self) -> bytes:
        """TLS bytes."""
        return encode_opaque(self.encryption_key) + encode_vector(c.encode() for c in self.encrypted_path_secret)


@dataclass(frozen=True)
class UpdatePath:
    """A committer's new leaf and the nodes of its filtered direct path, from the leaf up (RFC 9420 7.6)."""

    leaf_node: LeafNode
    nodes: tuple[UpdatePathNode, ...]

    @staticmethod
    def parse(reader: Reader) -> "UpdatePath":
        """The next UpdatePath; raises DecodeError."""
        return UpdatePath(LeafNode.parse(reader), reader.vector(UpdatePathNode.parse))

    def encode(self) -> bytes:
        """TLS bytes."""
        return self.leaf_node.encode() + encode_vector(node.encode() for node in self.nodes)


@dataclass(frozen=True, repr=False)
class PrivateKeys:
    """The HPKE private keys one member holds.

    leaf: own leaf index. keys: node index -> private key, for the own leaf and nodes above it.
    """

    leaf: int
    keys: Mapping[int, bytes]

    def kept(self, tree: Tree) -> "PrivateKeys":
        """Without the keys of nodes that are blank in the tree or outside of it."""
        width = tree_math.node_count(tree.leaves)
        kept = {node: key for node, key in self.keys.items() if node < width and tree.node(node) is not None}
        return PrivateKeys(self.leaf, kept)

    def replaced(self, path: Iterable[int], keys: Mapping[int, bytes]) -> "PrivateKeys":
        """Without the keys of the path's nodes, and with the new ones."""
        gone = frozenset(path)
        return PrivateKeys(self.leaf, {**{n: k for n, k in self.keys.items() if n not in gone}, **keys})

    def check(self, tree: Tree, rule: str) -> None:
        """Raises Invalid(rule) unless each private key fits the public key at its node."""
        for index, private in self.keys.items():
            node = tree.node(index)
            if node is None or hpke.public_key_of(tree.suite, private) != node.encryption_key:
                raise Invalid(rule, "private key")

    def encode(self) -> bytes:
        """For the saved state."""
        keys = (encode_u32(node) + encode_opaque(key) for node, key in sorted(self.keys.items()))
        return encode_u32(self.leaf) + encode_vector(keys)

    @staticmethod
    def parse(reader: Reader) -> "PrivateKeys":
        """What `encode` wrote; raises DecodeError."""
        return PrivateKeys(reader.u32(), dict(reader.vector(lambda item: (item.u32(), item.opaque()))))


@dataclass(frozen=True, repr=False)
class DrawnPath:
    """A committer's path before it is sealed.

    tree: with the path merged. secrets: node index -> path secret, for the filtered direct path.
    private: all keys of the committer in that tree.
    """

    tree: Tree
    leaf_node: LeafNode
    private: PrivateKeys
    secrets: Mapping[int, bytes]
    commit_secret: bytes

    def seal(self, group_context: bytes, *, added: frozenset[int], rng: Rng) -> UpdatePath:
        """The UpdatePath to send.

        group_context: encoded provisional GroupContext (next epoch, this tree's hash, old transcript).
        added: leaf indices added by this Commit, which get their secrets from the Welcome.
        """
        tree, nodes = self.tree, []
        for node, beside in tree.filtered_direct_path(self.private.leaf):
            sealed = tuple(
                encrypt_with_label(
                    tree.suite,
                    _occupied(tree, target).encryption_key,
                    label=_LABEL,
                    context=group_context,
                    plaintext=self.secrets[node],
                    rng=rng,
                )
                for target in _targets(tree, beside, added)
            )
            nodes.append(UpdatePathNode(_occupied(tree, node).encryption_key, sealed))
        return UpdatePath(self.leaf_node, tuple(nodes))

    def secret_for(self, leaf: int) -> bytes | None:
        """The path secret a Welcome carries to a leaf: that of the lowest path node above it, or None."""
        return self.secrets.get(_meeting_node(self.tree, self.private.leaf, leaf))


def draw_path(tree: Tree, private: PrivateKeys, *, make_leaf: MakeLeaf, rng: Rng) -> DrawnPath:
    """Fresh secrets and keys for the own leaf and its filtered direct path.

    tree: provisional, with every proposal of the Commit applied. private: own keys, stale ones included.
    """
    suite, sender = tree.suite, private.leaf
    leaf_private, leaf_public = hpke.generate_key_pair(suite, rng)
    path = [node for node, _ in tree.filtered_direct_path(sender)]
    secrets, keys, commit_secret = _derive_up(suite, rng(suite.nh), path)
    parents, leaf_hash = path_parent_hashes(tree, sender, {node: public for node, (_, public) in keys.items()})
    leaf = make_leaf(leaf_public, leaf_hash)
    own = {2 * sender: leaf_private, **{node: key for node, (key, _) in keys.items()}}
    return DrawnPath(
        tree=_with_path(tree, sender, {2 * sender: leaf, **parents}),
        leaf_node=leaf,
        private=PrivateKeys(sender, own),
        secrets=secrets,
        commit_secret=commit_secret,
    )


def merge_path(tree: Tree, sender: int, path: UpdatePath, *, added: frozenset[int]) -> Tree:
    """The provisional tree with a received path in it; raises Invalid("C4"), ("C3") or ("C6").

    added: leaf indices added by this Commit. The leaf itself (C2) is for the caller to judge.
    """
    filtered = tree.filtered_direct_path(sender)
    check_path_shape(tree, filtered, path, added)
    keys = {node: sent.encryption_key for (node, _), sent in zip(filtered, path.nodes, strict=True)}
    check_new_keys(tree, (path.leaf_node.encryption_key, *keys.values()))
    parents, leaf_hash = path_parent_hashes(tree, sender, keys)
    check_leaf_parent_hash(path.leaf_node, leaf_hash)
    return _with_path(tree, sender, {2 * sender: path.leaf_node, **parents})


def check_path_shape(tree: Tree, filtered: Sequence[tuple[int, int]], path: UpdatePath, added: frozenset[int]) -> None:
    """C4: the path is as long as the filtered direct path, with one ciphertext for each node that is to open it."""
    if len(filtered) != len(path.nodes):
        raise Invalid("C4", "path length")
    for (_, beside), sent in zip(filtered, path.nodes, strict=True):
        if len(_targets(tree, beside, added)) != len(sent.encrypted_path_secret):
            raise Invalid("C4", "number of ciphertexts")


def check_leaf_parent_hash(leaf: LeafNode, expected: bytes) -> None:
    """C6: the committer's leaf carries the parent hash of its path."""
    if leaf.parent_hash != expected:
        raise Invalid("C6", "parent hash of the committer's leaf")


def check_new_keys(tree: Tree, keys: tuple[bytes, ...]) -> None:
    """C3: the path's keys import, differ from each other and from every key of the tree, replaced ones included."""
    present = {node.encryption_key for _, node in tree.occupied()}
    if len(set(keys)) != len(keys) or not present.isdisjoint(keys):
        raise Invalid("C3", "encryption key of the path is in use")
    try:
        for key in keys:
            hpke.check_public_key(tree.suite, key)
    except CryptoError as error:
        raise Invalid("C3", "encryption key of the path") from error


def open_path(
    tree: Tree,
    sender: int,
    path: UpdatePath,
    *,
    private: PrivateKeys,
    added: frozenset[int],
    group_context: bytes,
) -> tuple[bytes, PrivateKeys]:
    """(commit secret, own keys in the new tree); raises Invalid("C5").

    tree: from `merge_path`. private: own keys in the provisional tree (see `PrivateKeys.kept`).
    """
    suite = tree.suite
    filtered = tree.filtered_direct_path(sender)
    start = next((step for step, (_, beside) in enumerate(filtered) if _covers(beside, private.leaf)), None)
    if start is None:
        raise Invalid("C5", "no secret for us on the path")
    targets = _targets(tree, filtered[start][1], added)
    place = next((place for place, target in enumerate(targets) if target in private.keys), None)
    if place is None:
        raise Invalid("C5", "no secret for our keys on the path")
    try:
        secret = decrypt_with_label(
            suite,
            private.keys[targets[place]],
            label=_LABEL,
            context=group_context,
            sealed=path.nodes[start].encrypted_path_secret[place],
        )
    except CryptoError as error:
        raise Invalid("C5", "path secret") from error
    commit_secret, keys = _climb(tree, secret, [node for node, _ in filtered[start:]], "C5")
    return commit_secret, private.replaced(tree_math.direct_path(2 * sender, tree.leaves), keys)


def join_path(tree: Tree, private: PrivateKeys, *, sender: int, path_secret: bytes) -> PrivateKeys:
    """Own keys after a Welcome that carried a path secret of its sender; raises Invalid("W5")."""
    start = _meeting_node(tree, sender, private.leaf)
    path = [node for node, _ in tree.filtered_direct_path(sender)]
    if start not in path:
        raise Invalid("W5", "no node for the path secret")
    _, keys = _climb(tree, path_secret, path[path.index(start) :], "W5")
    return private.replaced((), keys)


def _climb(tree: Tree, secret: bytes, path: list[int], rule: str) -> tuple[bytes, dict[int, bytes]]:
    """(commit secret, node index -> private key) from the path secret of the first node; checks the public keys."""
    if len(secret) != tree.suite.nh:
        raise Invalid(rule, "length of the path secret")
    _, keys, commit_secret = _derive_up(tree.suite, secret, path)
    for node, (_, public) in keys.items():
        if _occupied(tree, node).encryption_key != public:
            raise Invalid(rule, "public key of the path secret")
    return commit_secret, {node: key for node, (key, _) in keys.items()}


def _derive_up(
    suite: Suite, secret: bytes, path: list[int]
) -> tuple[dict[int, bytes], dict[int, tuple[bytes, bytes]], bytes]:
    """Path secrets and (private, public) keys of the path's nodes, and the commit secret above them (7.4)."""
    secrets, keys = {}, {}
    for node in path:
        secrets[node] = secret
        keys[node] = hpke.derive_key_pair(suite, derive_secret(suite, secret, b"node"))
        secret = derive_secret(suite, secret, b"path")
    return secrets, keys, secret


def _with_path(tree: Tree, sender: int, nodes: dict[int, Node]) -> Tree:
    blanked: dict[int, Node | None] = dict.fromkeys(tree_math.direct_path(2 * sender, tree.leaves))
    return tree.changed({**blanked, **nodes}.items())


def _targets(tree: Tree, node: int, added: frozenset[int]) -> tuple[int, ...]:
    """The resolution of a copath node without the leaves added by the same Commit."""
    resolution = tree.resolution(node)
    if not added:
        return resolution
    return tuple(target for target in resolution if target % 2 or target // 2 not in added)


def _covers(node: int, leaf: int) -> bool:
    return node == 2 * leaf or tree_math.is_below(2 * leaf, node)


def _meeting_node(tree: Tree, sender: int, leaf: int) -> int:
    """The lowest node on the sender's filtered direct path that is above a leaf."""
    return next((node for node, _ in tree.filtered_direct_path(sender) if tree_math.is_below(2 * leaf, node)), -1)


def _occupied(tree: Tree, node: int) -> Node:
    found = tree.node(node)
    if found is None:
        raise ValueError("blank node on a path")
    return found
