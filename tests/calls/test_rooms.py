"""Media rooms without a socket: who hears what, who is thrown out, and what a slow receiver loses."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.calls.frames import frame, sframe
from tests.calls.party import Party, read

from zajil.calls.mediaframes import notice, parse_head
from zajil.calls.queue import LATE_S, QUEUE_BYTES, MediaQueue, Waiting
from zajil.calls.rooms import CONNECTIONS, LIFE_S, NoPlace
from zajil.protocol.calls import media
from zajil.protocol.calls.limits import PEOPLE
from zajil.protocol.calls.media import AUDIO, CONTROL, VIDEO


def test_everybody_hears_of_everybody_and_gets_what_the_others_send() -> None:
    party = Party()
    a = party.join()
    assert read(a) == [notice(media.JOINED, a.slot)]
    b = party.join()
    assert read(b) == [notice(media.JOINED, b.slot, a.slot)]
    assert read(a) == [notice(media.CAME, b.slot)]
    sent = [frame(1, seq, kind=kind) for seq in range(3) for kind in (AUDIO, VIDEO, CONTROL)]
    for record in sent:
        party.feed(a, record)
    assert read(b) == [bytes([a.slot]) + record for record in sent]
    assert read(a) == []
    party.leave(a)
    assert read(b) == [notice(media.LEFT, a.slot)]
    party.leave(b)
    assert len(party.rooms) == 0
    assert party.rooms._rooms == {}


def test_rooms_are_apart() -> None:
    party = Party()
    a, b, other = party.join(), party.join(), party.join(b"o" * 16)
    party.feed(a, frame(1))
    assert len(read(b)) == 2
    assert read(other) == [notice(media.JOINED, other.slot)]


def test_a_room_takes_four_people_and_twelve_connections() -> None:
    party = Party()
    members = [party.join() for _ in range(CONNECTIONS - 1)]
    for number, member in enumerate(members):
        party.feed(member, frame(number % PEOPLE))
        assert member.close_code is None
    fifth = party.join()
    with pytest.raises(NoPlace) as caught:
        party.join()
    assert caught.value.code == media.ROOM_FULL
    for member in members:
        read(member)
    party.feed(fifth, frame(PEOPLE))
    assert fifth.close_code == media.ROOM_FULL
    assert all(read(member) == [] for member in members)
    party.leave(fifth)
    for member in members[0::PEOPLE]:  # one person leaves with all connections
        party.leave(member)
    newcomer = party.join()
    party.feed(newcomer, frame(PEOPLE))
    assert newcomer.close_code is None


def test_all_rooms_together_are_bounded() -> None:
    party = Party(connections_max=2)
    first = party.join(b"1" * 16)
    party.join(b"2" * 16)
    with pytest.raises(NoPlace) as caught:
        party.join(b"3" * 16)
    assert caught.value.code == media.TRY_LATER
    party.leave(first)
    party.join(b"3" * 16)


def test_a_slot_is_not_given_again_at_once() -> None:
    party = Party()
    stays, slots = party.join(), []
    for _ in range(300):
        member = party.join()
        slots.append(member.slot)
        party.leave(member)
        read(stays)
    assert 0 not in slots
    assert stays.slot not in slots
    assert len(set(slots[:254])) == 254


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\x01",
        frame(1)[:8],
        frame(1)[:20],
        bytes([3]) + frame(1)[1:],
        bytes([0]) + frame(1)[1:],
        frame(1)[:1] + b"\x02" + frame(1)[2:],
        frame(1, key=True),
        frame(1)[:8] + b"\xff" + bytes(30),
        frame(2),
    ],
    ids=[
        "empty",
        "short",
        "header",
        "no tag",
        "kind 3",
        "kind 0",
        "flags",
        "audio as a key frame",
        "KID longer than all",
        "another leaf",
    ],
)
def test_what_is_no_frame_is_dropped_and_counted_and_changes_nothing_else(record: bytes) -> None:
    party = Party()
    a, b = party.join(), party.join()
    party.feed(a, frame(1))
    read(b)
    party.feed(a, record)
    assert (party.bad, a.close_code, read(b)) == (1, None, [])
    party.feed(a, frame(1, 1))
    assert len(read(b)) == 1


@pytest.mark.parametrize(
    ("kind", "largest"), [(AUDIO, media.AUDIO_BYTES), (VIDEO, 16_000), (CONTROL, 16_000), (7, 16_000)]
)
def test_a_frame_larger_than_its_kind_ends_the_connection(kind: int, largest: int) -> None:
    party = Party()
    a, b = party.join(), party.join()
    read(b)
    party.feed(a, frame(1, kind=kind).ljust(largest, b"c"))
    assert a.close_code is None
    party.feed(a, frame(1, 1, kind=kind).ljust(largest + 1, b"c"))
    assert a.close_code == media.TOO_MUCH
    assert len(read(b)) == (kind != 7)
    party.feed(a, frame(1, 2))
    assert read(b) == []


def test_a_flood_of_frames_or_bytes_ends_the_connection_and_a_stalled_network_does_not() -> None:
    for kind, size, fits in ((AUDIO, 40, 240), (VIDEO, 15_000, 16), (0, 20, 240)):
        party = Party()
        a = party.join()
        sent = 0
        while a.close_code is None and sent < 1000:
            party.feed(a, frame(1, sent, kind=kind, size=size))
            sent += 1
        assert a.close_code == media.TOO_MUCH
        assert fits <= sent - 1 <= fits + 2
    party = Party()
    a = party.join()
    for second in range(60):
        party.now += 1
        for number in range(100):
            party.feed(a, frame(1, second * 100 + number, size=1000, kind=VIDEO))
    assert a.close_code is None


@pytest.mark.parametrize(("kind", "size", "a_second"), [(AUDIO, 60, 480), (VIDEO, 12_487, 40)])
def test_a_room_passes_on_what_its_people_may_send_and_drops_the_rest(kind: int, size: int, a_second: int) -> None:
    """However many connections they have: 480 frames and 500 kB a second."""
    party = Party()
    members = [party.join() for _ in range(CONNECTIONS)]
    listener = members[-1]
    got = sent = 0
    for second in range(6):
        for number in range(a_second // PEOPLE):
            party.now += PEOPLE / a_second
            for place, member in enumerate(members[:-1]):
                record = frame(place % PEOPLE, number, kind=kind, size=size, key=kind == VIDEO)
                party.feed(member, record)
                sent += 1
                got += sum(each[0] != 0 for each in read(listener))
        assert [member.close_code for member in members] == [None] * CONNECTIONS, second
    assert party.over == sent - got
    # 6 s, and 2 s at once, but for what each connection has of it at that moment.
    assert got in range(8 * a_second - CONNECTIONS, 8 * a_second + CONNECTIONS)


@pytest.mark.parametrize(("kind", "size"), [(AUDIO, 500), (AUDIO, 40), (VIDEO, 1_000)])
@pytest.mark.parametrize("floods", [6, CONNECTIONS - 2])
def test_one_member_who_floods_a_room_takes_no_frame_from_the_others(floods: int, kind: int, size: int) -> None:
    """With tickets and leaves of others he fills what the room has, and each of two goes on with what sound takes."""
    party = Party()
    members = [party.join(), party.join()]
    hostile = [party.join(ticket=b"his %d" % (number // 2)) for number in range(floods)]
    heard = [0, 0]
    for tick in range(25 * 20):
        party.now += 1 / 25
        for number, member in enumerate(hostile):
            for part in range(5 if tick % 4 else 4):  # nearly the 120 a second that end a connection
                party.feed(
                    member,
                    frame((0, 1, 2, 2)[number % PEOPLE], 5 * tick + part, kind=kind, size=size, key=kind == VIDEO),
                )
        for leaf, member in enumerate(members):
            party.feed(member, frame(leaf, tick, size=160))
            if tick % 25 == 0:
                party.feed(member, frame(leaf, tick, kind=CONTROL, size=60))
        for place, (member, other) in enumerate(zip(members, reversed(members), strict=True)):
            heard[place] += sum(record[0] == other.slot for record in read(member))
    assert party.over > 0, "he is stopped"
    assert heard == [26 * 20] * 2
    assert [member.close_code for member in (*members, *hostile)] == [None] * (2 + floods)


def test_four_people_with_two_connections_each_lose_nothing() -> None:
    party = Party()
    members = [party.join() for _ in range(2 * PEOPLE)]
    for number in range(50 * 30):
        party.now += 0.02
        for place, member in enumerate(members):
            if place % 2 == 0:
                party.feed(member, frame(place // 2, number))
            elif number % 5 < 3:
                party.feed(member, frame(place // 2, number, kind=VIDEO, size=2_500))
    assert (party.over, party.bad) == (0, 0)
    assert all(member.close_code is None for member in members)


def test_what_is_no_record_counts_too() -> None:
    party = Party()
    a = party.join()
    for _ in range(241):
        party.rooms.heard(a, 256, now=party.now)
    assert a.close_code == media.TOO_MUCH


def test_silence_ends_a_connection_and_one_that_does_not_end_is_given_up() -> None:
    party = Party()
    a, b = party.join(), party.join()
    party.now += 29.9
    party.feed(b, frame(2))
    party.rooms.sweep(party.now)
    assert (a.close_code, b.close_code) == (None, None)
    party.now += 0.1
    party.rooms.sweep(party.now)
    assert (a.close_code, b.close_code, a.dropped) == (media.IDLE, None, False)
    party.now += 5
    party.rooms.sweep(party.now)
    assert (a.dropped, b.dropped) == (True, False)


def test_what_is_no_frame_keeps_no_connection() -> None:
    party = Party()
    a = party.join()
    party.now += 29
    party.feed(a, b"x")
    party.now += 1
    party.rooms.sweep(party.now)
    assert (a.close_code, party.bad) == (media.IDLE, 1)


def test_after_ten_minutes_a_connection_needs_a_new_ticket() -> None:
    """Somebody who was removed from the group gets none, and hears no more."""
    party = Party()
    a = party.join()
    began = party.now
    while party.now < began + LIFE_S:
        assert a.close_code is None
        party.feed(a, frame(1))
        party.now += 20
        party.rooms.sweep(party.now)
    assert a.close_code == media.RESTART


def test_at_the_end_of_the_server_everybody_is_told_to_come_again() -> None:
    party = Party()
    a, full = party.join(), party.join(b"o" * 16)
    full.close(media.TOO_MUCH, party.now)
    party.rooms.close_all(party.now)
    assert (a.close_code, full.close_code) == (media.RESTART, media.TOO_MUCH)


# A slow receiver


def test_video_goes_first_and_comes_back_with_a_key_frame() -> None:
    party = Party()
    a, b = party.join(), party.join()
    read(b)
    audio = [frame(1, seq) for seq in range(4)]
    video = [frame(1, seq, kind=VIDEO, size=12_000) for seq in range(6)]
    for one, other in zip(audio, video, strict=False):
        party.feed(a, one)
        party.feed(a, other)
    party.now += 1
    for record in video[4:]:
        party.feed(a, record)
    assert b.queue.size_bytes <= QUEUE_BYTES
    assert [record[1:] for record in read(b)] == audio
    party.now += 1
    later = [frame(1, 10 + n, kind=VIDEO) for n in range(3)]
    for record in later:
        party.feed(a, record)
    assert read(b) == []
    key = frame(1, 20, kind=VIDEO, key=True)
    party.feed(a, key)
    party.feed(a, later[0])
    assert [record[1:] for record in read(b)] == [key, later[0]]


def test_audio_that_is_late_goes_next_and_the_newest_stays() -> None:
    party = Party()
    a, b = party.join(), party.join()
    hello = read(b)
    assert hello
    for seq in range(200):
        party.now += 0.02
        party.feed(a, frame(1, seq, size=500))
    assert b.queue.size_bytes <= QUEUE_BYTES
    left = read(b)
    assert [int.from_bytes(record[3:5], "big") for record in left] == list(range(200 - len(left), 200))
    assert LATE_S / 0.02 <= len(left) <= QUEUE_BYTES // 500
    assert a.close_code is b.close_code is None


def test_one_slow_receiver_costs_nobody_else_anything() -> None:
    party = Party()
    a, slow, quick = party.join(), party.join(), party.join()
    read(quick)
    got = 0
    for seq in range(500):
        party.now += 0.02
        party.feed(a, frame(1, seq, size=500))
        got += len(read(quick))
    assert got == 500
    assert slow.queue.size_bytes <= QUEUE_BYTES


def test_notices_are_never_dropped_and_whoever_reads_none_of_them_is_thrown_out() -> None:
    party = Party()
    deaf = party.join()
    for _ in range(20_000):
        if deaf.close_code is not None:
            break
        party.leave(party.join())
    assert deaf.close_code == media.TOO_MUCH
    assert deaf.queue.size_bytes <= QUEUE_BYTES


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32))
def test_a_queue_is_bounded_and_in_order_whatever_comes(seed: int) -> None:
    rng = random.Random(seed)
    queue, now = MediaQueue(), 0.0
    pushed: list[bytes] = []
    pulled: list[bytes] = []
    for number in range(400):
        now += rng.random() * LATE_S
        kind = rng.choice((AUDIO, AUDIO, VIDEO, CONTROL))
        record = number.to_bytes(4, "big") + bytes(rng.choice((60, 590, 6_000, 16_001)))
        pushed.append(record)
        queue.push(Waiting(record, rng.randint(1, 3), kind, rng.random() < 0.2, now))
        assert queue.size_bytes <= QUEUE_BYTES
        if rng.random() < 0.3:
            pulled += queue.pull()
    while records := queue.pull():
        pulled += records
    assert pulled == sorted(pulled)
    assert len(pulled) + queue.dropped == len(pushed)
    assert (len(queue), queue.size_bytes) == (0, 0)


# Parsing


@pytest.mark.parametrize("leaf", [0, 1, 255, 65535])
@pytest.mark.parametrize("ctr", [0, 7, 8, 2**24])
def test_the_leaf_is_read_from_any_header(leaf: int, ctr: int) -> None:
    for ctx in (0, 1, 2**30):
        record = bytes((AUDIO, 0, 0, 0, 0, 0, 0, 0)) + sframe(leaf, ctr=ctr, ctx=ctx)
        head = parse_head(record)
        assert head is not None
        assert head.leaf == leaf


@pytest.mark.fuzz
@settings(max_examples=2000, deadline=None)
@given(st.binary(max_size=100))
def test_no_bytes_break_a_room(record: bytes) -> None:
    party = Party()
    a, b = party.join(), party.join()
    party.feed(a, record)
    assert a.close_code is None
    assert len(read(b)) + party.bad == 2
