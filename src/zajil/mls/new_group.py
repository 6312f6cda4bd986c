"""Where everything starts: KeyPackages, and the first epoch of a group (RFC 9420 10, 11)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from zajil.mls.env import DEFAULT_POLICY, Env, Use
from zajil.mls.epochs.epoch import Ratchets, Snapshot
from zajil.mls.epochs.next_epoch import first_state
from zajil.mls.errors import SuiteDowngrade
from zajil.mls.messages.credentials import MLS10, Capabilities, Credential, Lifetime
from zajil.mls.messages.extensions import LAST_RESORT, Extension, Extensions
from zajil.mls.messages.group_context import GroupContext
from zajil.mls.messages.key_package import KeyPackage, KeyPackageSecrets
from zajil.mls.primitives import crypto, hpke
from zajil.mls.primitives.suites import X25519_AES128, XWING, Suite
from zajil.mls.rules import leaves as rules
from zajil.mls.schedule.key_schedule import secrets_of_epoch
from zajil.mls.tree.nodes import LeafNode, LeafSource
from zajil.mls.tree.tree import Tree
from zajil.mls.tree.treekem import PrivateKeys

CREATOR_LIFETIME = Lifetime(0, (1 << 64) - 1)
"""A creator's first leaf has no use for a lifetime: nobody fetched it. Its first path replaces the leaf."""


def choose_suite(candidates: Mapping[bytes, Sequence[KeyPackage]], expected_leaves: int) -> Suite:
    """The suite of a new group for these clients: post-quantum where all of them are able and it is small enough.

    candidates: client id -> the packages the server handed out for it; each leaf's signed capabilities say what the
    client is able to use. expected_leaves: of the whole group, with ourselves. Raises SuiteDowngrade where all are able
    and a client's only package is of the weaker suite: a server must not choose by withholding.
    """
    if expected_leaves > DEFAULT_POLICY.pq_max_leaves:
        return X25519_AES128
    for packages in candidates.values():
        if not any(XWING.id in package.leaf_node.capabilities.cipher_suites for package in packages):
            return X25519_AES128
    for packages in candidates.values():
        if all(package.suite != XWING.id for package in packages):
            raise SuiteDowngrade("the server withholds packages")
    return XWING


def make_key_package(
    env: Env,
    suite: Suite,
    credential: Credential,
    signature_key: bytes,
    capabilities: Capabilities,
    lifetime: Lifetime,
    *,
    extensions: Sequence[Extension] = (),
    last_resort: bool = False,
) -> tuple[KeyPackage, KeyPackageSecrets]:
    """A KeyPackage to publish and its secrets to keep sealed. signature_key: public half of `env.signer`.

    extensions: of the leaf. last_resort: may serve more than one Welcome. Raises Invalid K or L rules.
    """
    init_private, init_public = hpke.generate_key_pair(suite, env.rng)
    leaf_private, leaf_public = hpke.generate_key_pair(suite, env.rng)
    leaf = LeafNode(
        leaf_public,
        signature_key,
        credential,
        capabilities,
        LeafSource.KEY_PACKAGE,
        tuple(extensions),
        lifetime=lifetime,
    ).signed(env.signer)
    bare = KeyPackage(MLS10, suite.id, init_public, leaf, (LAST_RESORT,) if last_resort else (), b"")
    signature = crypto.sign_with_label(env.signer, rules.KEY_PACKAGE_LABEL, bare.tbs())
    key_package = replace(bare, signature=signature)
    rules.check_key_package(env, key_package, suite, use=Use.SEND)
    return key_package, KeyPackageSecrets(init_private, leaf_private)


def create_group(
    env: Env,
    group_id: bytes,
    *,
    suite: Suite,
    credential: Credential,
    signature_key: bytes,
    capabilities: Capabilities,
    extensions: Extensions,
) -> Snapshot:
    """A group of one at epoch 0, its first epoch secret drawn at random (RFC 9420 11)."""
    private, public = hpke.generate_key_pair(suite, env.rng)
    leaf = LeafNode(
        public, signature_key, credential, capabilities, LeafSource.KEY_PACKAGE, lifetime=CREATOR_LIFETIME
    ).signed(env.signer)
    tree = Tree.new(suite, leaf)
    rules.check_leaf_signature(leaf, suite, group_id=group_id, leaf=0)
    rules.check_capabilities(tree, (0,), extensions)
    client = rules.authenticate_leaf(env, leaf, Use.SEND)
    context = GroupContext(suite, group_id, 0, tree.tree_hash(), b"", extensions)
    reached = first_state(
        context,
        secrets_of_epoch(suite, env.rng(suite.nh)),
        tree=tree,
        clients=(client,),
        private=PrivateKeys(0, {0: private}),
        policy=env.policy,
    )
    return Snapshot(reached.epoch, Ratchets(reached.secret_tree))
