"""Rules P1 to P10: which proposals may stand in one Commit (RFC 9420 12.1 to 12.3)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zajil.mls.errors import Invalid
from zajil.mls.messages.extensions import Extensions
from zajil.mls.messages.proposals import (
    ExternalInit,
    Proposal,
    ProposalRef,
    Psk,
    Remove,
    SetExtensions,
    UnknownProposal,
    Update,
)
from zajil.mls.messages.reinit import ReInit
from zajil.mls.primitives.suites import Suite
from zajil.mls.rules.leaves import find_missing_capability, parsed_requirements, supports_extensions
from zajil.mls.schedule.psk import ExternalPsk, PreSharedKeyId, ResumptionPsk, ResumptionUsage
from zajil.mls.tree.tree import Tree


@dataclass(frozen=True)
class Item:
    """A proposal of a Commit. sender: leaf index of who proposed it, None for a joiner. by_reference: sent before."""

    proposal: Proposal
    sender: int | None
    by_reference: bool = False


def check_committer_stays(items: Sequence[Item], committer: int) -> None:
    """P1: raises Invalid on an Update by the committer or a Remove of it."""
    for item in items:
        if isinstance(item.proposal, Update) and item.by_reference and item.sender == committer:
            raise Invalid("P1", "Update by the committer")
        if isinstance(item.proposal, Remove) and item.proposal.leaf == committer:
            raise Invalid("P1", "Remove of the committer")


def check_one_change_per_leaf(items: Sequence[Item]) -> None:
    """P2: raises Invalid if a leaf is updated or removed more than once."""
    leaves = [
        item.proposal.leaf if isinstance(item.proposal, Remove) else item.sender
        for item in items
        if isinstance(item.proposal, Remove | Update)
    ]
    if len(set(leaves)) != len(leaves):
        raise Invalid("P2")


def check_added_clients(added: Sequence[bytes], present: Sequence[bytes | None]) -> None:
    """P3: raises Invalid if a client is added twice, or is still among those present once Removes are applied."""
    if len(set(added)) != len(added) or not set(added).isdisjoint(present):
        raise Invalid("P3")


def check_psks(
    psks: Sequence[PreSharedKeyId], suite: Suite, known: Mapping[ExternalPsk | ResumptionPsk, bytes]
) -> tuple[tuple[PreSharedKeyId, bytes], ...]:
    """P4: each id with its secret; raises Invalid for one unknown, named twice, of another usage or nonce length."""
    if len({psk.psk for psk in psks}) != len(psks):
        raise Invalid("P4", "named twice")
    for psk in psks:
        if len(psk.nonce) != suite.nh:
            raise Invalid("P4", "nonce length")
        if isinstance(psk.psk, ResumptionPsk) and psk.psk.usage is not ResumptionUsage.APPLICATION:
            raise Invalid("P4", "usage")
        if psk.psk not in known:
            raise Invalid("P4", "unknown")
    return tuple((psk, known[psk.psk]) for psk in psks)


def check_context_extensions(items: Sequence[Item], tree: Tree) -> None:
    """P5: raises Invalid on two GroupContextExtensions, a type twice, or one that a member does not support.

    tree: the members that stay.
    """
    lists = [item.proposal.extensions for item in items if isinstance(item.proposal, SetExtensions)]
    if len(lists) > 1:
        raise Invalid("P5", "more than one")
    for extensions in lists:
        if max(Counter(extension.type for extension in extensions).values(), default=0) > 1:
            raise Invalid("P5", "type twice")
        if not all(supports_extensions(leaf, extensions) for _, leaf in tree.members()):
            raise Invalid("P5", "not supported by a member")


def check_member_combination(items: Sequence[Item]) -> None:
    """P6: raises Invalid unless a ReInit stands alone and no ExternalInit is in a member's Commit."""
    if len(items) > 1 and any(isinstance(item.proposal, ReInit) for item in items):
        raise Invalid("P6", "ReInit with others")
    if any(isinstance(item.proposal, ExternalInit) for item in items):
        raise Invalid("P6", "ExternalInit by a member")


def check_targets(item: Item, tree: Tree) -> None:
    """P7: raises Invalid on a Remove of a blank leaf, and on an Update by value or by nobody in the tree."""
    proposal = item.proposal
    if isinstance(proposal, Remove) and tree.find_leaf(proposal.leaf) is None:
        raise Invalid("P7", "Remove of a blank leaf")
    if isinstance(proposal, Update) and not item.by_reference:
        raise Invalid("P7", "Update by value")
    if isinstance(proposal, Update) and (item.sender is None or tree.find_leaf(item.sender) is None):
        raise Invalid("P7", "Update of a blank leaf")


def check_known_type(item: Item) -> None:
    """P8: raises Invalid on a type we do not know, and hence do not list."""
    if isinstance(item.proposal, UnknownProposal):
        raise Invalid("P8")


def resolve_references(
    proposals: Sequence[Proposal | ProposalRef], stored: Mapping[bytes, Item], committer: int | None
) -> tuple[Item, ...]:
    """P9: every proposal with its sender, references looked up among this epoch's; raises Invalid if one is unknown."""
    items = []
    for proposal in proposals:
        if isinstance(proposal, ProposalRef):
            found = stored.get(proposal.value)
            if found is None:
                raise Invalid("P9")
            items.append(found)
        else:
            items.append(Item(proposal, committer))
    return tuple(items)


def check_requirements_met(tree: Tree, extensions: Extensions) -> None:
    """P10: raises Invalid if the new required_capabilities ask more than a member that stays is able to do."""
    required = parsed_requirements(extensions, "P10")
    for _, leaf in tree.members():
        if find_missing_capability(leaf, required) is not None:
            raise Invalid("P10", "required capabilities")


def psk_ids(items: Sequence[Item]) -> tuple[PreSharedKeyId, ...]:
    """The ids of all PreSharedKey proposals, in the order of the Commit."""
    return tuple(item.proposal.id for item in items if isinstance(item.proposal, Psk))
