"""Taking a message: framing rules, decryption, signature, then what its content asks for (RFC 9420 6, 12, 14)."""

from dataclasses import dataclass, replace

from zajil.mls.env import MAX_PENDING, Env, Use
from zajil.mls.epochs.changes import check_proposal
from zajil.mls.epochs.epoch import Epoch, Outcome, Ratchets, Snapshot, State, Stored, window_of
from zajil.mls.errors import Invalid, MlsError, OwnMessage, PastEpoch, PendingProposals, Removed, Suspended
from zajil.mls.messages import protect
from zajil.mls.messages.envelope import WireFormat
from zajil.mls.messages.framing import (
    ApplicationData,
    AuthenticatedContent,
    ContentType,
    PrivateMessage,
    PublicMessage,
    SenderType,
    parse_framed,
)
from zajil.mls.messages.proposals import Commit, Proposal
from zajil.mls.primitives import crypto
from zajil.mls.process import verify_commit
from zajil.mls.rules import framing as rules
from zajil.mls.rules.proposals import Item
from zajil.mls.tree.nodes import LeafNode


@dataclass(frozen=True)
class Application:
    """An application message that has opened and verified.

    sender: leaf index in that epoch. leaf_node: the sender's leaf then. pushed_out: its generation made the window
    drop an older key that was not used yet, so an ephemeral message with this set is dropped instead (mls.md 7.2).
    """

    sender: int
    leaf_node: LeafNode
    epoch: int
    generation: int
    aad: bytes
    data: bytes
    pushed_out: bool = False


@dataclass(frozen=True)
class Proposed:
    """A standalone proposal, kept until the epoch ends. sender: leaf index. ref: ProposalRef."""

    sender: int
    proposal: Proposal
    ref: bytes
    aad: bytes


def receive(env: Env, group: Snapshot, message: bytes) -> tuple[Snapshot, Application | Proposed | Outcome]:
    """The group with its ratchets moved on, and what the message was; on any error the old value still holds."""
    if group.current.state is State.REMOVED:
        raise Removed("own leaf")
    parsed = parse_framed(message)
    if isinstance(parsed, PublicMessage):
        return _receive_public(env, group, parsed)
    rules.check_group(group.current.context, parsed.group_id)
    if parsed.epoch < group.current.context.epoch:
        return _receive_past(env, group, parsed)
    rules.check_epoch(group.current.context, parsed.epoch)
    moved, signed, generation, pushed_out = _open_current(env, group, parsed)
    if isinstance(signed.content.content, bytes):
        leaf = signed.content.sender.index
        leaf_node = sender_leaf(group.current, leaf)
        return moved, _application(signed, leaf_node, generation=generation, pushed_out=pushed_out)
    try:
        return _receive_handshake(env, moved, signed)
    except MlsError as problem:
        problem.signer = signed.content.sender.index
        raise


def sender_leaf(epoch: Epoch, leaf: int) -> LeafNode:
    """Rule F4: the sender's leaf; raises Invalid where it is blank."""
    rules.check_sender_leaf(epoch.tree, leaf)
    found = epoch.tree.find_leaf(leaf)
    if found is None:
        raise Invalid("F4", "blank leaf")
    return found


def _open_current(
    env: Env, group: Snapshot, message: PrivateMessage
) -> tuple[Snapshot, AuthenticatedContent, int, bool]:
    epoch = group.current
    sender = protect.open_sender_data(epoch.suite, message, sender_data_secret=epoch.secrets.sender_data)
    leaf_node = sender_leaf(epoch, sender.leaf)
    if sender.leaf == epoch.own_leaf:
        raise OwnMessage("own leaf")
    tree = replace(group.ratchets.secret_tree, window=window_of(env.policy))
    opened = protect.open_private(epoch.suite, message, sender_data=sender, secret_tree=tree)
    protect.check_signature(
        epoch.suite,
        opened.content,
        signature_key=leaf_node.signature_key,
        group_context=epoch.context.encode(),
    )
    moved = replace(group, ratchets=replace(group.ratchets, secret_tree=opened.secret_tree))
    return moved, opened.content, opened.generation, opened.pushed_out


def _receive_past(env: Env, group: Snapshot, message: PrivateMessage) -> tuple[Snapshot, Application]:
    """An application message of an ended epoch, checked against the leaf list of its time."""
    place = next((place for place, past in enumerate(group.current.past) if past.context.epoch == message.epoch), None)
    if place is None or message.content_type is not ContentType.APPLICATION:
        raise PastEpoch("handshake or keys of a past epoch")
    past, tree = group.current.past[place], group.ratchets.past[place]
    if env.now - past.ended_at > env.policy.past_age:
        raise PastEpoch("expired")
    suite = group.current.suite
    sender = protect.open_sender_data(suite, message, sender_data_secret=past.sender_data_secret)
    leaf_node = past.leaves[sender.leaf] if sender.leaf < len(past.leaves) else None
    if leaf_node is None:
        raise Invalid("F4", "blank leaf")
    if sender.leaf == past.own_leaf:
        raise OwnMessage("own leaf")
    opened = protect.open_private(suite, message, sender_data=sender, secret_tree=tree)
    protect.check_signature(
        suite, opened.content, signature_key=leaf_node.signature_key, group_context=past.context.encode()
    )
    trees = (*group.ratchets.past[:place], opened.secret_tree, *group.ratchets.past[place + 1 :])
    moved = replace(group, ratchets=replace(group.ratchets, past=trees))
    event = _application(opened.content, leaf_node, generation=opened.generation, pushed_out=opened.pushed_out)
    return moved, event


def _application(
    signed: AuthenticatedContent, leaf_node: LeafNode, *, generation: int, pushed_out: bool
) -> Application:
    content = signed.content
    if not isinstance(content.content, bytes):
        raise Invalid("F8", "not application data")
    return Application(
        sender=content.sender.index,
        leaf_node=leaf_node,
        epoch=content.epoch,
        generation=generation,
        aad=content.authenticated_data,
        data=ApplicationData(content.content),
        pushed_out=pushed_out,
    )


def _receive_public(env: Env, group: Snapshot, message: PublicMessage) -> tuple[Snapshot, Proposed | Outcome]:
    content, epoch = message.content, group.current
    rules.check_group(epoch.context, content.group_id)
    rules.check_sender_type(content.sender, content.content_type)
    rules.check_wire_format(env.policy, WireFormat.PUBLIC_MESSAGE, content.content_type, content.sender.type)
    rules.check_epoch(epoch.context, content.epoch)
    rules.check_membership_tag_place(message)
    context = epoch.context.encode()
    if content.sender.type is SenderType.NEW_MEMBER_COMMIT:
        # Rule F5 is left to the external Commit: the key to check with is in its own path.
        signed = AuthenticatedContent(WireFormat.PUBLIC_MESSAGE, content, message.auth)
    else:
        leaf_node = sender_leaf(epoch, content.sender.index)
        if content.sender.index == epoch.own_leaf:
            raise OwnMessage("own leaf")
        signed = protect.open_public(
            epoch.suite, message, membership_key=epoch.secrets.membership, group_context=context
        )
        protect.check_signature(epoch.suite, signed, signature_key=leaf_node.signature_key, group_context=context)
    protect.check_confirmation_tag_place(signed)
    return _receive_handshake(env, group, signed)


def _receive_handshake(env: Env, group: Snapshot, signed: AuthenticatedContent) -> tuple[Snapshot, Proposed | Outcome]:
    content = signed.content.content
    if group.current.state is State.SUSPENDED:
        raise Suspended("ReInit")
    if isinstance(content, Commit):
        return group, verify_commit(env, group, signed, content)
    if isinstance(content, bytes):
        raise Invalid("F2", "application data in the clear")
    return store_proposal(env, group, signed, content)


def store_proposal(
    env: Env, group: Snapshot, signed: AuthenticatedContent, proposal: Proposal
) -> tuple[Snapshot, Proposed]:
    """The group with a verified standalone proposal kept by reference; raises PendingProposals above MAX_PENDING."""
    sender = signed.content.sender.index
    if len(group.ratchets.proposals) >= MAX_PENDING:
        raise PendingProposals("too many proposals in this epoch")
    check_proposal(env, group.current, Item(proposal, sender, by_reference=True), use=Use.RECEIVE)
    ref = crypto.proposal_ref(group.current.suite, signed.encode())
    kept: Ratchets = replace(group.ratchets, proposals=(*group.ratchets.proposals, Stored(ref, proposal, sender)))
    return replace(group, ratchets=kept), Proposed(sender, proposal, ref, signed.content.authenticated_data)
