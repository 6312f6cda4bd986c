"""Applying a list of proposals: from an epoch to the provisional tree of the next one (RFC 9420 12.3).

Order: GroupContextExtensions, Update, Remove, Add; PSKs, ExternalInit and ReInit are for the key schedule.
Creation and reception of a Commit both come through `apply_proposals`, so both meet the same rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zajil.mls.env import Env, Use
from zajil.mls.epochs.epoch import Epoch, Member
from zajil.mls.errors import Invalid
from zajil.mls.messages.extensions import Extensions
from zajil.mls.messages.key_package import KeyPackage
from zajil.mls.messages.proposals import Add, ExternalInit, Remove, SetExtensions, Update
from zajil.mls.messages.reinit import ReInit
from zajil.mls.rules import leaves as leaf_rules
from zajil.mls.rules import proposals as rules
from zajil.mls.rules.proposals import Item
from zajil.mls.schedule.psk import ExternalPsk, PreSharedKeyId, ResumptionPsk, ResumptionUsage
from zajil.mls.tree.nodes import LeafNode, LeafSource
from zajil.mls.tree.tree import Tree
from zajil.mls.tree.treekem import UpdatePath


@dataclass(frozen=True)
class Changes:
    """What a Commit's proposals do, before its path. tree: provisional. clients: by leaf index of that tree.

    added, key_packages: in the order of the Adds. removed: members as they were. updated: as they are now.
    """

    tree: Tree
    extensions: Extensions
    clients: tuple[bytes | None, ...]
    added: tuple[int, ...]
    key_packages: tuple[KeyPackage, ...]
    removed: tuple[Member, ...]
    updated: tuple[int, ...]
    psks: tuple[tuple[PreSharedKeyId, bytes], ...]
    external_init: ExternalInit | None
    reinit: ReInit | None

    @property
    def added_leaves(self) -> frozenset[int]:
        """Leaf indices the path leaves out."""
        return frozenset(self.added)


@dataclass(frozen=True, repr=False)
class Judged:
    """A Commit up to its path, every rule about it checked: what is left is the key schedule.

    path: None where there is none. tree, clients: with the path in them. init_secret: of the ended epoch, or that of
    an external Commit. added, updated: leaf indices, a joiner and a committer with a path included.
    """

    changes: Changes
    committer: int
    path: UpdatePath | None
    tree: Tree
    clients: tuple[bytes | None, ...]
    init_secret: bytes
    added: tuple[int, ...]
    updated: tuple[int, ...]


def check_proposal(env: Env, epoch: Epoch, item: Item, *, use: Use) -> bytes | None:
    """The client a proposal brings in or updates, else None; raises Invalid if it is wrong by itself."""
    rules.check_known_type(item)
    rules.check_targets(item, epoch.tree)
    proposal = item.proposal
    if isinstance(proposal, Add):
        return leaf_rules.check_key_package(env, proposal.key_package, epoch.suite, use=use)
    if isinstance(proposal, Update) and item.sender is not None:
        leaf = proposal.leaf_node
        leaf_rules.check_source(leaf, LeafSource.UPDATE, replaced=epoch.tree.find_leaf(item.sender))
        leaf_rules.check_key_imports(leaf, epoch.suite)
        return check_replacing_leaf(env, epoch, leaf, leaf_index=item.sender)
    return None


def check_replacing_leaf(env: Env, epoch: Epoch, leaf: LeafNode, *, leaf_index: int) -> bytes:
    """The client of a leaf that replaces one in place; raises Invalid L1, L2, L4 or L7."""
    leaf_rules.check_leaf_signature(leaf, epoch.suite, group_id=epoch.context.group_id, leaf=leaf_index)
    leaf_rules.check_leaf_extensions(leaf)
    client = leaf_rules.authenticate_leaf(env, leaf, Use.RECEIVE)
    leaf_rules.check_same_client(epoch.clients[leaf_index], client)
    return client


def known_psks(env: Env, epoch: Epoch) -> Mapping[ExternalPsk | ResumptionPsk, bytes]:
    """Every pre-shared key this client could use in the group: its external ones, and those of kept epochs."""
    known: dict[ExternalPsk | ResumptionPsk, bytes] = {ExternalPsk(name): psk for name, psk in env.psks.items()}
    if not env.policy.resumption_psks:
        return known
    held = [(epoch.context, epoch.secrets.resumption), *((past.context, past.resumption) for past in epoch.past)]
    for context, secret in held:
        known[ResumptionPsk(ResumptionUsage.APPLICATION, context.group_id, context.epoch)] = secret
    return known


def _check_list(env: Env, epoch: Epoch, items: Sequence[Item], *, committer: int | None, use: Use) -> list[bytes]:
    """The clients of the Adds, in order, once every proposal has been judged alone and beside the others."""
    if committer is not None:
        rules.check_member_combination(items)
        rules.check_committer_stays(items, committer)
    rules.check_one_change_per_leaf(items)
    judged = [(item, check_proposal(env, epoch, item, use=use)) for item in items]
    return [client or b"" for item, client in judged if isinstance(item.proposal, Add)]


def _without_changed(epoch: Epoch, items: Sequence[Item], removed: Sequence[int]) -> Tree:
    """The tree with Updates, then Removes applied."""
    tree = epoch.tree
    for item in items:
        if isinstance(item.proposal, Update) and item.sender is not None:
            tree = tree.update(item.sender, item.proposal.leaf_node)
    for leaf in removed:
        tree = tree.remove(leaf)
    return tree


def apply_proposals(env: Env, epoch: Epoch, items: Sequence[Item], *, committer: int | None, use: Use) -> Changes:
    """What the proposals of one Commit change; raises TooManyLeaves, or Invalid for the first broken rule of K, L, P.

    committer: leaf index, None for an external Commit, whose combination rule X1 the caller has checked.
    """
    add_clients = _check_list(env, epoch, items, committer=committer, use=use)
    proposals = [item.proposal for item in items]
    extensions = next((p.extensions for p in proposals if isinstance(p, SetExtensions)), epoch.context.extensions)
    removed = sorted(p.leaf for p in proposals if isinstance(p, Remove))
    updated = sorted(item.sender or 0 for item in items if isinstance(item.proposal, Update))
    packages = tuple(p.key_package for p in proposals if isinstance(p, Add))
    staying = _without_changed(epoch, items, removed)
    rules.check_context_extensions(items, staying)
    if extensions != epoch.context.extensions:
        # Where they stay as they are all members meet them: L3 asked it of every leaf that came in.
        rules.check_requirements_met(staying, extensions)
    present = [None if leaf in removed else client for leaf, client in enumerate(epoch.clients)]
    rules.check_added_clients(add_clients, present)
    env.policy.check_leaves(epoch.suite, staying.occupied_leaves + len(packages))
    tree, added = staying.add_all([package.leaf_node for package in packages])
    if tree is not epoch.tree:
        # The tree of an epoch has passed both when it came about.
        leaf_rules.check_capabilities(tree, (*added, *updated), extensions)
        leaf_rules.check_unique_leaf_keys(tree)
    return Changes(
        tree=tree,
        extensions=extensions,
        clients=_clients_after(tree, present, dict(zip(added, add_clients, strict=True))),
        added=added,
        key_packages=packages,
        removed=tuple(member_at(epoch, leaf) for leaf in removed),
        updated=tuple(updated),
        psks=rules.check_psks(rules.psk_ids(items), epoch.suite, known_psks(env, epoch)),
        external_init=next((p for p in proposals if isinstance(p, ExternalInit)), None),
        reinit=next((p for p in proposals if isinstance(p, ReInit)), None),
    )


def member_at(epoch: Epoch, leaf: int) -> Member:
    """The member at a leaf that is not blank."""
    found = epoch.tree.find_leaf(leaf)
    if found is None:
        raise Invalid("P7", "blank leaf")
    return Member(leaf, epoch.clients[leaf] or b"", found)


def _clients_after(tree: Tree, staying: Sequence[bytes | None], added: Mapping[int, bytes]) -> tuple[bytes | None, ...]:
    present = dict(enumerate(staying)) | dict(added)
    leaves = tree.leaf_nodes()
    return tuple([None if found is None else present.get(leaf) for leaf, found in enumerate(leaves)])


def with_leaf_client(clients: tuple[bytes | None, ...], leaf: int, client: bytes) -> tuple[bytes | None, ...]:
    """The client list with one leaf set; longer if the leaf is new."""
    longer = [*clients, *[None] * (leaf + 1 - len(clients))]
    longer[leaf] = client
    return tuple(longer)


def plan_leaves(epoch: Epoch, adds: int, removed: Sequence[int]) -> tuple[int, ...]:
    """The leaf indices that many Adds take once those leaves are removed; raises Invalid P7."""
    tree = epoch.tree
    for leaf in removed:
        member_at(epoch, leaf)
        tree = tree.remove(leaf)
    free = tree.free_leaves()
    return tuple(next(free) for _ in range(adds))
