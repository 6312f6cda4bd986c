"""The secret tree and its ratchets: one key per leaf, kind and generation, each handed out once.

Lazy: a node's secret is replaced by its children's on first use, and a leaf's two ratchets appear on
demand. Immutable: `open_key` and `next_key` return the key and the tree *without* it; the caller keeps
the new tree only after AEAD and signature have verified, so a forged message never moves a ratchet.
Window: per ratchet the 32 newest skipped keys stay; a jump beyond 2,048 is refused before any derivation.
Source: RFC 9420 9, 9.1, 9.2.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from zajil.mls.errors import DecodeError, GenerationLimit, Invalid, Replayed, TooFar, TooOld
from zajil.mls.primitives.codec import Reader, encode_opaque, encode_u8, encode_u32, encode_vector
from zajil.mls.primitives.crypto import derive_tree_secret, expand_with_label
from zajil.mls.primitives.suites import Suite
from zajil.mls.schedule.key_schedule import KeyNonce
from zajil.mls.tree import tree_math

MAX_GENERATION = 0xFFFFFFFF


class RatchetKind(enum.IntEnum):
    """Which of a leaf's two ratchets."""

    HANDSHAKE = 0
    APPLICATION = 1


@dataclass(frozen=True)
class Window:
    """Limits of one ratchet: skipped keys kept, and steps it may move at once."""

    skipped: int = 32
    forward: int = 2048


@dataclass(frozen=True, repr=False)
class Ratchet:
    """One sender ratchet.

    secret: of the generation `generation`, the next one not yet reached. skipped: unused keys below it,
    oldest first. floor: generations below it may have been dropped unused (TooOld), those from it up to
    `generation` that are not in skipped were used (Replayed).
    """

    secret: bytes
    generation: int = 0
    floor: int = 0
    skipped: tuple[tuple[int, KeyNonce], ...] = ()

    def open_key(self, suite: Suite, generation: int, window: Window) -> tuple[KeyNonce, "Ratchet"]:
        """The key of a generation and the ratchet without it; raises Replayed, TooOld or TooFar."""
        if generation < self.generation:
            return self._open_skipped(generation)
        if generation - self.generation > window.forward or generation >= MAX_GENERATION:
            raise TooFar("generation")
        secret, skipped = self.secret, list(self.skipped)
        first_kept = generation - window.skipped
        for step in range(self.generation, generation):
            if step >= first_kept:
                skipped.append((step, _key_of(suite, secret, step)))
            secret = _next_secret(suite, secret, step)
        kept = skipped[max(0, len(skipped) - window.skipped) :]
        dropped_below = max(
            self.floor,
            first_kept if first_kept > self.generation else 0,
            skipped[len(skipped) - len(kept) - 1][0] + 1 if len(kept) < len(skipped) else 0,
        )
        moved = Ratchet(_next_secret(suite, secret, generation), generation + 1, dropped_below, tuple(kept))
        return _key_of(suite, secret, generation), moved

    def _open_skipped(self, generation: int) -> tuple[KeyNonce, "Ratchet"]:
        for position, (held, key) in enumerate(self.skipped):
            if held == generation:
                return key, replace(self, skipped=self.skipped[:position] + self.skipped[position + 1 :])
        if generation < self.floor:
            raise TooOld("generation")
        raise Replayed("generation")

    def encode(self) -> bytes:
        """For the saved state."""
        keys = (encode_u32(step) + encode_opaque(key.key) + encode_opaque(key.nonce) for step, key in self.skipped)
        return encode_opaque(self.secret) + encode_u32(self.generation) + encode_u32(self.floor) + encode_vector(keys)

    @staticmethod
    def parse(reader: Reader, suite: Suite) -> "Ratchet":
        """What `encode` wrote; raises DecodeError."""
        secret, generation, floor = _parse_secret(reader, suite.nh), reader.u32(), reader.u32()
        skipped = reader.vector(
            lambda item: (item.u32(), KeyNonce(_parse_secret(item, suite.nk), _parse_secret(item, suite.nn)))
        )
        steps = [step for step, _ in skipped]
        if steps != sorted(set(steps)) or any(not floor <= step < generation for step in steps):
            raise DecodeError("skipped keys")
        return Ratchet(secret, generation, floor, skipped)


def _parse_secret(reader: Reader, size: int) -> bytes:
    secret = reader.opaque()
    if len(secret) != size:
        raise DecodeError("length of a secret")
    return secret


def _key_of(suite: Suite, secret: bytes, generation: int) -> KeyNonce:
    return KeyNonce(
        derive_tree_secret(suite, secret, b"key", generation=generation, length=suite.nk),
        derive_tree_secret(suite, secret, b"nonce", generation=generation, length=suite.nn),
    )


def _next_secret(suite: Suite, secret: bytes, generation: int) -> bytes:
    return derive_tree_secret(suite, secret, b"secret", generation=generation, length=suite.nh)


@dataclass(frozen=True, repr=False)
class SecretTree:
    """The secrets of one epoch below its encryption secret.

    leaves: width of the tree, a power of two. nodes: node index -> secret, for nodes not yet opened.
    ratchets: (leaf index, kind) -> ratchet, for leaves in use.
    """

    suite: Suite
    leaves: int
    nodes: Mapping[int, bytes]
    ratchets: Mapping[tuple[int, RatchetKind], Ratchet] = field(default_factory=dict)
    window: Window = Window()

    @staticmethod
    def new(suite: Suite, encryption_secret: bytes, *, leaves: int, window: Window = Window()) -> "SecretTree":
        """The tree of an epoch; the caller forgets encryption_secret."""
        return SecretTree(suite, leaves, {tree_math.root(leaves): encryption_secret}, window=window)

    def open_key(self, leaf: int, kind: RatchetKind, generation: int) -> tuple[KeyNonce, "SecretTree"]:
        """The key to open a message with, and the tree to keep once it has verified.

        Raises Replayed, TooOld, TooFar, and Invalid("F4") for a leaf outside the tree or without a ratchet.
        """
        tree = self._with_ratchets(leaf, kind)
        key, ratchet = tree.ratchets[leaf, kind].open_key(self.suite, generation, self.window)
        return key, replace(tree, ratchets={**tree.ratchets, (leaf, kind): ratchet})

    def next_key(self, leaf: int, kind: RatchetKind) -> tuple[int, KeyNonce, "SecretTree"]:
        """(generation, key, tree to keep) to seal a message of our own leaf with; raises GenerationLimit."""
        generation = self.generation(leaf, kind)
        if generation >= MAX_GENERATION:
            raise GenerationLimit("ratchet at its end")
        key, tree = self.open_key(leaf, kind, generation)
        return generation, key, tree

    def generation(self, leaf: int, kind: RatchetKind) -> int:
        """The next generation of a ratchet, 0 if it was never used."""
        ratchet = self.ratchets.get((leaf, kind))
        return 0 if ratchet is None else ratchet.generation

    def floor(self, leaf: int, kind: RatchetKind) -> int:
        """Generations below it are gone. If opening a message raises it, that message pushed a skipped key out."""
        ratchet = self.ratchets.get((leaf, kind))
        return 0 if ratchet is None else ratchet.floor

    def without_leaf(self, leaf: int) -> "SecretTree":
        """The tree without a leaf's ratchets: for the own leaf once its epoch has passed."""
        opens = 0 <= leaf < self.leaves and self._opens(leaf)
        tree = self._with_ratchets(leaf, RatchetKind.APPLICATION) if opens else self
        kept = {place: ratchet for place, ratchet in tree.ratchets.items() if place[0] != leaf}
        return replace(tree, ratchets=kept)

    def without_handshakes(self) -> "SecretTree":
        """The tree without its handshake ratchets in use: past epochs take application messages alone."""
        kept = {place: ratchet for place, ratchet in self.ratchets.items() if place[1] is RatchetKind.APPLICATION}
        return replace(self, ratchets=kept)

    def _opens(self, leaf: int) -> bool:
        return any(node in self.nodes for node in (2 * leaf, *tree_math.direct_path(2 * leaf, self.leaves)))

    def _with_ratchets(self, leaf: int, kind: RatchetKind) -> "SecretTree":
        """The tree with both ratchets of a leaf, opening the nodes above it."""
        if (leaf, kind) in self.ratchets:
            return self
        if not 0 <= leaf < self.leaves or not self._opens(leaf):
            raise Invalid("F4", "no secret for the sender's leaf")
        nodes = dict(self.nodes)
        path = (2 * leaf, *tree_math.direct_path(2 * leaf, self.leaves))
        height = next(step for step, node in enumerate(path) if node in nodes)
        for node in reversed(path[1 : height + 1]):
            secret = nodes.pop(node)
            for child, context in ((tree_math.left(node), b"left"), (tree_math.right(node), b"right")):
                nodes[child] = expand_with_label(self.suite, secret, b"tree", context, self.suite.nh)
        secret = nodes.pop(2 * leaf)
        ratchets = dict(self.ratchets)
        for kind, label in ((RatchetKind.HANDSHAKE, b"handshake"), (RatchetKind.APPLICATION, b"application")):
            ratchets[leaf, kind] = Ratchet(expand_with_label(self.suite, secret, label, b"", self.suite.nh))
        return replace(self, nodes=nodes, ratchets=ratchets)

    def encode(self) -> bytes:
        """For the saved state: opened nodes and ratchets, in index order."""
        nodes = (encode_u32(node) + encode_opaque(secret) for node, secret in sorted(self.nodes.items()))
        ratchets = (
            encode_u32(leaf) + encode_u8(kind) + ratchet.encode()
            for (leaf, kind), ratchet in sorted(self.ratchets.items(), key=lambda item: item[0])
        )
        return encode_u32(self.leaves) + encode_vector(nodes) + encode_vector(ratchets)

    @staticmethod
    def parse(reader: Reader, suite: Suite, *, window: Window = Window()) -> "SecretTree":
        """What `encode` wrote; raises DecodeError."""
        leaves = reader.u32()
        if leaves & (leaves - 1) or not 1 <= leaves <= tree_math.MAX_LEAVES:
            raise DecodeError("width of the secret tree")
        nodes = dict(reader.vector(lambda item: (item.u32(), _parse_secret(item, suite.nh))))
        ratchets = dict(reader.vector(lambda item: ((item.u32(), _parse_kind(item)), Ratchet.parse(item, suite))))
        inside = all(node < tree_math.node_count(leaves) for node in nodes)
        if not inside or any(leaf >= leaves for leaf, _ in ratchets):
            raise DecodeError("outside of the secret tree")
        return SecretTree(suite, leaves, nodes, ratchets, window)


def _parse_kind(reader: Reader) -> RatchetKind:
    try:
        return RatchetKind(reader.u8())
    except ValueError as error:
        raise DecodeError("ratchet kind") from error
