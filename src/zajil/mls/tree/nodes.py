"""What stands in the ratchet tree: leaves with their signatures, and parents.

Values are frozen; encodings are computed once per value. `verify` is rule L2.
Source: RFC 9420 7.1, 7.2, 12.4.3.3.
"""

import enum
from dataclasses import dataclass, replace
from functools import cached_property

from zajil.mls.errors import CryptoError, DecodeError, Invalid
from zajil.mls.messages.credentials import Capabilities, Credential, Lifetime
from zajil.mls.messages.extensions import Extensions, encode_extensions, parse_extensions
from zajil.mls.primitives.codec import (
    Reader,
    encode_opaque,
    encode_u8,
    encode_u32,
    encode_vector,
    read_u32,
)
from zajil.mls.primitives.crypto import Signer, sign_with_label, verify_with_label
from zajil.mls.primitives.suites import Suite

_LEAF_LABEL = b"LeafNodeTBS"


class LeafSource(enum.IntEnum):
    """LeafNodeSource: what the leaf was signed for."""

    KEY_PACKAGE = 1
    UPDATE = 2
    COMMIT = 3


@dataclass(frozen=True)
class LeafNode:
    """One client in the tree (RFC 9420 7.2).

    lifetime: present with source KEY_PACKAGE alone. parent_hash: present with source COMMIT alone.
    signature: b"" until `signed`.
    """

    encryption_key: bytes
    signature_key: bytes
    credential: Credential
    capabilities: Capabilities
    source: LeafSource
    extensions: Extensions = ()
    lifetime: Lifetime | None = None
    parent_hash: bytes | None = None
    signature: bytes = b""

    def __post_init__(self) -> None:
        has_lifetime, has_hash = self.lifetime is not None, self.parent_hash is not None
        if (has_lifetime, has_hash) != (self.source is LeafSource.KEY_PACKAGE, self.source is LeafSource.COMMIT):
            raise ValueError("lifetime belongs to key_package leaves, parent_hash to commit leaves")

    @staticmethod
    def parse(reader: Reader) -> "LeafNode":
        """The next LeafNode; raises DecodeError, and Unsupported for an unknown credential type."""
        start = reader.position
        encryption_key, signature_key = reader.opaque(), reader.opaque()
        credential, capabilities = Credential.parse(reader), Capabilities.parse(reader)
        source = _parse_source(reader)
        leaf = LeafNode(
            encryption_key,
            signature_key,
            credential,
            capabilities,
            source,
            lifetime=Lifetime.parse(reader) if source is LeafSource.KEY_PACKAGE else None,
            parent_hash=reader.opaque() if source is LeafSource.COMMIT else None,
            extensions=parse_extensions(reader),
            signature=reader.opaque(),
        )
        leaf.__dict__["_encoded"] = reader.since(start)
        return leaf

    @cached_property
    def _content(self) -> bytes:
        parts = [
            encode_opaque(self.encryption_key),
            encode_opaque(self.signature_key),
            self.credential.encode(),
            self.capabilities.encode(),
            encode_u8(self.source),
        ]
        if self.lifetime is not None:
            parts.append(self.lifetime.encode())
        if self.parent_hash is not None:
            parts.append(encode_opaque(self.parent_hash))
        return b"".join(parts) + encode_extensions(self.extensions)

    @cached_property
    def _encoded(self) -> bytes:
        return self._content + encode_opaque(self.signature)

    def encode(self) -> bytes:
        """TLS bytes."""
        return self._encoded

    def tbs(self, *, group_id: bytes = b"", leaf: int = 0) -> bytes:
        """LeafNodeTBS. Group id and leaf index are signed unless the source is KEY_PACKAGE."""
        if self.source is LeafSource.KEY_PACKAGE:
            return self._content
        return self._content + encode_opaque(group_id) + encode_u32(leaf)

    def signed(self, signer: Signer, *, group_id: bytes = b"", leaf: int = 0) -> "LeafNode":
        """The same leaf with its signature, for that place in that group."""
        signature = sign_with_label(signer, _LEAF_LABEL, self.tbs(group_id=group_id, leaf=leaf))
        return replace(self, signature=signature)

    def verify(self, suite: Suite, *, group_id: bytes = b"", leaf: int = 0) -> None:
        """Raises Invalid("L2") unless the leaf signed itself for that place."""
        try:
            verify_with_label(
                suite,
                self.signature_key,
                label=_LEAF_LABEL,
                content=self.tbs(group_id=group_id, leaf=leaf),
                signature=self.signature,
            )
        except CryptoError as error:
            raise Invalid("L2", "leaf signature") from error


def _parse_source(reader: Reader) -> LeafSource:
    try:
        return LeafSource(reader.u8())
    except ValueError as error:
        raise DecodeError("leaf source") from error


@dataclass(frozen=True)
class ParentNode:
    """A key shared by everyone below it save the unmerged leaves (RFC 9420 7.1).

    unmerged_leaves: leaf indices, ascending (rule T4).
    """

    encryption_key: bytes
    parent_hash: bytes = b""
    unmerged_leaves: tuple[int, ...] = ()

    @staticmethod
    def parse(reader: Reader) -> "ParentNode":
        """The next ParentNode; raises DecodeError."""
        return ParentNode(reader.opaque(), reader.opaque(), reader.vector(read_u32))

    @cached_property
    def _encoded(self) -> bytes:
        leaves = encode_vector(map(encode_u32, self.unmerged_leaves))
        return encode_opaque(self.encryption_key) + encode_opaque(self.parent_hash) + leaves

    def encode(self) -> bytes:
        """TLS bytes."""
        return self._encoded

    def without(self, leaves: frozenset[int]) -> "ParentNode":
        """The same node with those leaves no longer listed as unmerged."""
        return replace(self, unmerged_leaves=tuple(leaf for leaf in self.unmerged_leaves if leaf not in leaves))


Node = LeafNode | ParentNode


def encode_node(node: Node | None) -> bytes:
    """optional<Node> as in the ratchet_tree extension."""
    if node is None:
        return b"\x00"
    return (b"\x01\x01" if isinstance(node, LeafNode) else b"\x01\x02") + node.encode()


def parse_node(reader: Reader) -> Node | None:
    """The next optional<Node>; raises DecodeError."""
    return reader.optional(_parse_present)


def _parse_present(reader: Reader) -> Node:
    kind = reader.u8()
    if kind == 1:
        return LeafNode.parse(reader)
    if kind == 2:
        return ParentNode.parse(reader)
    raise DecodeError("node type")
