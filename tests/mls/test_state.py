"""State at rest: what is loaded equals what was saved, parts fit together, and nothing opens under another place."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from tests.mls.actors import NOW, SUITES, Actor, Directory

from zajil import mls
from zajil.mls.state import MAGIC, VERSION

RATCHET_LIMIT = 16 * 1024
GROUP_ID = b"state"


def pair(suite: int) -> tuple[Actor, Actor]:
    directory = Directory()
    alice, bob = (Actor(directory, suite=suite, identity=name) for name in (b"alice", b"bob"))
    alice.create(GROUP_ID, extensions=[(0xF0A0, b"settings")])
    message, welcome = alice.commit(adds=[bob.key_package()])
    alice.apply()
    bob.join(welcome or b"")
    del message
    return alice, bob


def reloaded(group: mls.Group) -> mls.Group:
    saved = mls.save(group)
    loaded = mls.load(mls.Saved(bytes(bytearray(saved.epoch)), bytes(bytearray(saved.ratchet))))
    assert loaded == group
    assert mls.save(loaded) == saved
    return loaded


@pytest.mark.parametrize("suite", SUITES)
def test_a_group_survives_every_step(suite: int) -> None:
    """Both sides are saved and loaded after each step of a story that touches every part of the state."""
    alice, bob = pair(suite)
    alice.group, bob.group = reloaded(alice.group), reloaded(bob.group)
    sent = [alice.encrypt(b"%d" % number) for number in range(5)]
    bob.receive(sent[3])
    bob.group = reloaded(bob.group)
    for number in (0, 4):
        assert bob.receive(sent[number]).data == b"%d" % number
    for committer, other in ((alice, bob), (bob, alice)):
        message, _ = committer.commit()
        assert committer.staged is not None
        committer.group, staged = reloaded(committer.group), mls.Staged.load(committer.staged.save())
        assert staged == committer.staged
        committer.group = staged.apply(committer.group)
        other.receive(message)
        alice.group, bob.group = reloaded(alice.group), reloaded(bob.group)
    assert bob.receive(sent[1]).data == b"1"
    with pytest.raises(mls.Replayed):
        bob.receive(sent[3])
    bob.group, update = bob.group.propose_update(bob.env)
    alice.group, _ = alice.group.receive(alice.env, update)
    alice.group, bob.group = reloaded(alice.group), reloaded(bob.group)
    message, _ = alice.commit(removes=[])
    alice.apply()
    bob.receive(message)
    assert reloaded(alice.group).epoch_authenticator == reloaded(bob.group).epoch_authenticator
    message, _ = alice.commit(removes=[1])
    bob.receive(message)
    assert reloaded(bob.group).state is mls.State.REMOVED


def test_a_foreign_commit_is_kept_too() -> None:
    alice, bob = pair(1)
    message, _ = alice.commit(aad=b"aad")
    group, staged = bob.group.receive(bob.env, message)
    assert isinstance(staged, mls.Staged)
    loaded = mls.Staged.load(staged.save())
    assert loaded == staged
    assert loaded.apply(group) == staged.apply(group) == staged.apply()


def test_the_epoch_part_is_written_once_per_commit() -> None:
    alice, bob = pair(1)
    before = mls.save(alice.group)
    alice.encrypt(b"x")
    after = mls.save(alice.group)
    assert after.epoch is before.epoch
    assert after.ratchet != before.ratchet
    bob.receive(alice.encrypt(b"y"))
    assert mls.save(mls.load(mls.save(bob.group))).epoch == mls.save(bob.group).epoch


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_the_ratchet_part_is_small_in_a_large_group(suite: int) -> None:
    directory, policy = Directory(), mls.Policy(pq_max_leaves=256)
    actors = [Actor(directory, suite=suite, identity=b"%d" % number, policy=policy) for number in range(256)]
    actors[0].create(GROUP_ID)
    _, welcome = actors[0].commit(adds=[actor.key_package() for actor in actors[1:]])
    actors[0].apply()
    actors[200].join(welcome or b"")
    for number in range(3):
        actors[200].receive(actors[0].encrypt(b"%d" % number))
    actors[200].encrypt(b"answer")
    for actor in (actors[0], actors[200]):
        assert len(mls.save(actor.group).ratchet) <= RATCHET_LIMIT
        reloaded(actor.group)


def test_parts_of_two_epochs_are_refused() -> None:
    alice, _ = pair(1)
    before = mls.save(alice.group)
    alice.commit()
    sibling = alice.group.commit(alice.env)[1].apply()
    alice.apply()
    after = mls.save(alice.group)
    for epoch, ratchet in ((before.epoch, after.ratchet), (after.epoch, mls.save(sibling).ratchet)):
        with pytest.raises(mls.DecodeError):
            mls.load(mls.Saved(epoch, ratchet))
    with pytest.raises(mls.DecodeError):
        mls.load(mls.Saved(before.ratchet, before.epoch))


def test_another_version_is_left_alone() -> None:
    saved = mls.save(pair(1)[0].group)
    assert saved.epoch[:4] == saved.ratchet[:4] == MAGIC
    newer = MAGIC + (VERSION + 1).to_bytes(2, "big") + saved.epoch[6:]
    with pytest.raises(mls.Unsupported):
        mls.load(replace(saved, epoch=newer))


def test_sealed_rows_open_in_their_place_alone() -> None:
    rng, key = random.Random(1).randbytes, bytes(range(32))
    sealed = mls.seal(key, GROUP_ID, "mls_epoch", b"state", rng)
    assert sealed != mls.seal(key, GROUP_ID, "mls_epoch", b"state", rng)
    assert mls.unseal(key, GROUP_ID, "mls_epoch", sealed) == b"state"
    damaged = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for args in (
        (bytes(32), GROUP_ID, "mls_epoch", sealed),
        (key, b"other", "mls_epoch", sealed),
        (key, GROUP_ID, "mls_ratchet", sealed),
        (key, GROUP_ID, "mls_epoch", damaged),
        (key, GROUP_ID, "mls_epoch", b""),
    ):
        with pytest.raises(mls.CryptoError):
            mls.unseal(*args)


def test_key_package_secrets_are_kept() -> None:
    alice, _ = pair(1)
    alice.key_package()
    secrets = alice.packages[-1][1]
    assert mls.parse_secrets(secrets.encode()) == secrets


def test_nothing_secret_is_shown() -> None:
    alice, bob = pair(1)
    alice.commit()
    shown = f"{alice.group!r} {alice.staged!r} {mls.save(bob.group)!r} {alice.env!r} {alice.packages!r}"
    epoch = alice.group.current
    for secret in (epoch.secrets.init, epoch.secrets.exporter, *epoch.private.keys.values()):
        assert repr(secret)[2:-1] not in shown
    assert alice.env.now == NOW
