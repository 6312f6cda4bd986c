"""Official vectors: welcome, passive-client-welcome, passive-client-handling-commit, passive-client-random."""

from __future__ import annotations

import pytest
from tests.mls import vectors
from tests.mls.vectors import unhex

from zajil import mls
from zajil.mls.messages.group_info import GroupInfo, parse_group_secrets, parse_welcome
from zajil.mls.primitives import crypto
from zajil.mls.primitives.codec import parse_all
from zajil.mls.rules import joins
from zajil.mls.schedule import key_schedule
from zajil.mls.schedule.psk import psk_secret

pytestmark = pytest.mark.vectors

POLICY = mls.Policy(public_handshakes=True)


def identity_of(credential: mls.Credential, signature_key: bytes, use: mls.Use) -> bytes:
    return credential.body


def environment(vector: vectors.Vector) -> mls.Env:
    suite = mls.suite_of(vector["cipher_suite"])
    signer, _ = crypto.make_signer(suite, unhex(vector["signature_priv"]))
    psks = {unhex(psk["psk_id"]): unhex(psk["psk"]) for psk in vector["external_psks"]}
    return mls.Env(authenticate=identity_of, signer=signer, rng=bytes, now=0, psks=psks, policy=POLICY)


@vectors.cases("welcome")
def test_welcome(index: int) -> None:
    vector = vectors.load("welcome")[index]
    suite = mls.suite_of(vector["cipher_suite"])
    key_package = mls.parse_key_package(unhex(vector["key_package"]))
    welcome = parse_welcome(unhex(vector["welcome"]))
    entry = joins.own_entry(welcome, key_package, suite)
    plain = crypto.decrypt_with_label(
        suite,
        unhex(vector["init_priv"]),
        label=b"Welcome",
        context=welcome.encrypted_group_info,
        sealed=entry.sealed,
    )
    secrets = parse_group_secrets(plain)
    assert not secrets.psks
    no_psk = psk_secret(suite, ())
    key = key_schedule.welcome_key(suite, key_schedule.welcome_secret(suite, secrets.joiner_secret, no_psk))
    encoded = crypto.aead_open(suite, key.key, nonce=key.nonce, aad=b"", ciphertext=welcome.encrypted_group_info)
    info = parse_all(encoded, GroupInfo.parse)
    crypto.verify_with_label(
        suite,
        unhex(vector["signer_pub"]),
        label=joins.GROUP_INFO_LABEL,
        content=info.tbs(),
        signature=info.signature,
    )
    epoch = key_schedule.epoch_secrets(
        suite, secrets.joiner_secret, psk_secret=no_psk, group_context=info.context.encode()
    )
    tag = key_schedule.confirmation_tag(suite, epoch.confirmation, info.context.confirmed_transcript_hash)
    assert tag == info.confirmation_tag


def play(vector: vectors.Vector) -> None:
    """Joins by the Welcome, then takes every epoch's proposals and Commit; saved and loaded before each."""
    env = environment(vector)
    secrets = mls.KeyPackageSecrets(unhex(vector["init_priv"]), unhex(vector["encryption_priv"]))
    tree = vector["ratchet_tree"]
    group, _ = mls.Group.join(
        env,
        unhex(vector["welcome"]),
        mls.parse_key_package(unhex(vector["key_package"])),
        secrets,
        tree=None if tree is None else unhex(tree),
    )
    assert group.epoch_authenticator == unhex(vector["initial_epoch_authenticator"])
    for epoch in vector["epochs"]:
        for proposal in epoch["proposals"]:
            group, event = group.receive(env, unhex(proposal))
            assert isinstance(event, mls.Proposed)
        assert mls.load(mls.save(group)) == group
        group, staged = group.receive(env, unhex(epoch["commit"]))
        assert isinstance(staged, mls.Staged)
        group = staged.apply()
        assert group.epoch_authenticator == unhex(epoch["epoch_authenticator"])


@vectors.cases("passive-client-welcome")
def test_passive_client_welcome(index: int) -> None:
    play(vectors.load("passive-client-welcome")[index])


@vectors.cases("passive-client-handling-commit")
def test_passive_client_handling_commit(index: int) -> None:
    play(vectors.load("passive-client-handling-commit")[index])


@pytest.mark.slow
@vectors.cases("passive-client-random")
def test_passive_client_random(index: int) -> None:
    play(vectors.load("passive-client-random")[index])
