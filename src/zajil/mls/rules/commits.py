"""Rules C1 to C8: the path of a Commit and where it leads (RFC 9420 12.4, 12.4.2).

C3, C4, C5 and C6 stand in `tree.treekem`, C7 in `next_epoch`; C8 is the state a removed member ends in.
"""

from collections.abc import Sequence

from zajil.mls.epochs.epoch import Epoch, State
from zajil.mls.errors import Invalid
from zajil.mls.messages.extensions import Extensions
from zajil.mls.messages.proposals import Commit, ExternalInit, Remove, SetExtensions, Update
from zajil.mls.rules.leaves import check_capabilities, check_source, check_unique_leaf_keys
from zajil.mls.rules.proposals import Item
from zajil.mls.tree.nodes import LeafNode, LeafSource
from zajil.mls.tree.tree import Tree


def requires_path(items: Sequence[Item]) -> bool:
    """Whether a list of proposals needs a path: it is empty, takes something away, or changes the context.

    Stricter than RFC 9420 12.4.2 for GroupContextExtensions, as 12.4 asks.
    """
    return not items or any(isinstance(item.proposal, Update | Remove | ExternalInit | SetExtensions) for item in items)


def check_path_present(commit: Commit, items: Sequence[Item]) -> None:
    """C1: raises Invalid if a path is required and absent. A Remove without one would leave the removed reading."""
    if commit.path is None and requires_path(items):
        raise Invalid("C1")


def check_path_leaf(leaf: LeafNode, replaced: LeafNode | None) -> None:
    """C2: raises Invalid unless the path's leaf is made for a Commit and brings a new key (L5)."""
    check_source(leaf, LeafSource.COMMIT, replaced=replaced, rule="C2")


def check_tree_after_path(tree: Tree, leaves: Sequence[int], extensions: Extensions) -> None:
    """C2, second half: L3 for those leaves and L6, in the tree the path is merged into; raises Invalid."""
    check_capabilities(tree, leaves, extensions)
    check_unique_leaf_keys(tree)


def check_removed(epoch: Epoch) -> None:
    """C8: raises Invalid unless an epoch we were removed in is without secrets and in state removed."""
    held = (epoch.secrets.init, epoch.secrets.exporter, epoch.secrets.authenticator, *epoch.private.keys.values())
    if epoch.state is not State.REMOVED or any(held) or epoch.past:
        raise Invalid("C8")
