"""Our engine and mls-rs in one group: every operation that the peer's binding has, in both directions."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from tests.mls import forge
from tests.mls.actors import Actor, Directory

from zajil import mls

pytest.importorskip("mls_rs_uniffi", reason="mls-rs comes as a wheel for Linux on x86-64 and for macOS alone")

from tests.interop.mls_rs import SUITE, Refused, RsClient

pytestmark = pytest.mark.interop
OURS, THEIRS = "ours", "mls-rs"
BOTH = (OURS, THEIRS)
POLICY = mls.Policy(public_handshakes=True, max_lifetime=366 * 86_400)
"""mls-rs sends its handshakes as PublicMessages, and its leaves live a year."""
Member = Actor | RsClient


class Cast:
    """Members of both kinds who trust each other. All of them by the clock of mls-rs, which is the machine's."""

    def __init__(self) -> None:
        self.directory, self.made = Directory(), itertools.count()
        # Ahead, since a leaf that mls-rs makes later in the story lives from then on.
        self.now = int(time.time()) + 300
        self.live: list[Member] = []

    def member(self, kind: str) -> Member:
        identity = b"%s-%d" % (kind.encode(), next(self.made))
        if kind == OURS:
            return Actor(self.directory, suite=SUITE, identity=identity, policy=POLICY, now=self.now)
        client = RsClient(identity)
        self.directory.trust(identity, client.signature_key)
        return client

    def found(self, kind: str) -> Member:
        founder = self.member(kind)
        founder.create(b"group of both")
        self.live = [founder]
        return founder

    def commit(self, committer: Member, *, joiners: Sequence[Member] = (), removed: Sequence[Member] = ()) -> bytes:
        """One Commit that everybody takes; of mls-rs also one that adds and removes, by standalone proposals."""
        adds = [joiner.key_package() for joiner in joiners]
        epoch = self.epoch()
        if isinstance(committer, Actor):
            message, welcome = committer.commit(adds=adds, removes=[self.leaf_of(member) for member in removed])
        else:
            names = [(member.identity, member.signature_key) for member in removed]
            if adds and names:
                self.spread(committer, committer.propose(adds=adds, removes=names))
                adds, names = [], []
            message, welcome = committer.commit(adds=adds, removes=names)
        leaf = self.leaf_of(committer)
        for member in self.live:
            if member is committer:
                member.apply()
                continue
            received = member.receive(message)
            assert received.kind == "commit"
            assert received.sender in (leaf, -1)
        self.live = [member for member in self.live if member not in removed]
        for joiner in joiners:
            assert welcome is not None
            if isinstance(joiner, Actor):
                joiner.join(welcome)
            else:
                joiner.join(welcome, epoch=epoch + 1)
            self.live.append(joiner)
        assert (welcome is None) == (not joiners)
        return message

    def spread(self, sender: Member, proposals: Sequence[bytes]) -> None:
        for proposal in proposals:
            for member in self.live:
                if isinstance(member, RsClient) and member is not sender:
                    assert member.receive(proposal).kind == "proposal"
                elif isinstance(member, Actor):
                    member.group, event = member.group.receive(member.env, proposal)
                    assert isinstance(event, mls.Proposed)

    def epoch(self) -> int:
        return {self.epoch_of(member) for member in self.live}.pop()

    def epoch_of(self, member: Member) -> int:
        return member.group.epoch if isinstance(member, Actor) else member.epoch

    def leaf_of(self, member: Member) -> int:
        seer = self.live[0]
        rows = seer.state().members if isinstance(seer, Actor) else seer.members()
        return next(leaf for leaf, identity in rows if identity == member.identity)

    def check_agreement(self) -> None:
        """Equal epoch, tree, exporter and, as what mls-rs stores has it, epoch_authenticator."""
        assert len({self.epoch_of(member) for member in self.live}) == 1
        assert len({member.export("zajil test", b"context", 40) for member in self.live}) == 1
        ours = [member for member in self.live if isinstance(member, Actor)]
        group = ours[0].group
        assert {member.group.epoch_authenticator for member in ours} == {group.epoch_authenticator}
        for member in self.live:
            if isinstance(member, RsClient):
                assert member.tree().tree_hash() == group.context.tree_hash
                assert group.epoch_authenticator in member.stored_state(group.group_id)

    def check_talk(self) -> None:
        """Everybody's message opens for everybody else, once; ours with authenticated data."""
        for sender in self.live:
            text, leaf = b"from " + sender.identity, self.leaf_of(sender)
            aad = b"aad" if isinstance(sender, Actor) else b""
            message = sender.encrypt(text, aad=aad) if isinstance(sender, Actor) else sender.encrypt(text)
            for member in self.live:
                if member is sender:
                    continue
                expected = (leaf, aad) if isinstance(member, Actor) else (-1, b"")
                assert member.receive(message) == ("application", expected[0], text, expected[1])
                with pytest.raises((mls.Replayed, Refused)):
                    member.receive(message)


@pytest.mark.parametrize("founder_kind", BOTH)
def test_whole_life_of_a_group(founder_kind: str) -> None:
    cast = Cast()
    other = THEIRS if founder_kind == OURS else OURS
    founder = cast.found(founder_kind)
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
    cast.commit(third, removed=[founder])
    cast.check_agreement()
    late, later = cast.member(founder_kind), cast.member(OURS)
    cast.commit(fourth, joiners=[late, later], removed=[second])
    cast.check_agreement()
    cast.check_talk()
    cast.commit(late, removed=[third])
    cast.check_agreement()
    cast.check_talk()


def test_messages_out_of_order_and_a_lost_race() -> None:
    cast = Cast()
    ours, theirs = cast.found(OURS), cast.member(THEIRS)
    cast.commit(ours, joiners=[theirs])
    for sender, receiver in ((ours, theirs), (theirs, ours)):
        early = [sender.encrypt(b"%d" % i) for i in range(8)]
        assert [receiver.receive(early[i]).data for i in (7, 0, 3)] == [b"7", b"0", b"3"]
        sender.commit()  # lost: the other's is the one that comes back
        cast.commit(receiver)
        cast.check_agreement()
        cast.check_talk()


@pytest.mark.slow
@pytest.mark.parametrize("committer_kind", BOTH)
def test_removed_member_reads_nothing(committer_kind: str) -> None:
    """2 to 17 leaves: the Remove has a path that none of the removed member's keys opens (rule C8)."""
    cast = Cast()
    committer, witness = cast.found(committer_kind), cast.member(OURS)
    for leaves in range(2, 18):
        victim = cast.member(OURS)
        assert isinstance(victim, Actor)
        if leaves == 3:
            cast.commit(committer, joiners=[witness])
        if leaves > 3:
            # These read along; the victim takes the place of one of them.
            members = [cast.member(OURS), cast.member(THEIRS)]
            cast.commit(committer, joiners=members)
            others = cast.live[2:]
            cast.commit(committer, removed=[others[leaves * 5 % len(others)]])
        cast.commit(committer, joiners=[victim])
        assert len(cast.live) == leaves
        check_removal(cast, committer, victim)
    cast.check_agreement()


def check_removal(cast: Cast, committer: Member, victim: Actor) -> None:
    old = victim.group
    honest = next((m.group for m in cast.live if isinstance(m, Actor) and m not in (victim, committer)), None)
    message = cast.commit(committer, removed=[victim])
    assert victim.group.state is mls.State.REMOVED
    after = next((m.group for m in cast.live if isinstance(m, Actor)), None)
    if after is not None:
        context = replace(after.context, extensions=old.context.extensions)
        assert forge.opened_path_secrets(old, message, new_context=context) == 0
        if honest is not None:
            assert forge.opened_path_secrets(honest, message, new_context=context) == 1
    thief = Actor(cast.directory, suite=SUITE, identity=victim.identity, policy=POLICY, now=cast.now)
    thief.group = old
    later = committer.encrypt(b"without you")
    for reader in (thief, victim):
        with pytest.raises(mls.MlsError):
            reader.receive(later)
    assert thief.export("zajil test", b"", 32) != committer.export("zajil test", b"", 32)


def test_mls_rs_as_the_removed_member() -> None:
    cast = Cast()
    ours, theirs = cast.found(OURS), cast.member(THEIRS)
    assert isinstance(theirs, RsClient)
    cast.commit(ours, joiners=[theirs, cast.member(OURS)])
    old = theirs.export("zajil test", b"", 32)
    cast.commit(ours, removed=[theirs])
    assert theirs.is_removed
    with pytest.raises(Refused):
        theirs.receive(ours.encrypt(b"without you"))
    assert ours.export("zajil test", b"", 32) != old


def test_both_refuse_a_remove_without_path() -> None:
    cast = Cast()
    ours, theirs, other = cast.found(OURS), cast.member(THEIRS), cast.member(OURS)
    assert isinstance(ours, Actor)
    cast.commit(ours, joiners=[theirs, other, cast.member(OURS)])
    public = forge.Framing(wire_format=mls.WireFormat.PUBLIC_MESSAGE)
    forged = forge.commit(ours, [mls.Remove(3)], forge.Faults(path=False, framing=public))
    with pytest.raises(mls.Invalid, match="C1"):
        other.receive(forged.message)
    with pytest.raises(Refused):
        theirs.receive(forged.message)
    honest = forge.commit(ours, [mls.Remove(3)], forge.Faults(framing=public))
    for member in (other, theirs):
        assert member.receive(honest.message).kind == "commit"
