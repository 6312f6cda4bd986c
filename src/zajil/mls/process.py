"""Taking a Commit (RFC 9420 12.4.2): verified to the end before anything changes; the caller applies or drops it."""

from collections.abc import Mapping

from zajil.mls import external
from zajil.mls.env import Env, Use
from zajil.mls.epochs.changes import Changes, Judged, apply_proposals, check_replacing_leaf, with_leaf_client
from zajil.mls.epochs.epoch import NO_SECRETS, Epoch, Outcome, Ratchets, Snapshot, State
from zajil.mls.epochs.following import follow, members_at
from zajil.mls.epochs.next_epoch import Inputs, NextEpoch, check_confirmation, next_epoch, provisional_context
from zajil.mls.errors import Invalid
from zajil.mls.messages.framing import AuthenticatedContent, SenderType
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.messages.proposals import Commit
from zajil.mls.rules import commits as rules
from zajil.mls.rules.proposals import Item, resolve_references
from zajil.mls.schedule.psk import psk_secret
from zajil.mls.schedule.secret_tree import SecretTree
from zajil.mls.tree.treekem import PrivateKeys, merge_path, open_path


def stored_items(ratchets: Ratchets) -> Mapping[bytes, Item]:
    """This epoch's standalone proposals by reference."""
    return {entry.ref: Item(entry.proposal, entry.sender, by_reference=True) for entry in ratchets.proposals}


def judge_commit(env: Env, group: Snapshot, signed: AuthenticatedContent, commit: Commit) -> Judged:
    """What a member's Commit changes; raises Invalid with the first broken rule of P, K, L, C1 to C4, C6."""
    epoch, committer = group.current, signed.content.sender.index
    items = resolve_references(commit.proposals, stored_items(group.ratchets), committer)
    rules.check_path_present(commit, items)
    changes = apply_proposals(env, epoch, items, committer=committer, use=Use.RECEIVE)
    tree, clients, updated = changes.tree, changes.clients, set(changes.updated)
    if commit.path is not None:
        leaf = commit.path.leaf_node
        rules.check_path_leaf(leaf, epoch.tree.find_leaf(committer))
        client = check_replacing_leaf(env, epoch, leaf, leaf_index=committer)
        tree = merge_path(tree, committer, commit.path, added=changes.added_leaves)
        rules.check_tree_after_path(tree, (committer,), changes.extensions)
        clients = with_leaf_client(clients, committer, client)
        updated.add(committer)
    return Judged(
        changes=changes,
        committer=committer,
        path=commit.path,
        tree=tree,
        clients=clients,
        init_secret=epoch.secrets.init,
        added=changes.added,
        updated=tuple(sorted(updated)),
    )


def verify_commit(env: Env, group: Snapshot, signed: AuthenticatedContent, commit: Commit) -> Outcome:
    """The verified outcome of a Commit whose framing, and if a member sent it its signature, have been checked.

    Raises Invalid with the first broken rule; the group is not touched.
    """
    if signed.content.sender.type is SenderType.NEW_MEMBER_COMMIT:
        judged = external.judge_external(env, group.current, signed, commit)
    else:
        judged = judge_commit(env, group, signed, commit)
    context = provisional_context(group.current, judged.tree, judged.changes.extensions)
    if any(member.leaf == group.current.own_leaf for member in judged.changes.removed):
        following = removed_snapshot(group.current, context, judged)
    else:
        reached = reach(env, group, signed, judged=judged, context=context)
        check_confirmation(reached, signed.auth.confirmation_tag)
        following = follow(env, group, reached, judged.changes)
    return Outcome(
        message=None,
        welcome=None,
        following=following,
        committer=judged.committer,
        aad=signed.content.authenticated_data,
        added=members_at(following.current, judged.added),
        removed=judged.changes.removed,
        updated=members_at(following.current, judged.updated),
        own=False,
    )


def reach(
    env: Env, group: Snapshot, signed: AuthenticatedContent, *, judged: Judged, context: GroupContext
) -> NextEpoch:
    """The epoch a judged Commit leads to, its tag not yet compared; raises Invalid C5."""
    epoch = group.current
    private, commit_secret = own_keys(group, judged.changes), bytes(epoch.suite.nh)
    if judged.path is not None:
        commit_secret, private = open_path(
            judged.tree,
            judged.committer,
            judged.path,
            private=private,
            added=judged.changes.added_leaves,
            group_context=context.encode(),
        )
    inputs = Inputs(judged.init_secret, commit_secret, psk_secret(epoch.suite, judged.changes.psks))
    return next_epoch(
        epoch,
        signed,
        provisional=context,
        tree=judged.tree,
        clients=judged.clients,
        private=private,
        inputs=inputs,
        policy=env.policy,
    )


def own_keys(group: Snapshot, changes: Changes) -> PrivateKeys:
    """Our private keys in the provisional tree: blanked nodes forgotten, our own Update taken up."""
    epoch = group.current
    private = epoch.private
    if epoch.own_leaf in changes.updated:
        leaf = changes.tree.find_leaf(epoch.own_leaf)
        secret = dict(group.ratchets.own_updates).get(b"" if leaf is None else leaf.encryption_key)
        if secret is None:
            raise Invalid("L5", "an Update of ours we do not hold the key of")
        private = private.replaced((2 * epoch.own_leaf,), {2 * epoch.own_leaf: secret})
    return private.kept(changes.tree)


def removed_snapshot(epoch: Epoch, context: GroupContext, judged: Judged) -> Snapshot:
    """C8: the group without us. Its secrets were never derivable, ours of the ended epoch go now."""
    ended = Epoch(
        context=context,
        tree=judged.tree,
        private=PrivateKeys(epoch.own_leaf, {}),
        secrets=NO_SECRETS,
        confirmation_tag=b"",
        interim_transcript_hash=b"",
        clients=judged.clients,
        state=State.REMOVED,
    )
    rules.check_removed(ended)
    return Snapshot(ended, Ratchets(SecretTree(epoch.suite, judged.tree.leaves, {})))
