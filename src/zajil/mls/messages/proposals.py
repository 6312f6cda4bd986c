"""Proposals and Commits as structures (RFC 9420 12.1, 12.4). Which of them are allowed together: `validate`."""

import enum
from dataclasses import dataclass

from zajil.mls.errors import DecodeError
from zajil.mls.messages.extensions import Extensions, encode_extensions, parse_extensions
from zajil.mls.messages.key_package import KeyPackage
from zajil.mls.messages.reinit import ReInit
from zajil.mls.primitives.codec import (
    Reader,
    encode_opaque,
    encode_optional,
    encode_u8,
    encode_u16,
    encode_u32,
    encode_vector,
)
from zajil.mls.schedule.psk import PreSharedKeyId
from zajil.mls.tree.nodes import LeafNode
from zajil.mls.tree.treekem import UpdatePath

MAX_PROPOSALS = 1024
"""Proposals in one Commit (design limit of the engine)."""


class ProposalType(enum.IntEnum):
    """IANA MLS Proposal Types."""

    ADD = 1
    UPDATE = 2
    REMOVE = 3
    PSK = 4
    REINIT = 5
    EXTERNAL_INIT = 6
    GROUP_CONTEXT_EXTENSIONS = 7


class RefType(enum.IntEnum):
    """ProposalOrRefType (RFC 9420 12.4)."""

    PROPOSAL = 1
    REFERENCE = 2


@dataclass(frozen=True)
class Add:
    """Adds the client of a KeyPackage."""

    key_package: KeyPackage
    type = ProposalType.ADD

    def encode(self) -> bytes:
        """Body."""
        return self.key_package.encode()


@dataclass(frozen=True)
class Update:
    """Replaces the sender's leaf."""

    leaf_node: LeafNode
    type = ProposalType.UPDATE

    def encode(self) -> bytes:
        """Body."""
        return self.leaf_node.encode()


@dataclass(frozen=True)
class Remove:
    """Removes the member at a leaf index."""

    leaf: int
    type = ProposalType.REMOVE

    def encode(self) -> bytes:
        """Body."""
        return encode_u32(self.leaf)


@dataclass(frozen=True)
class Psk:
    """Mixes a pre-shared key into the next epoch."""

    id: PreSharedKeyId
    type = ProposalType.PSK

    def encode(self) -> bytes:
        """Body."""
        return self.id.encode()


@dataclass(frozen=True)
class ExternalInit:
    """Carries the encapsulated init secret of an external Commit."""

    kem_output: bytes
    type = ProposalType.EXTERNAL_INIT

    def encode(self) -> bytes:
        """Body."""
        return encode_opaque(self.kem_output)


@dataclass(frozen=True)
class SetExtensions:
    """GroupContextExtensions: replaces all extensions of the GroupContext."""

    extensions: Extensions
    type = ProposalType.GROUP_CONTEXT_EXTENSIONS

    def encode(self) -> bytes:
        """Body."""
        return encode_extensions(self.extensions)


@dataclass(frozen=True)
class UnknownProposal:
    """A proposal of a type the engine does not know, read as opaque data<V> (as other engines frame them); rule P8."""

    type: int
    data: bytes

    def encode(self) -> bytes:
        """Body."""
        return encode_opaque(self.data)


Proposal = Add | Update | Remove | Psk | ReInit | ExternalInit | SetExtensions | UnknownProposal


def parse_proposal(reader: Reader) -> Proposal:
    """Source: RFC 9420 12.1."""
    match reader.u16():
        case ProposalType.ADD:
            return Add(KeyPackage.parse(reader))
        case ProposalType.UPDATE:
            return Update(LeafNode.parse(reader))
        case ProposalType.REMOVE:
            return Remove(reader.u32())
        case ProposalType.PSK:
            return Psk(PreSharedKeyId.parse(reader))
        case ProposalType.REINIT:
            return ReInit.parse(reader)
        case ProposalType.EXTERNAL_INIT:
            return ExternalInit(reader.opaque())
        case ProposalType.GROUP_CONTEXT_EXTENSIONS:
            return SetExtensions(parse_extensions(reader))
        case unknown:
            return UnknownProposal(unknown, reader.opaque())


def encode_proposal(proposal: Proposal) -> bytes:
    """Type and body."""
    return encode_u16(proposal.type) + proposal.encode()


@dataclass(frozen=True)
class ProposalRef:
    """Names a proposal sent before, in the same epoch. value: ProposalRef hash, Nh bytes (RFC 9420 5.2)."""

    value: bytes


def parse_proposal_or_ref(reader: Reader) -> Proposal | ProposalRef:
    """Source: RFC 9420 12.4."""
    match reader.u8():
        case RefType.PROPOSAL:
            return parse_proposal(reader)
        case RefType.REFERENCE:
            return ProposalRef(reader.opaque())
        case _:
            raise DecodeError("ProposalOrRef type")


def encode_proposal_or_ref(item: Proposal | ProposalRef) -> bytes:
    """Wire form."""
    if isinstance(item, ProposalRef):
        return encode_u8(RefType.REFERENCE) + encode_opaque(item.value)
    return encode_u8(RefType.PROPOSAL) + encode_proposal(item)


@dataclass(frozen=True)
class Commit:
    """Proposals to apply, and the committer's new path (RFC 9420 12.4)."""

    proposals: tuple[Proposal | ProposalRef, ...]
    path: UpdatePath | None = None

    @classmethod
    def parse(cls, reader: Reader) -> "Commit":
        """Raises DecodeError above MAX_PROPOSALS."""
        proposals = reader.vector(parse_proposal_or_ref)
        if len(proposals) > MAX_PROPOSALS:
            raise DecodeError("too many proposals")
        return cls(proposals, reader.optional(UpdatePath.parse))

    def encode(self) -> bytes:
        """Wire form."""
        path = None if self.path is None else self.path.encode()
        return encode_vector(map(encode_proposal_or_ref, self.proposals)) + encode_optional(path)
