"""Stories of attack that are not one broken rule: stale state, replays, insiders, and sizes beyond the limits."""

from __future__ import annotations

import pytest
from tests.mls import forge
from tests.mls.actors import SUITES, Actor
from tests.mls.scenes import TITLE, judge, scene, spread

from zajil import mls
from zajil.mls.messages import protect
from zajil.mls.messages.extensions import Extension
from zajil.mls.messages.framing import ApplicationData
from zajil.mls.messages.proposals import Remove, SetExtensions

TEXT = ApplicationData(b"text")


def test_a_stale_commit_of_ours_never_winds_the_group_back() -> None:
    """The race is lost, the group has moved on, and yet our own old Commit is applied: refused."""
    s = scene()
    bob, carol = s.bob.copy(), s.carol.copy()
    bob.commit()
    stale = bob.staged
    assert stale is not None
    winner, _ = carol.commit()
    bob.receive(winner)
    with pytest.raises(mls.MlsError):
        stale.apply(bob.group)
    later = mls.load(mls.save(bob.group))
    carol.apply()
    spread(carol, (bob,), carol.commit()[0])
    with pytest.raises(mls.MlsError):
        stale.apply(bob.group)
    assert later.epoch + 1 == bob.group.epoch


def test_a_message_opens_once_across_our_own_commit() -> None:
    """Opened while our Commit was under way, sent again after its echo."""
    s = scene()
    alice, bob = s.alice.copy(), s.bob.copy()
    first, second = alice.encrypt(b"first"), alice.encrypt(b"second")
    bob.commit()
    assert bob.receive(first).data == b"first"
    bob.apply()
    with pytest.raises(mls.Replayed):
        bob.receive(first)
    assert bob.receive(second).data == b"second"
    with pytest.raises(mls.Replayed):
        bob.receive(second)


def test_a_forged_message_does_not_use_up_the_key_of_the_genuine_one() -> None:
    s = scene()
    bob = s.bob.copy()
    forged = forge.message(s.alice, TEXT, forge.Framing(signature=forge.flipped))
    with pytest.raises(mls.Invalid):
        bob.receive(forged)
    assert bob.receive(forge.message(s.alice, TEXT)).data == TEXT


@pytest.mark.parametrize("suite", SUITES)
def test_a_member_who_comes_back_reads_nothing_of_the_time_between(suite: int) -> None:
    s = scene(suite)
    alice, bob, dave = s.alice.copy(), s.bob.copy(), s.dave.copy()
    spread(alice, (bob, dave), alice.commit(removes=[4])[0])
    between = [alice.encrypt(b"between")]
    spread(bob, (alice,), bob.commit()[0])
    between.append(alice.encrypt(b"between too"))
    commit, welcome = alice.commit(adds=[dave.key_package()])
    assert welcome is not None
    spread(alice, (bob,), commit)
    old = dave.copy()
    dave.join(welcome)
    for message in between:
        for reader in (dave, old):
            with pytest.raises(mls.MlsError):
                reader.receive(message)
        assert bob.receive(message).data.startswith(b"between")
    assert dave.receive(alice.encrypt(b"welcome back")).data == b"welcome back"


def test_an_insider_cannot_speak_for_another() -> None:
    """Alice knows bob's message keys, as every member does, but not how he signs."""
    s = scene()
    as_bob = s.alice.copy()
    group = forge.inside(as_bob.group)
    content = protect.sign(
        s.alice.env.signer,
        wire_format=forge.HONEST.wire_format,
        content=forge.sign(s.bob, TEXT).content,
        group_context=group.context.encode(),
    )
    sealed, _ = protect.seal_private(
        group.suite,
        content,
        sender_data_secret=group.secrets.sender_data,
        secret_tree=group.secret_tree,
        rng=s.alice.env.rng,
    )
    message = mls.peek(b"\0\1\0\2" + sealed.encode())
    assert message.group_id == group.context.group_id
    with pytest.raises(mls.Invalid, match="F5"):
        judge(s.carol, b"\0\1\0\2" + sealed.encode())


def test_own_messages_are_named() -> None:
    s = scene()
    with pytest.raises(mls.OwnMessage):
        judge(s.alice, forge.message(s.alice, TEXT))
    with pytest.raises(mls.OwnMessage):
        judge(s.alice, forge.commit(s.alice).message)
    public = forge.Framing(wire_format=mls.WireFormat.PUBLIC_MESSAGE)
    with pytest.raises(mls.OwnMessage):
        judge(s.alice, forge.message(s.alice, Remove(3), public), policy=mls.Policy(public_handshakes=True))


def test_sizes_beyond_the_limits() -> None:
    s = scene()
    many = tuple(Extension(0xF100 + i, b"") for i in range(33))
    with pytest.raises(mls.DecodeError):
        judge(s.bob, forge.commit(s.alice, [SetExtensions(many)], forge.Faults(path=False)).message)
    with pytest.raises(mls.DecodeError):
        judge(s.bob, forge.commit(s.alice, [Remove(3)] * 1025, forge.Faults(path=False)).message)
    with pytest.raises(mls.DecodeError):
        judge(s.bob, forge.message(s.alice, TEXT) + bytes(4 << 20))
    assert isinstance(judge(s.bob, forge.commit(s.alice, [SetExtensions((TITLE,))]).message), mls.Staged)


def test_a_commit_for_two_groups_is_for_one() -> None:
    """The same members in another group with the same id and epoch: nothing crosses over."""
    s = scene()
    twin = Actor(s.directory, suite=1, identity=b"alice")
    twin.create(s.alice.group.group_id)
    for _ in range(s.alice.group.epoch):
        twin.commit()
        twin.apply()
    assert twin.group.epoch == s.alice.group.epoch
    for message in (twin.encrypt(b"text"), twin.commit()[0]):
        with pytest.raises(mls.Invalid):
            judge(s.bob, message)
