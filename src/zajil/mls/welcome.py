"""Inviting by Welcome and joining through one (RFC 9420 12.4.3, 12.4.3.1)."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from zajil.mls.env import Env
from zajil.mls.epochs.changes import Changes
from zajil.mls.epochs.epoch import Epoch, Ratchets, Snapshot
from zajil.mls.epochs.next_epoch import Inputs, NextEpoch, check_confirmation, first_state
from zajil.mls.errors import CryptoError, DecodeError, Invalid
from zajil.mls.messages.extensions import Extension, Extensions, ExtensionType, external_pub_extension, find_extension
from zajil.mls.messages.group_info import (
    EncryptedGroupSecrets,
    GroupInfo,
    GroupSecrets,
    Welcome,
    encode_welcome,
    parse_group_secrets,
    parse_welcome,
)
from zajil.mls.messages.key_package import KeyPackage, KeyPackageSecrets
from zajil.mls.primitives import crypto, hpke
from zajil.mls.primitives.codec import parse_all
from zajil.mls.primitives.suites import Suite, suite_of
from zajil.mls.rules import joins as rules
from zajil.mls.schedule import key_schedule
from zajil.mls.schedule.psk import psk_secret
from zajil.mls.tree.parent_hash import check_tree
from zajil.mls.tree.tree import Tree
from zajil.mls.tree.treekem import DrawnPath, PrivateKeys, join_path

WELCOME_LABEL = b"Welcome"


@dataclass(frozen=True)
class JoinInfo:
    """What came with a Welcome. extensions: of the GroupInfo, ratchet_tree left out. signer: leaf index of the inviter.

    last_resort: the KeyPackage may be kept; otherwise its secrets are to be deleted now (RFC 9420 16.8).
    """

    extensions: Extensions
    signer: int
    last_resort: bool


def signed_group_info(
    env: Env, epoch: Epoch, *, extensions: Extensions, with_tree: bool, signer_leaf: int
) -> GroupInfo:
    """A GroupInfo of an epoch of ours, with the tree and external_pub the caller and the policy want in it."""
    added: list[Extension] = []
    if with_tree:
        added.append(Extension(ExtensionType.RATCHET_TREE, epoch.tree.encode()))
    if env.policy.external_commits:
        _, public = key_schedule.external_key_pair(epoch.suite, epoch.secrets.external)
        added.append(external_pub_extension(public))
    info = GroupInfo(epoch.context, (*added, *extensions), epoch.confirmation_tag, signer_leaf)
    return replace(info, signature=crypto.sign_with_label(env.signer, rules.GROUP_INFO_LABEL, info.tbs()))


def make_welcome(
    env: Env,
    following: NextEpoch,
    changes: Changes,
    drawn: DrawnPath | None,
    *,
    inputs: Inputs,
    extensions: Extensions,
    with_tree: bool,
) -> bytes:
    """The MLSMessage that lets every client of `changes.key_packages` into the next epoch."""
    epoch, suite = following.epoch, following.epoch.suite
    info = signed_group_info(env, epoch, extensions=extensions, with_tree=with_tree, signer_leaf=epoch.private.leaf)
    secret = key_schedule.welcome_secret(suite, following.joiner_secret, inputs.psk_secret)
    key = key_schedule.welcome_key(suite, secret)
    encrypted_info = crypto.aead_seal(suite, key.key, nonce=key.nonce, aad=b"", plaintext=info.encode())
    entries = []
    for leaf, key_package in zip(changes.added, changes.key_packages, strict=True):
        secrets = GroupSecrets(
            following.joiner_secret,
            None if drawn is None else drawn.secret_for(leaf),
            tuple(psk for psk, _ in changes.psks),
        )
        sealed = crypto.encrypt_with_label(
            suite,
            key_package.init_key,
            label=WELCOME_LABEL,
            context=encrypted_info,
            plaintext=secrets.encode(),
            rng=env.rng,
        )
        entries.append(EncryptedGroupSecrets(key_package.reference(suite), sealed))
    return encode_welcome(Welcome(suite.id, tuple(entries), encrypted_info))


def _open_secrets(welcome: Welcome, entry: EncryptedGroupSecrets, suite: Suite, *, init_key: bytes) -> GroupSecrets:
    """W2: the group secrets meant for us."""
    try:
        plain = crypto.decrypt_with_label(
            suite, init_key, label=WELCOME_LABEL, context=welcome.encrypted_group_info, sealed=entry.sealed
        )
        return parse_group_secrets(plain)
    except (CryptoError, DecodeError) as error:
        raise Invalid("W2", "group secrets") from error


def _open_group_info(welcome: Welcome, suite: Suite, *, joiner: bytes, psk: bytes) -> GroupInfo:
    """W2: the GroupInfo under the welcome secret."""
    key = key_schedule.welcome_key(suite, key_schedule.welcome_secret(suite, joiner, psk))
    try:
        plain = crypto.aead_open(suite, key.key, nonce=key.nonce, aad=b"", ciphertext=welcome.encrypted_group_info)
    except CryptoError as error:
        raise Invalid("W2", "GroupInfo") from error
    return parse_all(plain, GroupInfo.parse)


def group_tree(info: GroupInfo, tree: bytes | None) -> Tree:
    """The tree of a GroupInfo, from its extension or as it came apart; raises Invalid T1 to T5, DecodeError."""
    suite = info.context.suite
    data = find_extension(info.extensions, ExtensionType.RATCHET_TREE) if tree is None else tree
    if data is None:
        raise Invalid("T2", "no ratchet tree")
    parsed = parse_all(data, lambda reader: Tree.parse(suite, reader))
    check_tree(parsed, info.context.tree_hash)
    return parsed


def verified_tree(env: Env, info: GroupInfo, tree: bytes | None) -> tuple[Tree, tuple[bytes | None, ...]]:
    """The tree of a GroupInfo and its clients by leaf, every T and L rule and the signature checked.

    Raises TooManyLeaves too: a group larger than the policy allows is not joined.
    """
    parsed = group_tree(info, tree)
    rules.check_signer(info, parsed)
    env.policy.check_leaves(parsed.suite, parsed.occupied_leaves)
    members = rules.check_leaves(env, parsed, info.context.group_id, info.context.extensions)
    by_leaf = dict(zip((leaf for leaf, _ in parsed.members()), members, strict=True))
    return parsed, tuple(by_leaf.get(leaf) for leaf in range(parsed.leaves))


def join(
    env: Env,
    welcome_message: bytes,
    key_package: KeyPackage,
    secrets: KeyPackageSecrets,
    *,
    tree: bytes | None,
    known_groups: Collection[bytes],
) -> tuple[Snapshot, JoinInfo]:
    """The group a Welcome invites us into; raises Invalid W, G, T, L rules, DecodeError, Unsupported."""
    welcome, suite = parse_welcome(welcome_message), suite_of(key_package.suite)
    entry = rules.own_entry(welcome, key_package, suite)
    group_secrets = _open_secrets(welcome, entry, suite, init_key=secrets.init_key)
    rules.check_successor(group_secrets.psks, None)
    psk = psk_secret(suite, rules.check_psks(group_secrets.psks, suite, env.psks))
    info = _open_group_info(welcome, suite, joiner=group_secrets.joiner_secret, psk=psk)
    rules.check_same_suite(info, suite)
    rules.check_new_group(info.context.group_id, known_groups)
    rules.check_successor(group_secrets.psks, info)
    rules.check_extensions(info, key_package.leaf_node)
    parsed, clients = verified_tree(env, info, tree)
    own_leaf = rules.own_leaf_index(parsed, key_package)
    rules.check_path_secret_place(group_secrets, own_leaf, info.signer)
    private = PrivateKeys(own_leaf, {2 * own_leaf: secrets.encryption_key})
    if hpke.public_key_of(suite, secrets.encryption_key) != key_package.leaf_node.encryption_key:
        raise Invalid("W5", "private key of the leaf")
    if group_secrets.path_secret is not None:
        private = join_path(parsed, private, sender=info.signer, path_secret=group_secrets.path_secret)
    rules.check_path_keys(parsed, private)
    epoch_secrets = key_schedule.epoch_secrets(
        suite, group_secrets.joiner_secret, psk_secret=psk, group_context=info.context.encode()
    )
    reached = first_state(info.context, epoch_secrets, tree=parsed, clients=clients, private=private, policy=env.policy)
    check_confirmation(reached, info.confirmation_tag, rule="W6")
    extensions = tuple(extension for extension in info.extensions if extension.type != ExtensionType.RATCHET_TREE)
    snapshot = Snapshot(reached.epoch, Ratchets(reached.secret_tree))
    return snapshot, JoinInfo(extensions, info.signer, key_package.last_resort)
