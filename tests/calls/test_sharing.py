"""A person's connections share what comes: little comes twice, nothing is lost, and nobody draws it away."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.calls.frames import frame
from tests.calls.party import Party, read, read_frames

from zajil.calls.rooms import SETTLE_S, Member
from zajil.protocol.calls.media import AUDIO, CONTROL, VIDEO

MINE, PEER = 1, 2
KINDS = (AUDIO, VIDEO, CONTROL)


class Talk(NamedTuple):
    """A peer with one connection, and a person with one for audio and one for video, both of one ticket."""

    party: Party
    peer: Member
    audio: Member
    video: Member

    def pass_time(self, seconds: float, *quiet: Member) -> None:
        """Everybody goes on sending, but those."""
        for _ in range(int(seconds * 10)):
            self.party.now += 0.1
            for member, leaf, kind in ((self.peer, PEER, AUDIO), (self.audio, MINE, AUDIO), (self.video, MINE, VIDEO)):
                if member not in quiet:
                    self.party.feed(member, frame(leaf, kind=kind))

    def forget(self, *others: Member) -> None:
        for member in (self.peer, self.audio, self.video, *others):
            read(member)


def talk() -> Talk:
    party = Party()
    one = Talk(party, party.join(), party.join(ticket=b"mine"), party.join(ticket=b"mine"))
    one.pass_time(SETTLE_S + 0.1)
    one.forget()
    return one


def of_each_kind(party: Party, member: Member, leaf: int = PEER) -> list[bytes]:
    """Feed one frame of each kind; what was fed."""
    party.now += 0.01
    sent = [frame(leaf, int(party.now * 100) % 65536, kind=kind) for kind in KINDS]
    for record in sent:
        party.feed(member, record)
    return sent


def test_each_frame_comes_once_on_the_connection_for_its_kind() -> None:
    one = talk()
    sound, picture, control = of_each_kind(one.party, one.peer)
    assert read_frames(one.audio) == [sound]
    assert read_frames(one.video) == [picture, control]
    one.party.feed(one.audio, frame(MINE, 1, kind=CONTROL))
    *_, control = of_each_kind(one.party, one.peer)
    assert control in read_frames(one.audio)


def test_nobody_gets_frames_of_his_own() -> None:
    one = talk()
    sent = of_each_kind(one.party, one.audio, MINE)
    assert read_frames(one.peer) == sent
    assert read_frames(one.video) == []


def test_pictures_for_somebody_without_a_camera_come_beside_his_audio() -> None:
    party = Party()
    peer, audio, other = party.join(), party.join(ticket=b"mine"), party.join(ticket=b"mine")
    for _ in range(30):
        party.now += 0.1
        party.feed(audio, frame(MINE))
        party.feed(other, frame(MINE, kind=CONTROL))
    read(audio), read(other)
    sound, *rest = of_each_kind(party, peer)
    assert (read_frames(audio), read_frames(other)) == ([sound], rest)


def test_a_connection_that_has_sent_nothing_gets_everything_and_so_does_everybody_alone() -> None:
    one = talk()
    fresh, stranger = one.party.join(ticket=b"mine"), one.party.join()
    sent = of_each_kind(one.party, one.peer)
    assert read_frames(fresh) == read_frames(stranger) == sent
    assert sorted(read_frames(one.audio) + read_frames(one.video)) == sorted(sent)


def test_whoever_opens_a_new_connection_before_the_old_one_closes_loses_nothing() -> None:
    for ticket in (b"mine", b"a later one"):
        one = talk()
        sent, got = of_each_kind(one.party, one.peer), []
        new = one.party.join(ticket=ticket)
        sent += of_each_kind(one.party, one.peer)
        one.party.feed(new, frame(MINE))
        sent += of_each_kind(one.party, one.peer)
        got += read_frames(one.audio)
        one.party.leave(one.audio)
        sent += of_each_kind(one.party, one.peer)
        got += read_frames(new) + read_frames(one.video)
        assert set(sent) <= set(got)


def test_a_new_connection_takes_over_within_two_seconds_from_an_old_one_that_stays() -> None:
    one = talk()
    new = one.party.join(ticket=b"mine")
    one.party.feed(new, frame(MINE))
    one.pass_time(SETTLE_S - 0.2, one.audio)
    one.party.feed(new, frame(MINE))
    one.forget(new)
    sound, *_ = of_each_kind(one.party, one.peer)
    assert read_frames(one.audio)[0] == read_frames(new)[0] == sound
    one.party.now += 0.3
    one.party.feed(new, frame(MINE))
    one.party.feed(one.video, frame(MINE, kind=VIDEO))
    one.forget(new)
    sound, *rest = of_each_kind(one.party, one.peer)
    assert (read_frames(one.audio), read_frames(new), read_frames(one.video)) == ([], [sound], rest)


def test_a_dead_connection_costs_nothing_once_another_one_has_spoken() -> None:
    """The old ones say nothing more, and are not closed for half a minute."""
    one = talk()
    one.party.now += 0.5
    new = one.party.join(ticket=b"mine")
    for _ in range(100):
        one.party.now += 0.1
        one.party.feed(new, frame(MINE))
        sent = of_each_kind(one.party, one.peer)
        assert read_frames(new) == sent
    assert one.audio.close_code is one.video.close_code is None


def test_where_none_speaks_all_get_everything() -> None:
    one = talk()
    one.pass_time(SETTLE_S, one.audio, one.video)
    one.forget()
    sent = of_each_kind(one.party, one.peer)
    assert read_frames(one.audio) == read_frames(one.video) == sent


def test_whoever_poses_as_another_by_the_leaf_draws_nothing_away() -> None:
    """Somebody of the room, with a ticket of his own, who sends more of each kind than his victim, and later."""
    one = talk()
    thief = one.party.join(ticket=b"another's")
    for _ in range(40):
        one.pass_time(0.1)
        for _ in range(2):
            of_each_kind(one.party, thief, MINE)
        one.forget(thief)
        sent = of_each_kind(one.party, one.peer)
        assert (read_frames(one.audio), read_frames(one.video)) == (sent[:1], sent[1:])
        assert read_frames(thief) == sent


def test_whoever_poses_as_another_cannot_keep_frames_from_him_either() -> None:
    """His frames with the victim's leaf reach the victim, who finds that no key opens them: as before."""
    one = talk()
    thief = one.party.join(ticket=b"another's")
    sent = of_each_kind(one.party, thief, MINE)
    assert sorted(read_frames(one.audio) + read_frames(one.video)) == sorted(sent)
    assert read_frames(one.peer) == sent


class Step(NamedTuple):
    """who: of the room's connections. kind: None to leave, or to join again. after_s: since the step before."""

    who: int
    kind: int | None
    after_s: float


STEPS = st.lists(
    st.builds(
        Step, st.integers(0, 7), st.sampled_from((*KINDS, *KINDS, None)), st.sampled_from((0.0, 0.01, 0.5, 2.0, 5.0))
    ),
    max_size=80,
)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_a_person_gets_every_frame_of_others_whoever_claims_his_leaf(steps: list[Step]) -> None:
    """Connections 0 to 2 are one person's; 3 to 5 are a peer's; 6 and 7 claim the person's leaf with other tickets.

    As long as a person has any connection, each frame of somebody else reaches at least one of them.
    """
    party = Party()
    tickets = [b"mine"] * 3 + [b"peer"] * 3 + [b"thief", b"other thief"]
    seats: dict[int, Member] = {}
    for number, (who, kind, after_s) in enumerate(steps):
        party.now += after_s
        if who not in seats:
            seats[who] = party.join(ticket=tickets[who])
        elif kind is None:
            party.leave(seats.pop(who))
        else:
            record = frame(PEER if tickets[who] == b"peer" else MINE, number, kind=kind)
            for member in seats.values():
                read(member)
            party.feed(seats[who], record)
            got = {seat: read_frames(member) == [record] for seat, member in seats.items()}
            for ticket in {tickets[seat] for seat in seats} - {tickets[who]}:
                assert any(got[seat] for seat in seats if tickets[seat] == ticket)
            assert not got[who]
