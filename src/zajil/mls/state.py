"""State as bytes: a part written once per Commit, a small part per message, and staged Commits (mls.md 7.7).

Each starts with "ZMLS", u16 version, u8 kind, u64 epoch. What is loaded equals what was saved. Nothing here is
encrypted: `sealing` does that.
"""

import enum
from dataclasses import dataclass

from zajil.mls.epochs.epoch import Epoch, Member, Outcome, PastEpoch, Ratchets, Snapshot, State, Stored
from zajil.mls.errors import DecodeError, Unsupported
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.messages.proposals import encode_proposal, parse_proposal
from zajil.mls.primitives.codec import (
    Reader,
    encode_opaque,
    encode_optional,
    encode_u8,
    encode_u16,
    encode_u32,
    encode_u64,
    encode_vector,
    parse_all,
    read_opaque,
)
from zajil.mls.schedule.key_schedule import EpochSecrets
from zajil.mls.schedule.secret_tree import SecretTree, Window
from zajil.mls.tree.nodes import LeafNode
from zajil.mls.tree.tree import Tree
from zajil.mls.tree.treekem import PrivateKeys

MAGIC = b"ZMLS"
VERSION = 1
_STATES = (State.ACTIVE, State.REMOVED, State.SUSPENDED)


class Kind(enum.IntEnum):
    """Which part of the state some bytes are."""

    EPOCH = 1
    RATCHET = 2
    STAGED = 3


@dataclass(frozen=True, repr=False)
class Saved:
    """A group as bytes. epoch: changes with each Commit. ratchet: changes with each message, and is small."""

    epoch: bytes
    ratchet: bytes


def _header(kind: Kind, epoch: int) -> bytes:
    return MAGIC + encode_u16(VERSION) + encode_u8(kind) + encode_u64(epoch)


def _parse_header(reader: Reader, kind: Kind) -> int:
    if reader.fixed(len(MAGIC)) != MAGIC:
        raise DecodeError("not a saved state")
    if reader.u16() != VERSION:
        raise Unsupported("state version")
    if reader.u8() != kind:
        raise DecodeError("another part of the state")
    return reader.u64()


def save(group: Snapshot) -> Saved:
    """The group as bytes. The epoch part is computed once per epoch and is the same object until it changes."""
    return Saved(_saved_epoch(group.current), _encode_ratchets(group.current, group.ratchets))


def parse_snapshot(saved: Saved) -> Snapshot:
    """What was saved. Raises Unsupported for another version, DecodeError for parts of two epochs or damage."""
    epoch = parse_all(saved.epoch, _parse_epoch)
    epoch.__dict__["_saved"] = saved.epoch
    return Snapshot(epoch, parse_all(saved.ratchet, lambda reader: _parse_ratchets(reader, epoch)))


def _saved_epoch(epoch: Epoch) -> bytes:
    cached = epoch.__dict__.get("_saved")
    if not isinstance(cached, bytes):
        cached = epoch.__dict__["_saved"] = _encode_epoch(epoch)
    return cached


def _encode_epoch(epoch: Epoch) -> bytes:
    return b"".join(
        (
            _header(Kind.EPOCH, epoch.context.epoch),
            encode_u8(_STATES.index(epoch.state)),
            epoch.context.encode(),
            epoch.tree.encode(),
            epoch.private.encode(),
            epoch.secrets.encode(),
            encode_opaque(epoch.confirmation_tag),
            encode_opaque(epoch.interim_transcript_hash),
            encode_vector(map(_optional, epoch.clients)),
            encode_vector(_encode_past(past, epoch.tree) for past in epoch.past),
        )
    )


def _parse_epoch(reader: Reader) -> Epoch:
    number, state = _parse_header(reader, Kind.EPOCH), reader.u8()
    if state >= len(_STATES):
        raise DecodeError("group state")
    context = GroupContext.parse(reader)
    tree = Tree.parse(context.suite, reader)
    epoch = Epoch(
        context=context,
        tree=tree,
        private=PrivateKeys.parse(reader),
        secrets=EpochSecrets.parse(reader),
        confirmation_tag=reader.opaque(),
        interim_transcript_hash=reader.opaque(),
        clients=reader.vector(lambda item: item.optional(read_opaque)),
        past=reader.vector(lambda item: _parse_past(item, tree)),
        state=_STATES[state],
    )
    # Where we are removed, somebody else may stand at our old index by now.
    gone = tree.find_leaf(epoch.own_leaf) is None and epoch.state is not State.REMOVED
    if gone or context.epoch != number or len(epoch.clients) != tree.leaves:
        raise DecodeError("parts do not fit")
    return epoch


def _encode_past(past: PastEpoch, tree: Tree) -> bytes:
    """Leaves that still stand where they stood are not written twice: they are most of the bytes."""
    leaves = []
    for index, leaf in enumerate(past.leaves):
        if leaf is None:
            leaves.append(encode_u8(0))
        elif leaf == tree.find_leaf(index):
            leaves.append(encode_u8(1))
        else:
            leaves.append(encode_u8(2) + leaf.encode())
    return b"".join(
        (
            past.context.encode(),
            encode_opaque(past.sender_data_secret),
            encode_opaque(past.resumption),
            encode_vector(leaves),
            encode_u32(past.own_leaf),
            encode_u64(past.ended_at),
        )
    )


def _parse_past(reader: Reader, tree: Tree) -> PastEpoch:
    context, sender_data, resumption = GroupContext.parse(reader), reader.opaque(), reader.opaque()
    inner, leaves = reader.sub(), list[LeafNode | None]()
    while not inner.at_end():
        form = inner.u8()
        if form > 2:
            raise DecodeError("leaf of a past epoch")
        same = tree.find_leaf(len(leaves)) if form == 1 else None
        if form == 1 and same is None:
            raise DecodeError("leaf of a past epoch")
        leaves.append(LeafNode.parse(inner) if form == 2 else same)
    return PastEpoch(context, sender_data, resumption, tuple(leaves), reader.u32(), reader.u64())


def _encode_ratchets(epoch: Epoch, ratchets: Ratchets) -> bytes:
    window = ratchets.secret_tree.window
    return b"".join(
        (
            _header(Kind.RATCHET, epoch.context.epoch),
            encode_opaque(epoch.confirmation_tag),
            encode_u32(window.skipped),
            encode_u32(window.forward),
            ratchets.secret_tree.encode(),
            encode_vector(tree.encode() for tree in ratchets.past),
            encode_vector(
                encode_opaque(entry.ref) + encode_u32(entry.sender) + encode_proposal(entry.proposal)
                for entry in ratchets.proposals
            ),
            encode_vector(encode_opaque(public) + encode_opaque(private) for public, private in ratchets.own_updates),
        )
    )


def _parse_ratchets(reader: Reader, epoch: Epoch) -> Ratchets:
    if _parse_header(reader, Kind.RATCHET) != epoch.context.epoch or reader.opaque() != epoch.confirmation_tag:
        raise DecodeError("parts of two epochs")
    window = Window(reader.u32(), reader.u32())
    suite = epoch.suite
    ratchets = Ratchets(
        secret_tree=SecretTree.parse(reader, suite, window=window),
        past=reader.vector(lambda item: SecretTree.parse(item, suite, window=window)),
        proposals=reader.vector(_parse_stored),
        own_updates=reader.vector(lambda item: (item.opaque(), item.opaque())),
    )
    if len(ratchets.past) != len(epoch.past):
        raise DecodeError("parts of two epochs")
    return ratchets


def _parse_stored(reader: Reader) -> Stored:
    ref, sender = reader.opaque(), reader.u32()
    return Stored(ref, parse_proposal(reader), sender)


def _optional(data: bytes | None) -> bytes:
    return encode_optional(None if data is None else encode_opaque(data))


def _encode_member(member: Member) -> bytes:
    return encode_u32(member.leaf) + encode_opaque(member.client) + member.leaf_node.encode()


def _parse_member(reader: Reader) -> Member:
    return Member(reader.u32(), reader.opaque(), LeafNode.parse(reader))


def encode_outcome(outcome: Outcome) -> bytes:
    """A staged Commit as bytes."""
    saved = save(outcome.following)
    return b"".join(
        (
            _header(Kind.STAGED, outcome.following.current.context.epoch),
            _optional(outcome.message),
            _optional(outcome.welcome),
            encode_opaque(saved.epoch),
            encode_opaque(saved.ratchet),
            encode_u32(outcome.committer),
            encode_opaque(outcome.aad),
            *(encode_vector(map(_encode_member, part)) for part in (outcome.added, outcome.removed, outcome.updated)),
            encode_u8(outcome.own),
        )
    )


def parse_outcome(data: bytes) -> Outcome:
    """What `encode_outcome` wrote; raises Unsupported, DecodeError."""
    return parse_all(data, _parse_outcome)


def _parse_outcome(reader: Reader) -> Outcome:
    number = _parse_header(reader, Kind.STAGED)
    message, welcome = reader.optional(read_opaque), reader.optional(read_opaque)
    following = parse_snapshot(Saved(reader.opaque(), reader.opaque()))
    if following.current.context.epoch != number:
        raise DecodeError("parts do not fit")
    return Outcome(
        message=message,
        welcome=welcome,
        following=following,
        committer=reader.u32(),
        aad=reader.opaque(),
        added=reader.vector(_parse_member),
        removed=reader.vector(_parse_member),
        updated=reader.vector(_parse_member),
        own=bool(reader.u8()),
    )
