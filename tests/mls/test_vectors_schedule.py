"""Official vectors: key-schedule, psk_secret, secret-tree, transcript-hashes."""

from __future__ import annotations

from typing import Any

import pytest
from tests.mls import vectors
from tests.mls.vectors import unhex

from zajil.mls.messages.group_context import GroupContext
from zajil.mls.primitives.crypto import check_mac
from zajil.mls.primitives.suites import Suite, suite_of
from zajil.mls.schedule import key_schedule, transcript
from zajil.mls.schedule.psk import ExternalPsk, PreSharedKeyId, psk_secret
from zajil.mls.schedule.secret_tree import RatchetKind, SecretTree, Window

pytestmark = pytest.mark.vectors


@vectors.cases("key-schedule")
def test_key_schedule(index: int) -> None:
    vector = vectors.load("key-schedule")[index]
    suite = suite_of(vector["cipher_suite"])
    init_secret = unhex(vector["initial_init_secret"])
    for number, epoch in enumerate(vector["epochs"]):
        context = GroupContext(
            suite=suite,
            group_id=unhex(vector["group_id"]),
            epoch=number,
            tree_hash=unhex(epoch["tree_hash"]),
            confirmed_transcript_hash=unhex(epoch["confirmed_transcript_hash"]),
            extensions=(),
        ).encode()
        assert context == unhex(epoch["group_context"])
        init_secret = check_epoch(suite, init_secret, context, epoch)


def check_epoch(suite: Suite, init_secret: bytes, context: bytes, epoch: dict[str, Any]) -> bytes:
    commit_secret, psk = unhex(epoch["commit_secret"]), unhex(epoch["psk_secret"])
    joiner = key_schedule.joiner_secret(
        suite, init_secret=init_secret, commit_secret=commit_secret, group_context=context
    )
    assert joiner == unhex(epoch["joiner_secret"])
    assert key_schedule.welcome_secret(suite, joiner, psk) == unhex(epoch["welcome_secret"])
    secrets = key_schedule.epoch_secrets(suite, joiner, psk_secret=psk, group_context=context)
    assert secrets.init == unhex(epoch["init_secret"])
    assert secrets.sender_data == unhex(epoch["sender_data_secret"])
    assert secrets.encryption == unhex(epoch["encryption_secret"])
    assert secrets.exporter == unhex(epoch["exporter_secret"])
    assert secrets.authenticator == unhex(epoch["epoch_authenticator"])
    assert secrets.external == unhex(epoch["external_secret"])
    assert secrets.confirmation == unhex(epoch["confirmation_key"])
    assert secrets.membership == unhex(epoch["membership_key"])
    assert secrets.resumption == unhex(epoch["resumption_psk"])
    assert key_schedule.external_key_pair(suite, secrets.external)[1] == unhex(epoch["external_pub"])
    case = epoch["exporter"]
    exported = key_schedule.export_secret(
        suite,
        secrets.exporter,
        label=case["label"].encode(),
        context=unhex(case["context"]),
        length=case["length"],
    )
    assert exported == unhex(case["secret"])
    return secrets.init


@vectors.cases("psk_secret")
def test_psk_secret(index: int) -> None:
    vector = vectors.load("psk_secret")[index]
    psks = [
        (PreSharedKeyId(ExternalPsk(unhex(psk["psk_id"])), unhex(psk["psk_nonce"])), unhex(psk["psk"]))
        for psk in vector["psks"]
    ]
    assert psk_secret(suite_of(vector["cipher_suite"]), psks) == unhex(vector["psk_secret"])


@vectors.cases("secret-tree")
def test_secret_tree(index: int) -> None:
    vector = vectors.load("secret-tree")[index]
    suite = suite_of(vector["cipher_suite"])
    case = vector["sender_data"]
    sender_data = key_schedule.sender_data_key(suite, unhex(case["sender_data_secret"]), unhex(case["ciphertext"]))
    assert (sender_data.key, sender_data.nonce) == (unhex(case["key"]), unhex(case["nonce"]))

    leaves = len(vector["leaves"])
    tree = SecretTree.new(suite, unhex(vector["encryption_secret"]), leaves=leaves, window=Window())
    for leaf, steps in enumerate(vector["leaves"]):
        for step in steps:
            for kind, name in ((RatchetKind.APPLICATION, "application"), (RatchetKind.HANDSHAKE, "handshake")):
                key, tree = tree.open_key(leaf, kind, step["generation"])
                assert key.key == unhex(step[f"{name}_key"])
                assert key.nonce == unhex(step[f"{name}_nonce"])


@vectors.cases("transcript-hashes")
def test_transcript_hashes(index: int) -> None:
    vector = vectors.load("transcript-hashes")[index]
    suite = suite_of(vector["cipher_suite"])
    encoded = unhex(vector["authenticated_content"])
    # An AuthenticatedContent with a Commit ends in its confirmation tag, an opaque<V> of nh bytes.
    header = 1 if suite.nh < 64 else 2
    commit_input, tag = encoded[: -suite.nh - header], encoded[-suite.nh :]
    confirmed = transcript.confirmed_transcript_hash(
        suite, unhex(vector["interim_transcript_hash_before"]), commit_input
    )
    assert confirmed == unhex(vector["confirmed_transcript_hash_after"])
    check_mac(suite, unhex(vector["confirmation_key"]), data=confirmed, tag=tag)
    interim = transcript.interim_transcript_hash(suite, confirmed, tag)
    assert interim == unhex(vector["interim_transcript_hash_after"])
