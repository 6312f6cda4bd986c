"""Taking a Commit (RFC 9420 12.4.2): verified to the end before anything changes; the caller applies or drops it."""

from collections.abc import Mapping

from zajil.mls import external
from zajil.mls.changes import Changes, apply_proposals, check_replacing_leaf, with_leaf_client
from zajil.mls.env import Env, Use
from zajil.mls.epoch import NO_SECRETS, Epoch, Outcome, Ratchets, Snapshot, State
from zajil.mls.errors import Invalid
from zajil.mls.following import follow, members_at
from zajil.mls.messages.framing import AuthenticatedContent, SenderType
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.messages.proposals import Commit
from zajil.mls.next_epoch import Inputs, check_confirmation, next_epoch, provisional_context
from zajil.mls.rules import commits as rules
from zajil.mls.rules.proposals import Item, resolve_references
from zajil.mls.schedule.psk import psk_secret
from zajil.mls.schedule.secret_tree import SecretTree
from zajil.mls.tree.tree import Tree
from zajil.mls.tree.treekem import PrivateKeys, merge_path, open_path


def stored_items(ratchets: Ratchets) -> Mapping[bytes, Item]:
    """This epoch's standalone proposals by reference."""
    return {entry.ref: Item(entry.proposal, entry.sender, by_reference=True) for entry in ratchets.proposals}


def verify_commit(env: Env, group: Snapshot, signed: AuthenticatedContent, commit: Commit) -> Outcome:
    """The verified outcome of a Commit whose signature and framing have been checked.

    Raises Invalid with the first broken rule; the group is not touched.
    """
    if signed.content.sender.type is SenderType.NEW_MEMBER_COMMIT:
        return external.verify_external_commit(env, group, signed, commit)
    epoch, committer = group.current, signed.content.sender.index
    items = resolve_references(commit.proposals, stored_items(group.ratchets), committer)
    rules.check_path_present(commit, items)
    changes = apply_proposals(env, epoch, items, committer=committer, use=Use.RECEIVE)
    return staged_outcome(env, group, signed, commit=commit, changes=changes, committer=committer)


def staged_outcome(
    env: Env,
    group: Snapshot,
    signed: AuthenticatedContent,
    *,
    commit: Commit,
    changes: Changes,
    committer: int,
    init_secret: bytes | None = None,
) -> Outcome:
    """The second half, shared with external Commits: path, key schedule, confirmation.

    init_secret: that of an external Commit; None takes the epoch's.
    """
    epoch = group.current
    tree, clients = changes.tree, changes.clients
    if commit.path is not None:
        tree, clients = merged_path(env, epoch, commit, changes=changes, committer=committer)
    context = provisional_context(epoch, tree, changes.extensions)
    updated = sorted({*changes.updated, *(() if commit.path is None else (committer,))})
    if any(member.leaf == epoch.own_leaf for member in changes.removed):
        following = removed_snapshot(epoch, context, tree, clients)
    else:
        private = own_keys(group, changes)
        commit_secret = bytes(epoch.suite.nh)
        if commit.path is not None:
            commit_secret, private = open_path(
                tree,
                committer,
                commit.path,
                private=private,
                added=changes.added_leaves,
                group_context=context.encode(),
            )
        inputs = Inputs(init_secret or epoch.secrets.init, commit_secret, psk_secret(epoch.suite, changes.psks))
        reached = next_epoch(
            epoch,
            signed,
            provisional=context,
            tree=tree,
            clients=clients,
            private=private,
            inputs=inputs,
            policy=env.policy,
        )
        check_confirmation(reached, signed.auth.confirmation_tag)
        following = follow(env, group, reached, changes)
    return Outcome(
        message=None,
        welcome=None,
        following=following,
        committer=committer,
        aad=signed.content.authenticated_data,
        added=members_at(following.current, changes.added),
        removed=changes.removed,
        updated=members_at(following.current, updated),
        own=False,
    )


def merged_path(
    env: Env, epoch: Epoch, commit: Commit, *, changes: Changes, committer: int
) -> tuple[Tree, tuple[bytes | None, ...]]:
    """The tree with the Commit's path in it, and its clients; raises Invalid C2, C3, C4, C6 and L rules."""
    if commit.path is None:
        raise Invalid("C1")
    leaf = commit.path.leaf_node
    rules.check_path_leaf(leaf, epoch.tree.find_leaf(committer))
    client = check_replacing_leaf(env, epoch, leaf, leaf_index=committer)
    tree = merge_path(changes.tree, committer, commit.path, added=changes.added_leaves)
    rules.check_tree_after_path(tree, (committer,), changes.extensions)
    return tree, with_leaf_client(changes.clients, committer, client)


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


def removed_snapshot(epoch: Epoch, context: GroupContext, tree: Tree, clients: tuple[bytes | None, ...]) -> Snapshot:
    """C8: the group without us. Its secrets were never derivable, ours of the ended epoch go now."""
    ended = Epoch(
        context=context,
        tree=tree,
        private=PrivateKeys(epoch.own_leaf, {}),
        secrets=NO_SECRETS,
        confirmation_tag=b"",
        interim_transcript_hash=b"",
        clients=clients,
        state=State.REMOVED,
    )
    rules.check_removed(ended)
    return Snapshot(ended, Ratchets(SecretTree(epoch.suite, tree.leaves, {})))
