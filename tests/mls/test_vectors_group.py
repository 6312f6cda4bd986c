"""Official vectors: the passive clients, which join and follow a group without ever sending."""

from __future__ import annotations

from typing import Any

import pytest
from tests.mls import vectors
from tests.mls.vectors import unhex

from zajil import mls
from zajil.mls.primitives import crypto, hpke

pytestmark = pytest.mark.vectors

POLICY = mls.Policy(external_commits=True, public_handshakes=True)


def no_rng(size: int) -> bytes:
    raise AssertionError(f"a passive client drew {size} random bytes")


def accept_everyone(credential: mls.Credential, signature_key: bytes, use: mls.Use) -> bytes:
    return credential.encode()


def join(vector: dict[str, Any]) -> tuple[mls.Env, mls.Group]:
    suite = mls.suite_of(vector["cipher_suite"])
    package = mls.parse_key_package(unhex(vector["key_package"]))
    signer, public = crypto.make_signer(suite, unhex(vector["signature_priv"]))
    assert public == package.leaf_node.signature_key
    secrets = mls.KeyPackageSecrets(unhex(vector["init_priv"]), unhex(vector["encryption_priv"]))
    assert hpke.public_key_of(suite, secrets.init_key) == package.init_key
    env = mls.Env(
        authenticate=accept_everyone,
        signer=signer,
        rng=no_rng,
        now=1_700_000_000,
        psks={unhex(psk["psk_id"]): unhex(psk["psk"]) for psk in vector["external_psks"]},
        policy=POLICY,
    )
    encoded = vector["ratchet_tree"]
    tree = None if encoded is None else unhex(encoded)
    group, _ = mls.Group.join(env, unhex(vector["welcome"]), package, secrets, tree=tree)
    assert group.epoch_authenticator == unhex(vector["initial_epoch_authenticator"])
    return env, group


def follow(vector: dict[str, Any]) -> None:
    env, group = join(vector)
    for epoch in vector["epochs"]:
        for proposal in epoch["proposals"]:
            group, event = group.receive(env, unhex(proposal))
            assert isinstance(event, mls.Proposed)
        group, staged = group.receive(env, unhex(epoch["commit"]))
        assert isinstance(staged, mls.Staged)
        assert staged.epoch_authenticator == unhex(epoch["epoch_authenticator"])
        group = staged.apply()
        assert group.epoch_authenticator == unhex(epoch["epoch_authenticator"])


@vectors.cases("passive-client-welcome")
def test_passive_client_welcome(index: int) -> None:
    follow(vectors.load("passive-client-welcome")[index])


@vectors.cases("passive-client-handling-commit")
def test_passive_client_handling_commit(index: int) -> None:
    follow(vectors.load("passive-client-handling-commit")[index])


@pytest.mark.slow
@vectors.cases("passive-client-random")
def test_passive_client_random(index: int) -> None:
    follow(vectors.load("passive-client-random")[index])
