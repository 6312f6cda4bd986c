"""Rules G1, G2 and W1 to W6: a GroupInfo or Welcome is taken only if everything in it fits (RFC 9420 12.4.3).

T1 to T5 stand in `tree.tree` and `tree.parent_hash`.
"""

from collections.abc import Collection, Mapping, Sequence

from zajil.mls.env import Env, Use
from zajil.mls.errors import CryptoError, DecodeError, Invalid
from zajil.mls.messages.extensions import (
    DEFAULT_EXTENSIONS,
    Extensions,
    external_pub,
)
from zajil.mls.messages.group_info import EncryptedGroupSecrets, GroupInfo, GroupSecrets, Welcome
from zajil.mls.messages.key_package import KeyPackage
from zajil.mls.primitives import crypto, hpke
from zajil.mls.primitives.suites import Suite
from zajil.mls.rules import leaves as leaf_rules
from zajil.mls.schedule.psk import ExternalPsk, PreSharedKeyId, ResumptionPsk, ResumptionUsage
from zajil.mls.tree import tree_math
from zajil.mls.tree.nodes import LeafNode, LeafSource
from zajil.mls.tree.tree import Tree
from zajil.mls.tree.treekem import PrivateKeys

GROUP_INFO_LABEL = b"GroupInfoTBS"


def check_signer(group_info: GroupInfo, tree: Tree) -> None:
    """G1: raises Invalid unless a member of the tree signed the GroupInfo."""
    leaf = tree.find_leaf(group_info.signer)
    if leaf is None:
        raise Invalid("G1", "signer is blank")
    try:
        crypto.verify_with_label(
            tree.suite,
            leaf.signature_key,
            label=GROUP_INFO_LABEL,
            content=group_info.tbs(),
            signature=group_info.signature,
        )
    except CryptoError as error:
        raise Invalid("G1", "signature") from error


def check_extensions(group_info: GroupInfo, own: LeafNode) -> None:
    """G2: raises Invalid unless we support the GroupContext's extensions, no type is doubled, external_pub imports."""
    for extensions in (group_info.context.extensions, group_info.extensions):
        types = [extension.type for extension in extensions]
        if len(set(types)) != len(types):
            raise Invalid("G2", "type twice")
    listed = set(own.capabilities.extensions) | DEFAULT_EXTENSIONS
    if not {extension.type for extension in group_info.context.extensions} <= listed:
        raise Invalid("G2", "not supported by us")
    try:
        public = external_pub(group_info.extensions)
        if public is not None:
            hpke.check_public_key(group_info.context.suite, public)
    except (DecodeError, CryptoError) as error:
        raise Invalid("G2", "external_pub") from error


def own_entry(welcome: Welcome, key_package: KeyPackage, suite: Suite) -> EncryptedGroupSecrets:
    """W1: the Welcome's entry for our KeyPackage; raises Invalid if there is none or the suites differ."""
    if welcome.suite != suite.id:
        raise Invalid("W1", "suite")
    reference = key_package.reference(suite)
    found = next((entry for entry in welcome.secrets if entry.new_member == reference), None)
    if found is None:
        raise Invalid("W1", "no entry for this KeyPackage")
    return found


def check_same_suite(group_info: GroupInfo, suite: Suite) -> None:
    """W1, second half: raises Invalid unless the GroupInfo is of the Welcome's suite."""
    if group_info.context.suite != suite:
        raise Invalid("W1", "suite of the GroupInfo")


def check_psks(
    psks: Sequence[PreSharedKeyId], suite: Suite, known: Mapping[bytes, bytes]
) -> tuple[tuple[PreSharedKeyId, bytes], ...]:
    """W2: each id of a Welcome with its secret; raises Invalid for one we do not hold, or of a wrong nonce length.

    A joiner holds no resumption secret of the group; those of ReInit and Branch: `check_successor`.
    """
    for psk in psks:
        if not isinstance(psk.psk, ExternalPsk) or psk.psk.psk_id not in known or len(psk.nonce) != suite.nh:
            raise Invalid("W2", "PSK")
    return tuple((psk, known[psk.psk.psk_id]) for psk in psks if isinstance(psk.psk, ExternalPsk))


def check_new_group(group_id: bytes, known_groups: Collection[bytes]) -> None:
    """W3: raises Invalid if we are in that group already: a replayed Welcome, or a look-alike."""
    if group_id in known_groups:
        raise Invalid("W3")


def check_successor(psks: Sequence[PreSharedKeyId], group_info: GroupInfo | None) -> None:
    """W2: raises Invalid unless a reinit or branch PSK stands alone, and leads to epoch 1.

    group_info: None before it is decrypted.
    """
    special = [
        psk for psk in psks if isinstance(psk.psk, ResumptionPsk) and psk.psk.usage is not ResumptionUsage.APPLICATION
    ]
    if len(special) > 1 or (group_info is not None and special and group_info.context.epoch != 1):
        raise Invalid("W2", "successor")


def check_leaves(env: Env, tree: Tree, group_id: bytes, extensions: Extensions) -> tuple[bytes, ...]:
    """W4: client ids of all members, in leaf order; raises Invalid W4 naming the first L rule a leaf breaks."""
    try:
        clients = tuple(_check_leaf(env, tree, leaf, group_id) for leaf, _ in tree.members())
        leaf_rules.check_capabilities(tree, [leaf for leaf, _ in tree.members()], extensions)
        leaf_rules.check_unique_leaf_keys(tree)
    except Invalid as error:
        raise Invalid("W4", error.rule) from error
    if len(set(clients)) != len(clients):
        raise Invalid("W4", "two leaves of one client")
    return clients


def _check_leaf(env: Env, tree: Tree, index: int, group_id: bytes) -> bytes:
    leaf = tree.find_leaf(index)
    if leaf is None:
        raise Invalid("W4", "blank leaf")
    leaf_rules.check_leaf_signature(leaf, tree.suite, group_id=group_id, leaf=index)
    leaf_rules.check_leaf_extensions(leaf)
    return leaf_rules.authenticate_leaf(env, leaf, Use.TREE)


def own_leaf_index(tree: Tree, key_package: KeyPackage) -> int:
    """W5: where our KeyPackage's leaf stands; raises Invalid unless exactly one leaf is identical to it."""
    places = [index for index, leaf in tree.members() if leaf == key_package.leaf_node]
    if len(places) != 1 or key_package.leaf_node.source is not LeafSource.KEY_PACKAGE:
        raise Invalid("W5", "own leaf")
    return places[0]


def check_path_secret_place(secrets: GroupSecrets, own_leaf: int, signer: int) -> None:
    """W5: raises Invalid if a path secret comes from ourselves."""
    if secrets.path_secret is not None and own_leaf == signer:
        raise Invalid("W5", "signer is our leaf")


def check_path_keys(tree: Tree, private: PrivateKeys) -> None:
    """W5: raises Invalid unless we hold the key of every node above us that does not list us as unmerged.

    An inviter that leaves the path secret out would let us in without the keys others encrypt our paths to.
    """
    for node in tree_math.direct_path(2 * private.leaf, tree.leaves):
        parent = tree.parent(node)
        if parent is not None and private.leaf not in parent.unmerged_leaves and node not in private.keys:
            raise Invalid("W5", "no path secret for a node above us")
