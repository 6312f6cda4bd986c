"""Making a Commit (RFC 9420 12.4.1): the same rules as for receiving one, then a path, then the next epoch."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from zajil.mls import welcome
from zajil.mls.env import GENERATION_LIMIT, Env, Use
from zajil.mls.epochs.changes import Changes, apply_proposals, check_replacing_leaf
from zajil.mls.epochs.epoch import Epoch, Outcome, Snapshot, Stored
from zajil.mls.epochs.following import follow, members_at
from zajil.mls.epochs.next_epoch import Inputs, NextEpoch, next_epoch, provisional_context
from zajil.mls.errors import GenerationLimit, Invalid, TooManyLeaves
from zajil.mls.messages import protect
from zajil.mls.messages.envelope import WireFormat, wrap
from zajil.mls.messages.extensions import Extensions
from zajil.mls.messages.framing import AuthenticatedContent, Content, FramedContent, member
from zajil.mls.messages.proposals import Commit, Proposal, ProposalRef, Remove, Update
from zajil.mls.rules import commits as rules
from zajil.mls.rules.proposals import Item
from zajil.mls.schedule.psk import psk_secret
from zajil.mls.schedule.secret_tree import SecretTree
from zajil.mls.tree.nodes import LeafNode, LeafSource
from zajil.mls.tree.treekem import DrawnPath, draw_path, merge_path

Listed = tuple[Proposal | ProposalRef, ...]


@dataclass(frozen=True)
class Intent:
    """What the caller wants committed. aad: authenticated data. welcome_extensions: for the Welcome's GroupInfo."""

    proposals: tuple[Proposal, ...]
    aad: bytes = b""
    welcome_extensions: Extensions = ()
    force_path: bool = False
    with_tree: bool = True


def signed_content(env: Env, epoch: Epoch, content: Content, *, aad: bytes, private: bool) -> AuthenticatedContent:
    """Content of our own leaf with its signature. private: as a PrivateMessage."""
    framed = FramedContent(epoch.context.group_id, epoch.context.epoch, member(epoch.own_leaf), aad, content)
    wire_format = WireFormat.PRIVATE_MESSAGE if private else WireFormat.PUBLIC_MESSAGE
    return protect.sign(env.signer, wire_format=wire_format, content=framed, group_context=epoch.context.encode())


def sealed_message(
    env: Env, epoch: Epoch, signed: AuthenticatedContent, *, secret_tree: SecretTree, pad_to: int = 0
) -> tuple[bytes, SecretTree]:
    """The MLSMessage of signed content and the secret tree that has moved on; raises GenerationLimit."""
    suite = epoch.suite
    if signed.wire_format is WireFormat.PUBLIC_MESSAGE:
        public = protect.seal_public(
            suite, signed, membership_key=epoch.secrets.membership, group_context=epoch.context.encode()
        )
        return wrap(WireFormat.PUBLIC_MESSAGE, public.encode()), secret_tree
    kind = protect.ratchet_kind(signed.content.content_type)
    if secret_tree.generation(epoch.own_leaf, kind) >= GENERATION_LIMIT:
        raise GenerationLimit("commit first")
    message, moved = protect.seal_private(
        suite,
        signed,
        sender_data_secret=epoch.secrets.sender_data,
        secret_tree=secret_tree,
        rng=env.rng,
        pad_to=pad_to,
    )
    return wrap(WireFormat.PRIVATE_MESSAGE, message.encode()), moved


def usable_references(epoch: Epoch, stored: Sequence[Stored], proposals: Sequence[Proposal]) -> tuple[Stored, ...]:
    """The standalone proposals to include: not our own Updates, nothing that touches a leaf twice.

    A Remove goes before an Update, the newest Update before older ones (RFC 9420 12.2).
    """
    taken = {proposal.leaf for proposal in proposals if isinstance(proposal, Remove)} | {epoch.own_leaf}
    chosen: list[Stored] = []
    for wanted in (Remove, Update):
        for entry in reversed(stored):
            if isinstance(entry.proposal, wanted):
                leaf = entry.proposal.leaf if isinstance(entry.proposal, Remove) else entry.sender
                if leaf not in taken:
                    taken.add(leaf)
                    chosen.append(entry)
    chosen += [entry for entry in stored if not isinstance(entry.proposal, Remove | Update)]
    return tuple(entry for entry in stored if entry in chosen)


def fitting_references(
    env: Env, epoch: Epoch, references: tuple[Stored, ...], proposals: Sequence[Proposal]
) -> tuple[tuple[Stored, ...], list[Item], Changes]:
    """The references that fit beside our own proposals, all of them as items, and what they change together.

    What members proposed and cannot be committed is left out, the oldest kept: otherwise one of them could keep
    everybody else from committing for good. Raises Invalid, TooManyLeaves for what is wrong with our own.
    """

    def together(kept: tuple[Stored, ...]) -> tuple[tuple[Stored, ...], list[Item], Changes]:
        items = [Item(entry.proposal, entry.sender, by_reference=True) for entry in kept]
        items += [Item(proposal, epoch.own_leaf) for proposal in proposals]
        return kept, items, apply_proposals(env, epoch, items, committer=epoch.own_leaf, use=Use.SEND)

    try:
        return together(references)
    except (Invalid, TooManyLeaves):
        fitting = together(())
    for entry in references:
        with suppress(Invalid, TooManyLeaves):
            fitting = together((*fitting[0], entry))
    return fitting


def _own_commit_leaf(env: Env, epoch: Epoch, encryption_key: bytes, parent_hash: bytes) -> LeafNode:
    before = epoch.own_leaf_node
    leaf = LeafNode(
        encryption_key,
        before.signature_key,
        before.credential,
        before.capabilities,
        LeafSource.COMMIT,
        before.extensions,
        parent_hash=parent_hash,
    )
    return leaf.signed(env.signer, group_id=epoch.context.group_id, leaf=epoch.own_leaf)


def _drawn_path(env: Env, epoch: Epoch, changes: Changes) -> DrawnPath:
    drawn = draw_path(
        changes.tree,
        epoch.private.kept(changes.tree),
        make_leaf=lambda key, parent_hash: _own_commit_leaf(env, epoch, key, parent_hash),
        rng=env.rng,
    )
    rules.check_path_leaf(drawn.leaf_node, epoch.own_leaf_node)
    check_replacing_leaf(env, epoch, drawn.leaf_node, leaf_index=epoch.own_leaf)
    return drawn


@dataclass(frozen=True, repr=False)
class _Reached:
    """A Commit of ours, signed and confirmed, and where it leads."""

    signed: AuthenticatedContent
    following: NextEpoch
    drawn: DrawnPath | None
    inputs: Inputs


def _reach(env: Env, epoch: Epoch, changes: Changes, *, listed: Listed, aad: bytes, with_path: bool) -> _Reached:
    """Path, signature, key schedule and confirmation tag of a Commit of these proposals."""
    drawn = _drawn_path(env, epoch, changes) if with_path else None
    tree = changes.tree if drawn is None else drawn.tree
    context = provisional_context(epoch, tree, changes.extensions)
    path = None
    if drawn is not None:
        path = drawn.seal(context.encode(), added=changes.added_leaves, rng=env.rng)
        # The receivers' rules C3, C4 and C6, on what they will see.
        merge_path(changes.tree, epoch.own_leaf, path, added=changes.added_leaves)
        rules.check_tree_after_path(tree, (epoch.own_leaf,), changes.extensions)
    signed = signed_content(env, epoch, Commit(listed, path), aad=aad, private=not env.policy.public_handshakes)
    inputs = Inputs(
        epoch.secrets.init,
        bytes(epoch.suite.nh) if drawn is None else drawn.commit_secret,
        psk_secret(epoch.suite, changes.psks),
    )
    following = next_epoch(
        epoch,
        signed,
        provisional=context,
        tree=tree,
        clients=changes.clients,
        private=epoch.private.kept(tree) if drawn is None else drawn.private,
        inputs=inputs,
        policy=env.policy,
    )
    confirmed = replace(signed.auth, confirmation_tag=following.epoch.confirmation_tag)
    return _Reached(replace(signed, auth=confirmed), following, drawn, inputs)


def make_commit(env: Env, group: Snapshot, intent: Intent) -> tuple[Snapshot, Outcome]:
    """The group with its handshake ratchet moved on, and our Commit with the epoch it leads to."""
    epoch, leaf = group.current, group.current.own_leaf
    usable = usable_references(epoch, group.ratchets.proposals, intent.proposals)
    references, items, changes = fitting_references(env, epoch, usable, intent.proposals)
    with_path = intent.force_path or rules.requires_path(items)
    listed = (*(ProposalRef(entry.ref) for entry in references), *intent.proposals)
    reached = _reach(env, epoch, changes, listed=listed, aad=intent.aad, with_path=with_path)
    message, moved = sealed_message(env, epoch, reached.signed, secret_tree=group.ratchets.secret_tree)
    invitation = None
    if changes.added:
        invitation = welcome.make_welcome(
            env,
            reached.following,
            changes,
            reached.drawn,
            inputs=reached.inputs,
            extensions=intent.welcome_extensions,
            with_tree=intent.with_tree,
        )
    after = replace(group, ratchets=replace(group.ratchets, secret_tree=moved))
    following = follow(env, after, reached.following, changes)
    updated = sorted({*changes.updated, *((leaf,) if with_path else ())})
    return after, Outcome(
        message=message,
        welcome=invitation,
        following=following,
        committer=leaf,
        aad=intent.aad,
        added=members_at(following.current, changes.added),
        removed=changes.removed,
        updated=members_at(following.current, updated),
        own=True,
    )
