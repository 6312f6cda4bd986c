"""Our engine and the browser's in one group: every operation in both directions, in both suites of the product."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.interop.cast import OURS, THEIRS, Cast, Member
from tests.interop.ts_mls import Client, Peer, PeerRefused
from tests.mls import forge
from tests.mls.actors import SUITES, Actor

from zajil import mls

pytestmark = pytest.mark.interop
BOTH = (OURS, THEIRS)
TITLE = (0xF0A0, b"a title")


@pytest.mark.slow
@pytest.mark.parametrize("founder_kind", BOTH)
@pytest.mark.parametrize("suite", SUITES)
def test_whole_life_of_a_group(ts_mls: Peer, suite: int, founder_kind: str) -> None:
    cast = Cast(ts_mls, suite)
    other = THEIRS if founder_kind == OURS else OURS
    founder = cast.found(founder_kind, [TITLE])
    second = cast.member(other)
    cast.commit(founder, joiners=[second])
    cast.check_agreement()
    cast.check_talk()
    third, fourth = cast.member(OURS), cast.member(THEIRS)
    cast.commit(second, joiners=[third, fourth])
    for member in (founder, second, third, fourth, founder):
        cast.commit(member)
    cast.check_agreement()
    cast.check_talk()
    for member in (founder, second):
        cast.commit(member, extensions=[(0xF0A1, b"by %d" % member.state().leaf)])
        cast.check_agreement()
    cast.commit(third, removed=[founder])
    cast.check_agreement()
    late = cast.member(founder_kind)
    cast.commit(fourth, joiners=[late], removed=[second])
    cast.check_agreement()
    cast.check_talk()
    cast.commit(late, removed=[third], extensions=[TITLE])
    cast.check_agreement()
    cast.check_talk()
    assert founder.state().active != "active"


@pytest.mark.parametrize("suite", SUITES)
def test_messages_of_past_epochs_and_out_of_order(ts_mls: Peer, suite: int) -> None:
    cast = Cast(ts_mls, suite)
    ours, theirs = cast.found(OURS), cast.member(THEIRS)
    cast.commit(ours, joiners=[theirs])
    for sender, receiver in ((ours, theirs), (theirs, ours)):
        early = [sender.encrypt(b"%d" % i) for i in range(8)]
        for i in (7, 0, 3):
            assert receiver.receive(early[i]).data == b"%d" % i
        cast.commit(receiver)
        cast.commit(sender)
        for i in (1, 6):
            assert receiver.receive(early[i]).data == b"%d" % i
        with pytest.raises((mls.Replayed, PeerRefused)):
            receiver.receive(early[3])
        cast.check_talk()


@pytest.mark.parametrize("suite", SUITES)
def test_lost_race(ts_mls: Peer, suite: int) -> None:
    cast = Cast(ts_mls, suite)
    ours, theirs = cast.found(OURS), cast.member(THEIRS)
    cast.commit(ours, joiners=[theirs])
    for winner, loser in ((ours, theirs), (theirs, ours)):
        loser.commit(aad=b"lost")
        cast.commit(winner)
        cast.commit(loser)
        cast.check_agreement()
        cast.check_talk()


@pytest.mark.slow
@pytest.mark.parametrize("updater_kind", BOTH)
@pytest.mark.parametrize("suite", SUITES)
def test_partly_merged_tree(ts_mls: Peer, suite: int, updater_kind: str) -> None:
    """Rule T4 passes: a leaf unmerged in a lower parent and merged above it is an ordinary tree."""
    cast = Cast(ts_mls, suite)
    founder = cast.found(OURS)
    updater = cast.member(updater_kind)
    cast.commit(founder, ghosts=3)
    cast.commit(founder, joiners=[updater])
    assert updater.state().leaf == 4
    cast.commit(founder, removes=[1])
    gap = cast.member(THEIRS)
    cast.commit(founder, joiners=[gap])
    assert gap.state().leaf == 1
    cast.commit(updater)
    newcomers = [cast.member(kind) for kind in BOTH]
    cast.commit(founder, joiners=newcomers)
    cast.check_agreement()
    for member in (newcomers[1], gap, newcomers[0]):
        cast.commit(member)
    cast.check_agreement()
    cast.check_talk()


@pytest.mark.slow
@pytest.mark.parametrize("committer_kind", BOTH)
@pytest.mark.parametrize("suite", SUITES)
def test_removed_member_reads_nothing(ts_mls: Peer, suite: int, committer_kind: str) -> None:
    """2 to 17 leaves: the Remove has a path that none of the removed member's keys opens (rule C8)."""
    cast = Cast(ts_mls, suite)
    committer, witness = cast.found(committer_kind), cast.member(OURS)
    for leaves in range(2, 18):
        victim = cast.member(OURS)
        if leaves == 3:
            cast.commit(committer, joiners=[witness])
        if leaves > 3:
            # Ghosts are clients that never come online; the victim takes the place of one of them.
            cast.commit(committer, ghosts=2)
            ghosts = [leaf for leaf, _ in committer.state().members][2:]
            cast.commit(committer, removes=[ghosts[leaves * 5 % len(ghosts)]])
        cast.commit(committer, joiners=[victim])
        assert len(committer.state().members) == leaves
        check_removal(cast, committer, victim, witness)
    cast.check_talk()


def check_removal(cast: Cast, committer: Member, victim: Member, witness: Member) -> None:
    assert isinstance(victim, Actor)
    assert isinstance(witness, Actor)
    old, honest = victim.group, witness.group if witness in cast.live else None
    message = cast.commit(committer, removed=[victim])
    assert victim.state().active == "removed"
    after = committer.state()
    context = replace(
        old.context,
        epoch=after.epoch,
        tree_hash=after.tree_hash,
        confirmed_transcript_hash=after.confirmed_transcript_hash,
    )
    assert forge.opened_path_secrets(old, message, new_context=context) == 0
    if honest is not None:
        assert forge.opened_path_secrets(honest, message, new_context=context) == 1
    later = committer.encrypt(b"without you")
    thief = Actor(cast.directory, suite=cast.suite, identity=victim.identity)
    thief.group = old
    for reader in (thief, victim):
        with pytest.raises(mls.MlsError):
            reader.receive(later)
    assert thief.export("zajil test", b"", 32) != committer.export("zajil test", b"", 32)


@pytest.mark.parametrize("suite", SUITES)
def test_ts_mls_as_the_removed_member(ts_mls: Peer, suite: int) -> None:
    cast = Cast(ts_mls, suite)
    ours, theirs = cast.found(OURS), cast.member(THEIRS)
    assert isinstance(theirs, Client)
    cast.commit(ours, joiners=[theirs], ghosts=3)
    thief = theirs.fork(f"thief-{suite}")
    old = theirs.export("zajil test", b"", 32)
    cast.commit(ours, removed=[theirs])
    later = ours.encrypt(b"without you")
    for client in (theirs, thief):
        with pytest.raises(PeerRefused):
            client.receive(later)
    assert ours.export("zajil test", b"", 32) != old


@pytest.mark.parametrize("suite", SUITES)
def test_both_refuse_a_remove_without_path(ts_mls: Peer, suite: int) -> None:
    cast = Cast(ts_mls, suite)
    ours, theirs, other = cast.found(OURS), cast.member(THEIRS), cast.member(OURS)
    assert isinstance(ours, Actor)
    cast.commit(ours, joiners=[theirs, other], ghosts=2)
    forged = forge.commit(ours, [mls.Remove(3)], forge.Faults(path=False))
    with pytest.raises(mls.Invalid, match="C1"):
        other.receive(forged.message)
    with pytest.raises(PeerRefused, match="C1"):
        theirs.receive(forged.message)
    honest = forge.commit(ours, [mls.Remove(3)])
    for member in (other, theirs):
        assert member.receive(honest.message).kind == "commit"
