"""From one epoch to the next: what of the old one is kept, and for how long (mls.md 7.3, 7.4)."""

from collections.abc import Iterable
from dataclasses import replace

from zajil.mls import errors
from zajil.mls.env import Env, Policy
from zajil.mls.epochs.changes import Changes
from zajil.mls.epochs.epoch import Epoch, Member, PastEpoch, Ratchets, Snapshot, State
from zajil.mls.epochs.next_epoch import NextEpoch
from zajil.mls.schedule.secret_tree import SecretTree

Past = tuple[tuple[PastEpoch, ...], tuple[SecretTree, ...]]


def members_at(epoch: Epoch, leaves: Iterable[int]) -> tuple[Member, ...]:
    """The members at those leaf indices, blank ones left out."""
    found = ((leaf, epoch.tree.find_leaf(leaf)) for leaf in leaves)
    return tuple(Member(leaf, epoch.clients[leaf] or b"", node) for leaf, node in found if node is not None)


def unexpired(kept: Iterable[tuple[PastEpoch, SecretTree]], *, now: int, policy: Policy) -> Past:
    """Of (epoch, secret tree) pairs, newest first, those the policy still keeps, as two tuples."""
    young = [pair for pair in kept if now - pair[0].ended_at <= policy.past_age][: policy.past_epochs]
    return tuple(past for past, _ in young), tuple(tree for _, tree in young)


def end_epoch(group: Snapshot, *, now: int, policy: Policy) -> Past:
    """Past epochs and their secret trees once this epoch ends, newest first.

    Our own sending ratchet goes, and with it every handshake ratchet: past epochs only receive application data.
    """
    epoch = group.current
    ended = PastEpoch(
        context=epoch.context,
        sender_data_secret=epoch.secrets.sender_data,
        resumption=epoch.secrets.resumption,
        leaves=tuple(epoch.tree.leaf_nodes()),
        own_leaf=epoch.own_leaf,
        ended_at=now,
    )
    tree = group.ratchets.secret_tree.without_leaf(epoch.own_leaf).without_handshakes()
    kept = zip((ended, *epoch.past), (tree, *group.ratchets.past), strict=True)
    return unexpired(kept, now=now, policy=policy)


def follow(env: Env, group: Snapshot, following: NextEpoch, changes: Changes) -> Snapshot:
    """The group in its next epoch. A Remove drops every past epoch: the removed could speak there (mls.md 7.4)."""
    past: Past = ((), ()) if changes.removed else end_epoch(group, now=env.now, policy=env.policy)
    state = State.ACTIVE if changes.reinit is None else State.SUSPENDED
    return Snapshot(replace(following.epoch, past=past[0], state=state), Ratchets(following.secret_tree, past=past[1]))


def carry_over(group: Snapshot, following: Snapshot) -> Snapshot:
    """The next epoch with the ratchets of the ended one as they are by now, not as they were at the Commit's making.

    group: the current value of the group the Commit was made in. Without this, messages received between a Commit
    of ours and its echo would open once more. Raises PastEpoch for a Commit of another epoch than the group's: the
    race for that epoch was lost, and applying it would wind the group back.
    """
    if following.current.context.epoch != group.current.context.epoch + 1:
        raise errors.PastEpoch("Commit of another epoch")
    ended = group.ratchets.secret_tree.without_leaf(group.current.own_leaf).without_handshakes()
    held = dict(zip((past.context.epoch for past in group.current.past), group.ratchets.past, strict=True))
    held[group.current.context.epoch] = ended
    kept = tuple(past for past in following.current.past if past.context.epoch in held)
    return Snapshot(
        replace(following.current, past=kept),
        replace(following.ratchets, past=tuple(held[past.context.epoch] for past in kept)),
    )
