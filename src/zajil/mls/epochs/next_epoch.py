"""The step both ends of a Commit take together: transcript, key schedule, confirmation tag, secret tree.

Source: RFC 9420 8, 8.1, 8.2, 12.4.2.
"""

import hmac
from dataclasses import dataclass, replace

from zajil.mls.env import Policy
from zajil.mls.epochs.epoch import Epoch, State, window_of
from zajil.mls.errors import Invalid
from zajil.mls.messages.extensions import Extensions
from zajil.mls.messages.framing import AuthenticatedContent
from zajil.mls.messages.group_context import MAX_EPOCH, GroupContext
from zajil.mls.primitives.codec import encode_opaque, encode_u16
from zajil.mls.schedule import key_schedule
from zajil.mls.schedule.key_schedule import EpochSecrets
from zajil.mls.schedule.secret_tree import SecretTree
from zajil.mls.schedule.transcript import confirmed_transcript_hash, interim_transcript_hash
from zajil.mls.tree.tree import Tree
from zajil.mls.tree.treekem import PrivateKeys


@dataclass(frozen=True, repr=False)
class Inputs:
    """What a Commit brings to the key schedule. Each secret suite.nh bytes, zeros where there is none."""

    init_secret: bytes
    commit_secret: bytes
    psk_secret: bytes


@dataclass(frozen=True, repr=False)
class NextEpoch:
    """The epoch a Commit leads to, and what only its committer still needs."""

    epoch: Epoch
    secret_tree: SecretTree
    joiner_secret: bytes


def provisional_context(epoch: Epoch, tree: Tree, extensions: Extensions) -> GroupContext:
    """The GroupContext path secrets are encrypted under: next epoch and tree, old transcript.

    Raises Invalid C7 at the last epoch number.
    """
    context = epoch.context
    if context.epoch >= MAX_EPOCH:
        raise Invalid("C7", "epoch number at its end")
    return replace(context, epoch=context.epoch + 1, tree_hash=tree.tree_hash(), extensions=extensions)


def commit_input(signed: AuthenticatedContent) -> bytes:
    """ConfirmedTranscriptHashInput (RFC 9420 8.2)."""
    return encode_u16(signed.wire_format) + signed.content.encode() + encode_opaque(signed.auth.signature)


def next_epoch(
    epoch: Epoch,
    signed: AuthenticatedContent,
    *,
    provisional: GroupContext,
    tree: Tree,
    clients: tuple[bytes | None, ...],
    private: PrivateKeys,
    inputs: Inputs,
    policy: Policy,
) -> NextEpoch:
    """The epoch after a Commit. provisional: GroupContext with the new tree hash and extensions.

    The confirmation tag is computed, not compared: a receiver calls `check_confirmation` with the one it got.
    """
    suite = epoch.suite
    confirmed = confirmed_transcript_hash(suite, epoch.interim_transcript_hash, commit_input(signed))
    context = replace(provisional, confirmed_transcript_hash=confirmed)
    joiner = key_schedule.joiner_secret(
        suite,
        init_secret=inputs.init_secret,
        commit_secret=inputs.commit_secret,
        group_context=context.encode(),
    )
    secrets = key_schedule.epoch_secrets(suite, joiner, psk_secret=inputs.psk_secret, group_context=context.encode())
    return first_state(context, secrets, tree=tree, clients=clients, private=private, policy=policy, joiner=joiner)


def first_state(
    context: GroupContext,
    secrets: EpochSecrets,
    *,
    tree: Tree,
    clients: tuple[bytes | None, ...],
    private: PrivateKeys,
    policy: Policy,
    joiner: bytes = b"",
) -> NextEpoch:
    """An epoch at its first moment, its one-time secrets spent: secret tree grown, confirmation tag made."""
    suite = context.suite
    tag = key_schedule.confirmation_tag(suite, secrets.confirmation, context.confirmed_transcript_hash)
    epoch = Epoch(
        context=context,
        tree=tree,
        private=private,
        secrets=replace(secrets, encryption=b"", confirmation=b""),
        confirmation_tag=tag,
        interim_transcript_hash=interim_transcript_hash(suite, context.confirmed_transcript_hash, tag),
        clients=clients,
        state=State.ACTIVE,
    )
    secret_tree = SecretTree.new(suite, secrets.encryption, leaves=tree.leaves, window=window_of(policy))
    return NextEpoch(epoch, secret_tree, joiner)


def check_confirmation(following: NextEpoch, tag: bytes | None, *, rule: str = "C7") -> None:
    """Raises Invalid C7 (or W6) unless the sender came to the same secrets as we did; constant time."""
    if not hmac.compare_digest(following.epoch.confirmation_tag, tag or b""):
        raise Invalid(rule, "confirmation tag")
