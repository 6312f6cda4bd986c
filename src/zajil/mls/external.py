"""Taking an external Commit: a client lets itself in through a GroupInfo (RFC 9420 12.4.3.2). Off by default.

Making one is not built yet: the product's members rejoin by KeyPackage and Welcome.
"""

from collections.abc import Sequence

from zajil.mls.env import Env, Policy, Use
from zajil.mls.epochs.changes import Changes, Judged, apply_proposals, with_leaf_client
from zajil.mls.epochs.epoch import Epoch
from zajil.mls.errors import CryptoError, Invalid
from zajil.mls.messages import protect
from zajil.mls.messages.framing import AuthenticatedContent
from zajil.mls.messages.proposals import Commit, ExternalInit, Proposal, ProposalRef, Psk, Remove
from zajil.mls.primitives.suites import Suite
from zajil.mls.rules import commits, leaves
from zajil.mls.rules.proposals import Item
from zajil.mls.schedule import key_schedule
from zajil.mls.tree.nodes import LeafNode
from zajil.mls.tree.treekem import UpdatePath, merge_path


def check_external_proposals(policy: Policy, proposals: Sequence[Proposal | ProposalRef]) -> ExternalInit:
    """X1: the one ExternalInit; raises Invalid unless the policy allows it, beside one Remove and PSKs at most.

    Nothing may be by reference. That the Remove takes the joiner's own old leaf is checked with its client id.
    """
    if not policy.external_commits:
        raise Invalid("X1", "not allowed by policy")
    if not all(isinstance(proposal, ExternalInit | Remove | Psk) for proposal in proposals):
        raise Invalid("X1", "proposal type or reference")
    inits = [proposal for proposal in proposals if isinstance(proposal, ExternalInit)]
    if len(inits) != 1 or sum(isinstance(proposal, Remove) for proposal in proposals) > 1:
        raise Invalid("X1", "number of proposals")
    return inits[0]


def check_external_path(commit: Commit, signed: AuthenticatedContent, suite: Suite, group_context: bytes) -> UpdatePath:
    """X2: the path; raises Invalid unless it is present and its leaf signed the Commit."""
    if commit.path is None:
        raise Invalid("X2", "no path")
    key = commit.path.leaf_node.signature_key
    try:
        protect.check_signature(suite, signed, signature_key=key, group_context=group_context)
    except Invalid as error:
        raise Invalid("X2", "signature") from error
    return commit.path


def judge_external(env: Env, epoch: Epoch, signed: AuthenticatedContent, commit: Commit) -> Judged:
    """What an external Commit changes; raises Invalid X1, X2, and the rules its proposals, leaf and path break."""
    init = check_external_proposals(env.policy, commit.proposals)
    path = check_external_path(commit, signed, epoch.suite, epoch.context.encode())
    items = [Item(proposal, None) for proposal in commit.proposals if not isinstance(proposal, ProposalRef)]
    changes = apply_proposals(env, epoch, items, committer=None, use=Use.RECEIVE)
    try:
        init_secret = key_schedule.external_init_receiver(epoch.suite, epoch.secrets.external, init.kem_output)
    except CryptoError as error:
        raise Invalid("X1", "ExternalInit") from error
    widened, (leaf,) = changes.tree.add_all([path.leaf_node])
    client = _check_joiner(env, epoch, path.leaf_node, changes=changes, leaf=leaf)
    env.policy.check_leaves(epoch.suite, widened.occupied_leaves)
    # The leaf is blank until the path fills it, so that its own key does not count as one in use.
    tree = merge_path(widened.changed([(2 * leaf, None)]), leaf, path, added=frozenset())
    commits.check_tree_after_path(tree, (leaf,), changes.extensions)
    clients = with_leaf_client(changes.clients, leaf, client)
    return Judged(
        changes=changes,
        committer=leaf,
        path=path,
        tree=tree,
        clients=(*clients, *[None] * (tree.leaves - len(clients))),
        init_secret=init_secret,
        added=(leaf,),
        updated=(),
    )


def _check_joiner(env: Env, epoch: Epoch, node: LeafNode, *, changes: Changes, leaf: int) -> bytes:
    """The joiner's client id; raises Invalid unless its leaf is good and a leaf removed for it was its own."""
    commits.check_path_leaf(node, None)
    leaves.check_leaf_signature(node, epoch.suite, group_id=epoch.context.group_id, leaf=leaf)
    leaves.check_leaf_extensions(node)
    client = leaves.authenticate_leaf(env, node, Use.RECEIVE)
    if any(member.client != client for member in changes.removed) or client in changes.clients:
        raise Invalid("X1", "client of the joiner")
    return client
