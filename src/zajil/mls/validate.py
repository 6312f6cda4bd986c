"""Every validation rule by its id, in the words of mls.md 6; `Invalid` carries the id of the rule that was broken.

Creation and reception run the same functions. D1 raises DecodeError; F1 also PastEpoch and FutureEpoch; P10 also
TooManyLeaves; C8 is the state a removed member ends in. Rules of the tree are checked where the tree is.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from zajil.mls import external
from zajil.mls.epochs import next_epoch
from zajil.mls.messages import protect
from zajil.mls.primitives import codec
from zajil.mls.rules import commits, framing, joins, leaves, proposals
from zajil.mls.tree import parent_hash, tree, treekem

Rule = Callable[..., object]

RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "D1": codec.parse_all,
        "F1": framing.check_group,
        "F2": framing.check_wire_format,
        "F3": framing.check_sender_type,
        "F4": framing.check_sender_leaf,
        "F5": protect.check_signature,
        "F6": protect.open_public,
        "F7": protect.check_padding,
        "F8": protect.check_confirmation_tag_place,
        "K1": leaves.check_key_package_fits,
        "K2": leaves.check_key_package_signature,
        "K3": leaves.check_key_package_keys,
        "K4": leaves.check_lifetime,
        "L1": leaves.authenticate_leaf,
        "L2": leaves.check_leaf_signature,
        "L3": leaves.check_capabilities,
        "L4": leaves.check_leaf_extensions,
        "L5": leaves.check_source,
        "L6": leaves.check_unique_leaf_keys,
        "L7": leaves.check_same_client,
        "P1": proposals.check_committer_stays,
        "P2": proposals.check_one_change_per_leaf,
        "P3": proposals.check_added_clients,
        "P4": proposals.check_psks,
        "P5": proposals.check_context_extensions,
        "P6": proposals.check_member_combination,
        "P7": proposals.check_targets,
        "P8": proposals.check_known_type,
        "P9": proposals.resolve_references,
        "P10": proposals.check_requirements_met,
        "C1": commits.check_path_present,
        "C2": commits.check_path_leaf,
        "C3": treekem.check_new_keys,
        "C4": treekem.check_path_shape,
        "C5": treekem.open_path,
        "C6": treekem.check_leaf_parent_hash,
        "C7": next_epoch.check_confirmation,
        "C8": commits.check_removed,
        "T1": tree.check_shape,
        "T2": parent_hash.check_tree_hash,
        "T3": parent_hash.check_parent_hashes,
        "T4": parent_hash.check_unmerged_leaves,
        "T5": parent_hash.check_unique_keys,
        "G1": joins.check_signer,
        "G2": joins.check_extensions,
        "W1": joins.own_entry,
        "W2": joins.check_psks,
        "W3": joins.check_new_group,
        "W4": joins.check_leaves,
        "W5": joins.own_leaf_index,
        "W6": next_epoch.check_confirmation,
        "X1": external.check_external_proposals,
        "X2": external.check_external_path,
    }
)
"""Rule id -> the function that raises it. A rule with two halves names the one that is about it alone."""
