"""Groups as their callers use them: stories in both suites, lost races, past epochs, proposals, removal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.mls.actors import NOW, SUITES, Actor, Directory

from zajil import mls
from zajil.mls.env import GENERATION_LIMIT, MAX_PENDING
from zajil.mls.errors import CryptoError
from zajil.mls.messages import protect
from zajil.mls.messages.framing import PrivateMessage, parse_framed
from zajil.mls.messages.proposals import Commit
from zajil.mls.primitives import crypto
from zajil.mls.schedule.secret_tree import Ratchet, RatchetKind
from zajil.mls.tree.parent_hash import check_tree
from zajil.mls.tree.treekem import DrawnPath

DAY_S = 86_400
GROUP_ID = b"group of the tests"


def crowd(suite: int, size: int, *, policy: mls.Policy | None = None) -> list[Actor]:
    """Actors in one group, each added by the one before, so that the tree holds paths and unmerged leaves."""
    directory = Directory()
    actors = [Actor(directory, suite=suite, identity=b"actor %d" % number, policy=policy) for number in range(size)]
    actors[0].create(GROUP_ID)
    for number in range(1, size):
        committer = actors[number - 1]
        message, welcome = committer.commit(adds=[actors[number].key_package()])
        assert welcome is not None
        deliver(actors[:number], committer, message)
        actors[number].join(welcome)
    return actors


def deliver(actors: list[Actor], committer: Actor, message: bytes) -> None:
    for actor in actors:
        if actor is committer:
            actor.apply()
        else:
            actor.receive(message)


def agree(actors: list[Actor]) -> None:
    views = {
        (
            actor.group.context.encode(),
            actor.group.epoch_authenticator,
            actor.export("test", b"context", 32),
            tuple((member.leaf, member.client) for member in actor.group.members()),
        )
        for actor in actors
    }
    assert len(views) == 1
    for actor in actors:
        check_tree(actor.group.current.tree, actor.group.context.tree_hash)
        actor.group.current.private.check(actor.group.current.tree, "test")


@pytest.mark.parametrize("suite", SUITES)
def test_a_story(suite: int) -> None:
    alice, bob, carol = crowd(suite, 3)
    agree([alice, bob, carol])
    message = alice.encrypt(b"hello", aad=b"header")
    for reader in (bob, carol):
        received = reader.receive(message)
        assert (received.sender, received.data, received.aad) == (0, b"hello", b"header")
    message, welcome = bob.commit()
    assert welcome is None
    deliver([alice, bob, carol], bob, message)
    agree([alice, bob, carol])
    before = bob.group
    message, _ = alice.commit(removes=[bob.group.own_leaf], aad=b"out")
    deliver([alice, carol], alice, message)
    agree([alice, carol])
    _, staged = before.receive(bob.env, message)
    assert isinstance(staged, mls.Staged)
    assert (staged.state, staged.committer, staged.aad) == (mls.State.REMOVED, 0, b"out")
    assert [member.client for member in staged.removed] == [bob.identity]
    gone = staged.apply()
    with pytest.raises(mls.Removed):
        gone.export("test", b"", 32)
    with pytest.raises(mls.Removed):
        gone.receive(bob.env, alice.encrypt(b"without you"))
    with pytest.raises(mls.Removed):
        gone.encrypt(bob.env, b"hello?")


def test_the_staged_commit_shows_everything_and_changes_nothing() -> None:
    alice, bob, carol = crowd(1, 3)
    dave = Actor(Directory(), suite=1, identity=b"dave")
    for actor in (alice, bob, carol):
        actor.env = replace(actor.env, authenticate=lambda credential, key, use: credential.body)
    settings = mls.Extension(0xF0A0, b"settings")
    package = mls.parse_key_package(dave.key_package())
    proposals: list[mls.Proposal] = [mls.Remove(2), mls.Add(package), mls.SetExtensions((settings,))]
    plan = alice.group.plan(proposals)
    assert plan == mls.Plan(added=(2,), removed=(2,))
    _, own = alice.group.commit(alice.env, proposals, aad=b"aad", welcome_extensions=[mls.Extension(0xF0A1, b"w")])
    before = bob.group
    _, seen = before.receive(bob.env, own.message or b"")
    assert isinstance(seen, mls.Staged)
    for staged in (own, seen):
        assert (staged.epoch, staged.committer, staged.aad) == (3, 0, b"aad")
        assert tuple(member.leaf for member in staged.added) == plan.added
        assert [member.client for member in staged.removed] == [b"actor 2"]
        assert [member.leaf for member in staged.updated] == [0]
        assert staged.extensions == (settings,)
        assert [member.client for member in staged.members()] == [b"actor 0", b"actor 1", b"dave"]
    assert own.export("token", b"", 32) == seen.export("token", b"", 32)
    assert own.epoch_authenticator == seen.epoch_authenticator != before.epoch_authenticator
    assert bob.group == before
    assert own.welcome is not None
    dave.env = replace(dave.env, authenticate=lambda credential, key, use: credential.body)
    joined, info = mls.Group.join(dave.env, own.welcome, package, dave.packages[0][1])
    assert (info.signer, info.last_resort) == (0, False)
    assert info.extensions == (mls.Extension(0xF0A1, b"w"),)
    assert joined.export("token", b"", 32) == own.export("token", b"", 32)
    with pytest.raises(mls.Invalid, match="W3"):
        mls.Group.join(dave.env, own.welcome, package, dave.packages[0][1], known_groups={GROUP_ID})


def test_a_lost_race() -> None:
    """Two Commits of one epoch: the loser takes the winner's, then commits anew with another generation."""
    alice, bob, carol = crowd(1, 3)
    lost, _ = bob.commit()
    won, _ = alice.commit()
    deliver([alice, bob, carol], alice, won)
    agree([alice, bob, carol])
    with pytest.raises(mls.PastEpoch):
        carol.receive(lost)
    again, _ = bob.commit()
    deliver([alice, bob, carol], bob, again)
    agree([alice, bob, carol])


def test_dropped_commits_never_share_a_generation() -> None:
    alice, bob = crowd(1, 2)
    generations = []
    for _ in range(3):
        message, _ = alice.commit()
        parsed = parse_framed(message)
        assert isinstance(parsed, PrivateMessage)
        secret = bob.group.current.secrets.sender_data
        generations.append(protect.open_sender_data(bob.suite, parsed, sender_data_secret=secret).generation)
    assert generations == [0, 1, 2]


def test_messages_once_each_in_any_order() -> None:
    alice, bob = crowd(1, 2)
    sent = [alice.encrypt(b"%d" % number) for number in range(40)]
    with pytest.raises(mls.OwnMessage):
        alice.group.receive(alice.env, sent[0])
    order = [39, *range(10, 39), 0]
    bob.receive(sent[39])
    for number in order[1:-1]:
        assert bob.receive(sent[number]).data == b"%d" % number
    with pytest.raises(mls.TooOld):
        bob.receive(sent[0])
    for number in (39, 12, 38):
        with pytest.raises(mls.Replayed):
            bob.receive(sent[number])


def test_a_message_that_pushes_an_unused_key_out_says_so() -> None:
    alice, bob = crowd(1, 2)
    sent = [alice.encrypt(b"%d" % number) for number in range(40)]
    bob.receive(sent[5])
    _, near = bob.group.receive(bob.env, sent[6])
    _, far = bob.group.receive(bob.env, sent[39])
    assert isinstance(near, mls.Application)
    assert isinstance(far, mls.Application)
    assert (near.pushed_out, far.pushed_out) == (False, True)


def test_past_epochs_open_application_messages_for_a_while() -> None:
    alice, bob = crowd(1, 2)
    late = alice.encrypt(b"late")
    handshake, _ = alice.commit()
    lost = bob.encrypt(b"own")
    for _ in range(3):
        message, _ = alice.commit()
        deliver([alice, bob], alice, message)
    with pytest.raises(mls.PastEpoch):
        bob.receive(handshake)
    with pytest.raises(mls.OwnMessage):
        bob.receive(lost)
    assert bob.group.expire(NOW + 7 * DAY_S) is bob.group
    expired = bob.group.expire(NOW + 7 * DAY_S + 1)
    assert not expired.current.past
    for env, group in ((bob.env, expired), (replace(bob.env, now=NOW + 7 * DAY_S + 1), bob.group)):
        with pytest.raises(mls.PastEpoch):
            group.receive(env, late)
    assert bob.receive(late).data == b"late"
    with pytest.raises(mls.Replayed):
        bob.receive(late)
    message, _ = alice.commit()
    ahead = alice.group
    deliver([alice, bob], alice, message)
    with pytest.raises(mls.PastEpoch):
        bob.receive(late)
    _, message = ahead.encrypt(alice.env, b"x")
    future = alice.encrypt(b"future")
    with pytest.raises(mls.FutureEpoch):
        ahead_of(bob, future)


def ahead_of(actor: Actor, message: bytes) -> None:
    """The actor one epoch earlier receives the message."""
    parsed = parse_framed(message)
    assert isinstance(parsed, PrivateMessage)
    earlier = replace(actor.group, current=replace(actor.group.current, context=replace(actor.group.context, epoch=1)))
    earlier.receive(actor.env, message)


def test_a_remove_drops_past_epochs() -> None:
    alice, bob, carol = crowd(1, 3)
    late = alice.encrypt(b"late")
    message, _ = alice.commit(removes=[2])
    deliver([alice, bob], alice, message)
    assert not bob.group.current.past
    with pytest.raises(mls.PastEpoch):
        bob.receive(late)
    del carol


def test_messages_between_a_commit_and_its_echo_open_once() -> None:
    alice, bob = crowd(1, 2)
    message = bob.encrypt(b"in between")
    alice.group, staged = alice.group.commit(alice.env)
    assert alice.receive(message).data == b"in between"
    with pytest.raises(mls.Replayed):
        staged.apply(alice.group).receive(alice.env, message)


def test_standalone_proposals() -> None:
    alice, bob, carol = crowd(1, 3)
    bob.group, update = bob.group.propose_update(bob.env)
    carol.group, remove = carol.group.propose(carol.env, mls.Remove(2 - 1))
    for actor in (alice, bob, carol):
        for sender, proposal in ((bob, update), (carol, remove)):
            if actor is not sender:
                actor.group, event = actor.group.receive(actor.env, proposal)
                assert isinstance(event, mls.Proposed)
        with pytest.raises(mls.PendingProposals):
            actor.encrypt(b"too early")
        assert len(actor.group.pending) == 2
    # The Remove of bob goes before his own Update.
    message, _ = alice.commit()
    deliver([alice, carol], alice, message)
    agree([alice, carol])
    assert not alice.group.pending
    assert [member.leaf for member in alice.group.members()] == [0, 2]


def test_an_update_by_reference_brings_its_key() -> None:
    alice, bob, carol = crowd(1, 3)
    bob.group, update = bob.group.propose_update(bob.env)
    for actor in (alice, carol):
        actor.group, _ = actor.group.receive(actor.env, update)
    bob.group = mls.load(mls.save(bob.group))
    message, _ = alice.commit()
    deliver([alice, bob, carol], alice, message)
    agree([alice, bob, carol])


def test_at_most_256_proposals_wait() -> None:
    alice, bob = crowd(1, 2)
    stored = alice.group.propose(alice.env, mls.SetExtensions(()))[0].ratchets.proposals * MAX_PENDING
    alice.group = replace(alice.group, ratchets=replace(alice.group.ratchets, proposals=stored))
    _, another = bob.group.propose(bob.env, mls.SetExtensions(()))
    with pytest.raises(mls.PendingProposals):
        alice.group.receive(alice.env, another)


def test_a_welcome_without_its_path_secret_is_refused() -> None:
    alice, bob = crowd(1, 2)
    del bob
    third, fourth = (Actor(Directory(), suite=1, identity=name) for name in (b"third", b"fourth"))
    for actor in (alice, third, fourth):
        actor.env = replace(actor.env, authenticate=lambda credential, key, use: credential.body)
    adds = [third.key_package(), fourth.key_package()]
    package, own = third.packages[0]
    add_all: list[mls.Proposal] = [mls.Add(mls.parse_key_package(add)) for add in adds]
    _, honest = alice.group.commit(alice.env, add_all, force_path=True)
    assert mls.Group.join(third.env, honest.welcome or b"", package, own)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DrawnPath, "secret_for", lambda self, leaf: None)
        _, dishonest = alice.group.commit(alice.env, add_all, force_path=True)
    with pytest.raises(mls.Invalid, match="W5"):
        mls.Group.join(third.env, dishonest.welcome or b"", package, own)


def test_psks() -> None:
    alice, bob = crowd(1, 2)
    nonce = bytes(32)
    external = mls.Psk(mls.PreSharedKeyId(mls.ExternalPsk(b"id"), nonce))
    message, _ = alice.commit()
    deliver([alice, bob], alice, message)
    usage = mls.ResumptionUsage.APPLICATION
    resumption = mls.Psk(mls.PreSharedKeyId(mls.ResumptionPsk(usage, GROUP_ID, alice.group.epoch - 1), nonce))
    for actor, psk in ((alice, b"secret"), (bob, b"secret")):
        actor.env = replace(actor.env, psks={b"id": psk})
    alice.group, staged = alice.group.commit(alice.env, [external, resumption])
    _, seen = bob.group.receive(bob.env, staged.message or b"")
    assert isinstance(seen, mls.Staged)
    with pytest.raises(mls.Invalid, match="C7"):
        bob.group.receive(replace(bob.env, psks={b"id": b"other"}), staged.message or b"")


def test_a_reinit_suspends() -> None:
    alice, bob = crowd(1, 2)
    late = bob.encrypt(b"late")
    _, staged = alice.group.commit(alice.env, [mls.ReInit(b"next", 1, 0x53, ())])
    alice.group = staged.apply(alice.group)
    assert alice.group.state is mls.State.SUSPENDED
    for refused in (lambda: alice.encrypt(b"x"), lambda: alice.commit(), lambda: alice.group.propose_update(alice.env)):
        with pytest.raises(mls.Suspended):
            refused()
    assert alice.receive(late).data == b"late"
    assert mls.load(mls.save(alice.group)) == alice.group


def test_too_many_own_messages_ask_for_a_commit() -> None:
    alice, _ = crowd(1, 2)
    tree = alice.group.ratchets.secret_tree.next_key(0, RatchetKind.APPLICATION)[2]
    for kind, call in (
        (RatchetKind.APPLICATION, lambda: alice.encrypt(b"one more")),
        (RatchetKind.HANDSHAKE, lambda: alice.commit()),
    ):
        last = {**tree.ratchets, (0, kind): Ratchet(bytes(32), GENERATION_LIMIT)}
        alice.group = replace(
            alice.group, ratchets=replace(alice.group.ratchets, secret_tree=replace(tree, ratchets=last))
        )
        with pytest.raises(mls.GenerationLimit):
            call()


def test_leaf_limits() -> None:
    policy = mls.Policy(max_leaves=2, pq_max_leaves=2)
    for suite in SUITES:
        alice, bob = crowd(suite, 2, policy=policy)
        third = Actor(Directory(), suite=suite, identity=b"third")
        alice.env = replace(alice.env, authenticate=lambda credential, key, use: credential.body)
        with pytest.raises(mls.TooManyLeaves):
            alice.commit(adds=[third.key_package()])
        wide = replace(alice.env, policy=mls.Policy())
        _, staged = alice.group.commit(wide, [mls.Add(mls.parse_key_package(third.key_package()))])
        third.env = replace(third.env, policy=policy, authenticate=alice.env.authenticate)
        with pytest.raises(mls.TooManyLeaves):
            third.join(staged.welcome or b"")
        del bob


def test_public_handshakes() -> None:
    alice, bob, carol = crowd(1, 3, policy=mls.Policy(public_handshakes=True))
    message, _ = alice.commit(removes=[1])
    assert mls.peek(message).wire_format is mls.WireFormat.PUBLIC_MESSAGE
    assert mls.peek(message).content_type is mls.ContentType.COMMIT
    with pytest.raises(mls.Invalid, match="F2"):
        carol.group.receive(replace(carol.env, policy=mls.Policy()), message)
    deliver([alice, carol], alice, message)
    agree([alice, carol])
    del bob


def test_peek() -> None:
    alice, _ = crowd(1, 2)
    header = mls.peek(alice.encrypt(b"x", aad=b"aad"))
    assert (header.group_id, header.epoch, header.aad) == (GROUP_ID, 1, b"aad")
    assert header.content_type is mls.ContentType.APPLICATION
    with pytest.raises(mls.Invalid, match="F1"):
        mls.peek(alice.key_package())


def test_padding_hides_lengths() -> None:
    alice, _ = crowd(1, 2)
    sizes = {len(alice.encrypt(b"x" * size, pad_to=1024)) for size in (0, 1, 500)}
    assert len(sizes) == 1


def commit_of(actor: Actor, message: bytes) -> Commit:
    """The Commit in a message, opened with what the actor holds."""
    parsed = parse_framed(message)
    assert isinstance(parsed, PrivateMessage)
    secret = actor.group.current.secrets.sender_data
    sender = protect.open_sender_data(actor.suite, parsed, sender_data_secret=secret)
    opened = protect.open_private(actor.suite, parsed, sender_data=sender, secret_tree=actor.group.ratchets.secret_tree)
    content = opened.content.content.content
    assert isinstance(content, Commit)
    return content


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("size", range(2, 18))
def test_removal_regression(suite: int, size: int) -> None:
    """Whoever is removed opens no path secret of the Remove, reads nothing after it, and shares no exporter."""
    actors = crowd(suite, size)
    removed = actors[(size * 7) // 11 if size > 2 else 1]
    committer = actors[0] if removed is not actors[0] else actors[1]
    rest = [actor for actor in actors if actor is not removed]
    message, _ = committer.commit(removes=[removed.group.own_leaf])
    commit = commit_of(removed, message)
    assert commit.path is not None, "a Remove without a path"
    deliver(rest, committer, message)
    agree(rest)
    context = replace(
        rest[0].group.context, confirmed_transcript_hash=removed.group.context.confirmed_transcript_hash
    ).encode()
    tried = 0
    for node in commit.path.nodes:
        for sealed in node.encrypted_path_secret:
            for key in removed.group.current.private.keys.values():
                tried += 1
                with pytest.raises(CryptoError):
                    crypto.decrypt_with_label(
                        removed.suite, key, label=b"UpdatePathNode", context=context, sealed=sealed
                    )
    assert tried or size == 2
    assert removed.export("x", b"", 32) != rest[0].export("x", b"", 32)
    later = rest[0].encrypt(b"after")
    with pytest.raises(mls.FutureEpoch):
        removed.group.receive(removed.env, later)
    removed.receive(message)
    with pytest.raises(mls.Removed):
        removed.group.receive(removed.env, later)
