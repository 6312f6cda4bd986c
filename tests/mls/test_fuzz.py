"""Hostile bytes: whatever is cut, flipped or edited, only an MlsError comes out and the group stays as it is.

Outer edits hit parsers and ciphertexts. Inner edits are those of a member: content is edited, then signed and sealed
as it should be, so that it reaches the deepest code.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest
from tests.mls import forge
from tests.mls.forge import Faults, Framing, Invitation
from tests.mls.scenes import TITLE, invite, judge, scene

from zajil import mls
from zajil.mls.messages.envelope import WireFormat
from zajil.mls.messages.framing import ApplicationData, ContentAuth, encode_content
from zajil.mls.messages.group_info import GroupSecrets
from zajil.mls.messages.proposals import Add, Commit, Remove, SetExtensions
from zajil.mls.tree.tree import Tree

pytestmark = pytest.mark.fuzz
OPEN = mls.Policy(public_handshakes=True, external_commits=True)
EDITS = 300
SEED = 0


def edits(data: bytes, *, seed: int, count: int = EDITS) -> Iterator[bytes]:
    """Copies with bits flipped, bytes overwritten, pieces repeated, removed or put in."""
    chance = random.Random(SEED + seed)
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 2, 8))):
            place = chance.randrange(len(changed) + 1)
            length = chance.choice((1, 1, 2, 4, 32))
            match chance.randrange(5):
                case 0 if changed:
                    changed[min(place, len(changed) - 1)] ^= 1 << chance.randrange(8)
                case 1:
                    changed[place : place + length] = chance.randbytes(length)
                case 2:
                    del changed[place : place + length]
                case 3:
                    changed[place:place] = changed[place : place + length]
                case _:
                    changed[place : place + 1] = chance.choice((b"\0", b"\xff", b"\x7f\xff", b"\x80", b"\xc0"))
        if bytes(changed) != data:
            yield bytes(changed)


def cuts(data: bytes) -> Iterator[bytes]:
    return (data[:size] for size in range(len(data)))


def messages() -> dict[str, bytes]:
    s = scene()
    public = Framing(wire_format=WireFormat.PUBLIC_MESSAGE)
    return {
        "application": forge.message(s.alice, ApplicationData(b"text"), Framing(aad=b"aad", padding=bytes(40))),
        "proposal": forge.message(s.alice, Remove(3)),
        "commit": forge.commit(s.alice, [Remove(3), SetExtensions((TITLE,))]).message,
        "public proposal": forge.message(s.alice, SetExtensions((TITLE,)), public),
        "public commit": forge.commit(s.alice, [Remove(3)], Faults(framing=public)).message,
    }


KINDS = ("application", "proposal", "commit", "public proposal", "public commit")


def survives(take: Callable[..., object], *arguments: object) -> bool:
    """Whether the bytes were taken; anything but an MlsError fails the test."""
    try:
        take(*arguments)
    except mls.MlsError:
        return False
    return True


@pytest.mark.parametrize("kind", KINDS)
def test_cut_messages(kind: str) -> None:
    bob = scene().bob
    before = mls.save(bob.group)
    env = replace(bob.env, policy=OPEN)
    for cut in cuts(messages()[kind]):
        assert not survives(bob.group.receive, env, cut)
        survives(mls.peek, cut)
    assert mls.save(bob.group) == before


@pytest.mark.parametrize("kind", KINDS)
def test_edited_messages(kind: str) -> None:
    bob = scene().bob
    before = mls.save(bob.group)
    env = replace(bob.env, policy=OPEN)
    for number, edited in enumerate(edits(messages()[kind], seed=len(kind))):
        taken = survives(bob.group.receive, env, edited)
        assert not taken, f"edit {number} of a {kind} was accepted"
    assert mls.save(bob.group) == before


class Edited(Commit):
    """A Commit whose encoding was edited before it was signed and sealed."""

    def encode(self) -> bytes:
        return self.bytes

    bytes: bytes


@pytest.mark.slow
def test_member_edits_a_commit() -> None:
    s = scene()
    package = mls.parse_key_package(s.erin.key_package())
    honest = forge.commit(s.alice, [Remove(3), Add(package), SetExtensions((TITLE,))])
    assert honest.signed.auth.confirmation_tag is not None
    for edited in edits(encode_content(honest.signed.content.content), seed=1, count=3 * EDITS):
        content = Edited(())
        object.__setattr__(content, "bytes", edited)
        signed = forge.sign(s.alice, content)
        signed = replace(signed, auth=ContentAuth(signed.auth.signature, honest.signed.auth.confirmation_tag))
        message = forge.seal(s.alice, signed)
        assert not survives(judge, s.bob, message)
        # Carol, whom it removes, has no secrets to check the end of it with.
        survives(judge, s.carol, message)


def test_cut_and_edited_welcomes() -> None:
    erin = scene().erin
    welcome = invite(Invitation(), Faults(path=True))
    own = erin.packages[-1]
    for bad in (*cuts(welcome), *edits(welcome, seed=2)):
        assert not survives(mls.Group.join, erin.env, bad, *own)
    assert survives(mls.Group.join, erin.env, welcome, *own)


class EditedSecrets(GroupSecrets):
    raw: bytes

    def encode(self) -> bytes:
        return self.raw


def constant(data: bytes, _: Tree) -> bytes:
    return data


@pytest.mark.slow
def test_inviter_edits_the_tree() -> None:
    s = scene()
    encoded: list[bytes] = []

    def remembered(tree: Tree) -> bytes:
        encoded.append(tree.encode())
        return encoded[-1]

    invite(Invitation(encoded=remembered))
    for edited in (*edits(encoded[0], seed=3), *list(cuts(encoded[0]))[:: max(1, len(encoded[0]) // 60)]):
        welcome = invite(Invitation(encoded=partial(constant, edited)))
        own = s.erin.packages[-1]
        assert not survives(mls.Group.join, s.erin.env, welcome, *own)


def test_inviter_edits_the_secrets() -> None:
    s = scene()

    def changed(seed: int) -> Callable[[GroupSecrets], GroupSecrets]:
        def edited(secrets: GroupSecrets) -> GroupSecrets:
            bent = EditedSecrets(secrets.joiner_secret, secrets.path_secret, secrets.psks)
            object.__setattr__(bent, "raw", next(edits(secrets.encode(), seed=seed)))
            return bent

        return edited

    for seed in range(60):
        how = Invitation(secrets=changed(seed))
        welcome = invite(how, Faults(path=True))
        own = s.erin.packages[-1]
        assert not survives(mls.Group.join, s.erin.env, welcome, *own)


def test_key_packages() -> None:
    s = scene()
    honest = s.erin.key_package()

    def check(message: bytes) -> None:
        mls.check_key_package(s.alice.env, mls.parse_key_package(message), s.alice.suite)

    check(honest)
    for bad in (*cuts(honest), *edits(honest, seed=4, count=2 * EDITS)):
        assert not survives(check, bad)


def test_saved_state() -> None:
    group = scene().bob.group
    saved = mls.save(group)
    assert mls.load(saved) == group
    for field in ("epoch", "ratchet"):
        data = getattr(saved, field)
        for cut in cuts(data):
            assert not survives(mls.load, replace(saved, **{field: cut}))
        for edited in edits(data, seed=5):
            survives(mls.load, replace(saved, **{field: edited}))


def test_sealed_state() -> None:
    saved, key, group_id = mls.save(scene().bob.group), bytes(32), b"group"
    sealed = mls.seal(key, group_id, "ratchet", saved.ratchet, random.Random(6).randbytes)
    assert mls.unseal(key, group_id, "ratchet", sealed) == saved.ratchet
    for bad in (*list(cuts(sealed))[::17], *edits(sealed, seed=7)):
        assert not survives(mls.unseal, key, group_id, "ratchet", bad)
    for other in ((bytes([1]) * 32, group_id, "ratchet"), (key, b"other", "ratchet"), (key, group_id, "epoch")):
        assert not survives(mls.unseal, *other, sealed)


def test_last_generation_is_too_far() -> None:
    s = scene()
    for generation in (2**32 - 1, 2**31, 2049):
        with pytest.raises(mls.TooFar):
            judge(s.bob, forge.message(s.alice, ApplicationData(b"text"), Framing(generation=generation)))
