"""Rules K1 to K4 and L1 to L7: KeyPackages, and leaves wherever they come in (RFC 9420 7.3, 10.1, 5.3.1)."""

from collections.abc import Iterable

from zajil.mls.env import Env, Use
from zajil.mls.errors import CryptoError, DecodeError, Invalid, Rejected
from zajil.mls.messages.credentials import MLS10
from zajil.mls.messages.extensions import (
    DEFAULT_EXTENSIONS,
    DEFAULT_PROPOSALS,
    Extensions,
    RequiredCapabilities,
    required_capabilities,
)
from zajil.mls.messages.key_package import KeyPackage
from zajil.mls.primitives import crypto, hpke
from zajil.mls.primitives.suites import Suite
from zajil.mls.tree.nodes import LeafNode, LeafSource
from zajil.mls.tree.tree import Tree

KEY_PACKAGE_LABEL = b"KeyPackageTBS"


def check_key_package_fits(key_package: KeyPackage, suite: Suite) -> None:
    """K1: raises Invalid unless version and suite match and the leaf is made for a KeyPackage."""
    if key_package.version != MLS10 or key_package.suite != suite.id:
        raise Invalid("K1", "version or suite")
    if key_package.leaf_node.source is not LeafSource.KEY_PACKAGE:
        raise Invalid("K1", "leaf source")


def check_key_package_signature(key_package: KeyPackage, suite: Suite) -> None:
    """K2: raises Invalid unless the leaf's key signed the package."""
    try:
        crypto.verify_with_label(
            suite,
            key_package.leaf_node.signature_key,
            label=KEY_PACKAGE_LABEL,
            content=key_package.tbs(),
            signature=key_package.signature,
        )
    except CryptoError as error:
        raise Invalid("K2") from error


def check_key_package_keys(key_package: KeyPackage, suite: Suite) -> None:
    """K3: raises Invalid unless init key and leaf key differ and both import."""
    if key_package.init_key == key_package.leaf_node.encryption_key:
        raise Invalid("K3", "keys are equal")
    try:
        hpke.check_public_key(suite, key_package.init_key)
        hpke.check_public_key(suite, key_package.leaf_node.encryption_key)
    except CryptoError as error:
        raise Invalid("K3", "key does not import") from error


def check_lifetime(key_package: KeyPackage, *, now: int, max_lifetime: int) -> None:
    """K4, for packages we use ourselves: raises Invalid unless now is inside a lifetime of at most max_lifetime."""
    lifetime = key_package.leaf_node.lifetime
    if lifetime is None or not lifetime.not_before <= now <= lifetime.not_after:
        raise Invalid("K4", "not in its lifetime")
    if lifetime.not_after - lifetime.not_before > max_lifetime:
        raise Invalid("K4", "lifetime too long")


def authenticate_leaf(env: Env, leaf: LeafNode, use: Use) -> bytes:
    """L1: the client id behind a leaf; raises Invalid if the Authentication Service refuses it."""
    try:
        return env.authenticate(leaf.credential, leaf.signature_key, use)
    except Rejected as error:
        raise Invalid("L1") from error


def check_leaf_signature(leaf_node: LeafNode, suite: Suite, *, group_id: bytes, leaf: int) -> None:
    """L2: raises Invalid unless the leaf signed itself, for that place unless it comes from a KeyPackage."""
    leaf_node.verify(suite, group_id=group_id, leaf=leaf)


def find_missing_capability(leaf: LeafNode, required: RequiredCapabilities) -> str | None:
    """The kind of required capability a leaf lacks, or None."""
    has = leaf.capabilities
    if not set(required.extensions) - DEFAULT_EXTENSIONS <= set(has.extensions):
        return "extension"
    if not set(required.proposals) - DEFAULT_PROPOSALS <= set(has.proposals):
        return "proposal"
    return None if set(required.credentials) <= set(has.credentials) else "credential"


def supports_extensions(leaf: LeafNode, extensions: Extensions) -> bool:
    """Whether a leaf lists every type of an extension list."""
    return {extension.type for extension in extensions} - DEFAULT_EXTENSIONS <= set(leaf.capabilities.extensions)


def check_capabilities(tree: Tree, leaves: Iterable[int], extensions: Extensions) -> None:
    """L3: raises Invalid unless those leaves support what the group requires, and all members each other's credentials.

    tree: with the leaves in it. extensions: of the GroupContext that holds once they are.
    """
    required = parsed_requirements(extensions, "L3")
    for leaf in leaves:
        leaf_node = tree.find_leaf(leaf)
        if leaf_node is None:
            continue
        missing = find_missing_capability(leaf_node, required)
        if missing is not None or not supports_extensions(leaf_node, extensions):
            raise Invalid("L3", f"required {missing or 'extension of the group'}")
    members = [leaf_node for _, leaf_node in tree.members()]
    used = {leaf_node.credential.type for leaf_node in members}
    # Nearly all members list the same ones: looked at once each, since every Commit comes by here.
    if not all(used <= set(listed) for listed in {leaf_node.capabilities.credentials for leaf_node in members}):
        raise Invalid("L3", "credential type of a member")


def parsed_requirements(extensions: Extensions, rule: str) -> RequiredCapabilities:
    """The group's required capabilities; raises Invalid with that rule where they do not parse."""
    try:
        return required_capabilities(extensions)
    except DecodeError as error:
        raise Invalid(rule, "required_capabilities") from error


def check_leaf_extensions(leaf: LeafNode) -> None:
    """L4: raises Invalid unless the leaf lists each of its own extensions, and has none twice."""
    types = [extension.type for extension in leaf.extensions]
    if len(set(types)) != len(types) or not supports_extensions(leaf, leaf.extensions):
        raise Invalid("L4")


def check_source(leaf: LeafNode, source: LeafSource, *, replaced: LeafNode | None, rule: str = "L5") -> None:
    """L5: raises Invalid unless a leaf is made for this place and brings a new encryption key.

    rule: C2 where the leaf is that of a path.
    """
    if leaf.source is not source:
        raise Invalid(rule, "leaf source")
    if replaced is not None and replaced.encryption_key == leaf.encryption_key:
        raise Invalid("L5", "encryption key not new")


def check_key_imports(leaf: LeafNode, suite: Suite) -> None:
    """L5: raises Invalid if nobody could encrypt to the leaf of an Update, which would stop every later Commit."""
    try:
        hpke.check_public_key(suite, leaf.encryption_key)
    except CryptoError as error:
        raise Invalid("L5", "encryption key does not import") from error


def check_unique_leaf_keys(tree: Tree) -> None:
    """L6: raises Invalid if two members share a signature key or an encryption key."""
    members = [leaf for _, leaf in tree.members()]
    if len({leaf.signature_key for leaf in members}) != len(members):
        raise Invalid("L6", "signature key")
    if len({leaf.encryption_key for leaf in members}) != len(members):
        raise Invalid("L6", "encryption key")


def check_same_client(before: bytes | None, after: bytes) -> None:
    """L7: raises Invalid unless a replaced leaf keeps its client."""
    if before != after:
        raise Invalid("L7")


def check_key_package(env: Env, key_package: KeyPackage, suite: Suite, *, use: Use = Use.SEND) -> bytes:
    """The client id behind a KeyPackage that passes K1 to K4, L1, L2 and L4; raises Invalid.

    K4 binds only where we add the client ourselves (use SEND): to others an old package is a warning (7.3).
    """
    leaf = key_package.leaf_node
    check_key_package_fits(key_package, suite)
    check_key_package_keys(key_package, suite)
    if use is Use.SEND:
        check_lifetime(key_package, now=env.now, max_lifetime=env.policy.max_lifetime)
    check_key_package_signature(key_package, suite)
    check_leaf_signature(leaf, suite, group_id=b"", leaf=0)
    check_leaf_extensions(leaf)
    return authenticate_leaf(env, leaf, use)
