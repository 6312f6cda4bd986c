"""Sending standalone proposals (RFC 9420 12.1). The product sends proposals inside its Commits instead."""

from dataclasses import replace

from zajil.mls.commit import sealed_message, signed_content
from zajil.mls.env import Env
from zajil.mls.epochs.epoch import Snapshot
from zajil.mls.messages.proposals import Proposal, Update
from zajil.mls.primitives import hpke
from zajil.mls.receive import store_proposal
from zajil.mls.tree.nodes import LeafNode, LeafSource


def make_proposal(env: Env, group: Snapshot, proposal: Proposal, *, aad: bytes) -> tuple[Snapshot, bytes]:
    """The group with the proposal pending, and its MLSMessage; raises Invalid, PendingProposals, GenerationLimit."""
    signed = signed_content(env, group.current, proposal, aad=aad, private=not env.policy.public_handshakes)
    pending, _ = store_proposal(env, group, signed, proposal)
    message, moved = sealed_message(env, group.current, signed, secret_tree=group.ratchets.secret_tree)
    return replace(pending, ratchets=replace(pending.ratchets, secret_tree=moved)), message


def make_update(env: Env, group: Snapshot, *, aad: bytes) -> tuple[Snapshot, bytes]:
    """The group with an Update of our leaf pending, its private key kept until the epoch ends."""
    epoch, before = group.current, group.current.own_leaf_node
    private, public = hpke.generate_key_pair(epoch.suite, env.rng)
    leaf = LeafNode(
        public, before.signature_key, before.credential, before.capabilities, LeafSource.UPDATE, before.extensions
    ).signed(env.signer, group_id=epoch.context.group_id, leaf=epoch.own_leaf)
    pending, message = make_proposal(env, group, Update(leaf), aad=aad)
    kept = (*pending.ratchets.own_updates, (public, private))
    return replace(pending, ratchets=replace(pending.ratchets, own_updates=kept)), message
