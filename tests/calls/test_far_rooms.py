"""One media room at two gateways: everybody hears of everybody and gets what the others send, wherever they are."""

from __future__ import annotations

import os

import pytest
from tests.calls.frames import frame
from tests.calls.party import ROOM, Party, read, read_frames

from zajil.calls.farnews import FRAME, GATEWAY_BYTES, GONE, HERE, News, Presence, encode_news, encode_presence
from zajil.calls.mediaframes import notice
from zajil.calls.rooms import ANSWER_S, CONNECTIONS, FAR_MAX, FAR_S, NoPlace
from zajil.engine.bus import MemoryBus, Topic
from zajil.protocol.calls import media
from zajil.protocol.calls.limits import PEOPLE
from zajil.protocol.calls.media import AUDIO, FRAME_BYTES, VIDEO


def parties(count: int = 2) -> list[Party]:
    bus = MemoryBus()
    return [Party(bus=bus) for _ in range(count)]


def test_people_at_several_gateways_are_in_one_room() -> None:
    here, there, third = parties(3)
    a = here.join()
    b = there.join()
    c = third.join()
    assert read(a) == [notice(media.JOINED, 1), notice(media.CAME, 2), notice(media.CAME, 3)]
    assert read(b) == [notice(media.JOINED, 2, 1), notice(media.CAME, 3)]
    assert read(c) == [notice(media.JOINED, 3, 1, 2)]
    sent = [frame(1, seq, kind=kind) for seq in range(3) for kind in (AUDIO, VIDEO)]
    for record in sent:
        here.feed(a, record)
    assert read_frames(b) == read_frames(c) == sent
    assert read(a) == []
    other = here.join()
    read(other)
    here.feed(a, frame(1, 9))
    assert [read_frames(each) for each in (b, c, other)] == [[frame(1, 9)]] * 3
    here.leave(a)
    left = [read(each) for each in (b, c, other)]
    assert [each[-1][:2] for each in left] == [notice(media.LEFT, 0)[:2]] * 3
    there.leave(b)
    third.leave(c)
    here.leave(other)
    assert all(party.rooms._rooms == {} for party in (here, there, third))


def test_other_rooms_of_other_gateways_are_apart_and_nothing_is_told_for_one_alone() -> None:
    here, there = parties()
    a, b = here.join(), there.join(b"o" * 16)
    told: list[bytes | None] = []
    here.rooms._bus.listen(Topic.ROOM, ROOM, told.append)
    here.feed(a, frame(1))
    assert told == [], "no frame crosses the bus where nobody is to get it"
    assert read(b) == [notice(media.JOINED, b.slot)]


def test_a_room_is_full_with_those_elsewhere() -> None:
    here, there = parties()
    members = [(party, party.join()) for party in (here, there) for _ in range(CONNECTIONS // 2)]
    for number, (party, member) in enumerate(members):
        party.feed(member, frame(number % PEOPLE))
    for party in (here, there):
        with pytest.raises(NoPlace):
            party.join()
    there.leave(members[-1][1])
    fifth = here.join()
    here.feed(fifth, frame(PEOPLE))
    assert fifth.close_code == media.ROOM_FULL


def test_own_frames_do_not_come_back_by_another_gateway() -> None:
    here, there = parties()
    mine, mine_too = here.join(ticket=b"mine"), there.join(ticket=b"mine")
    here.feed(mine, frame(1))
    there.feed(mine_too, frame(1, 2))
    for each in (mine, mine_too):
        read(each)
    here.feed(mine, frame(1, 3))
    assert read(mine_too) == []


def test_a_gateway_that_died_takes_its_people_along() -> None:
    here, there = parties()
    a, _ = here.join(), there.join()
    read(a)
    for _ in range(int(FAR_S)):
        here.now += 1
        there.now += 1
        here.feed(a, frame(1))
        there.rooms.sweep(there.now)
        here.rooms.sweep(here.now)
        assert read(a) == []
    here.now += FAR_S
    here.feed(a, frame(1))
    here.rooms.sweep(here.now)
    assert read(a) == [notice(media.LEFT, 2)]


def half_full() -> tuple[Party, Party]:
    """A room with as many connections as there may be, half of them at the other gateway, which answers no more."""
    here, there = parties()
    for party in (here, there):
        for number in range(CONNECTIONS // 2):
            party.feed(party.join(), frame(number % PEOPLE))
    there.rooms._rooms[ROOM].leave_bus()
    here.now += 1
    there.now += 1
    return here, there


def test_who_comes_back_from_a_gateway_that_died_needs_not_wait_for_the_place() -> None:
    here, _ = half_full()
    back = [here.join() for _ in range(CONNECTIONS // 2)]
    with pytest.raises(NoPlace):
        here.join()
    for number, member in enumerate(back):
        read(member)
        here.feed(member, frame(number % PEOPLE))
    here.now += ANSWER_S
    here.rooms.sweep(here.now)
    assert [member.close_code for member in back] == [None] * len(back)
    assert not back[0].room.far
    assert len([each for each in read(back[0]) if each[:2] == notice(media.LEFT, 0)[:2]]) == CONNECTIONS // 2
    here.leave(back[0])
    assert here.join().close_code is None


def test_whoever_tries_a_room_that_is_full_indeed_goes_when_all_have_answered() -> None:
    here, there = half_full()
    one, two = here.join(), here.join()
    there.rooms.sweep(there.now)  # the answer comes, late
    with pytest.raises(NoPlace):
        here.join()
    here.now += ANSWER_S
    here.rooms.sweep(here.now)
    assert (one.close_code, two.close_code) == (media.ROOM_FULL, media.ROOM_FULL)
    assert len(one.room.far) == CONNECTIONS // 2


def test_where_news_were_missed_everybody_is_found_again() -> None:
    bus, apart = MemoryBus(), MemoryBus()
    here, there = Party(bus=bus), Party(bus=apart)
    a, b = here.join(), there.join()
    # They could not hear each other until now: their one bus was away.
    passing: list[bytes] = []

    def pass_to(other: MemoryBus, news: bytes | None) -> None:
        if news is not None and news not in passing:  # what comes from there is not told back
            passing.append(news)
            other.tell(Topic.ROOM, ROOM, news)
            passing.remove(news)

    bus.listen(Topic.ROOM, ROOM, lambda news: pass_to(apart, news))
    apart.listen(Topic.ROOM, ROOM, lambda news: pass_to(bus, news))
    bus.miss([ROOM])
    assert read(a)[-1] == notice(media.CAME, 2)
    assert read(b)[-1] == notice(media.CAME, 2)


def test_what_nobody_could_mean_and_floods_change_nothing() -> None:
    party = parties(1)[0]
    a = party.join()
    read(a)
    stranger = b"s" * GATEWAY_BYTES
    presence = encode_presence(Presence(bytes(16), None))
    for data in (
        b"",
        b"h",
        encode_news(News(HERE, stranger, 1, presence + b"x")),
        encode_news(News(ord("x"), stranger, 1)),
        encode_news(News(GONE, stranger, 1)),
        encode_news(News(FRAME, stranger, 1, frame(2))),
    ):
        party.rooms._bus.tell(Topic.ROOM, ROOM, data)
    assert read(a) == []
    for number in range(2 * FAR_MAX):
        party.rooms._bus.tell(Topic.ROOM, ROOM, encode_news(News(HERE, os.urandom(8), number, presence)))
    assert len(read(a)) == FAR_MAX
    party.rooms._bus.tell(Topic.ROOM, ROOM, encode_news(News(HERE, stranger, 1, presence)))
    key = next(iter(a.room.far))
    for record in (b"", frame(2)[:9], bytes(FRAME_BYTES + 1)):
        party.rooms._bus.tell(Topic.ROOM, ROOM, encode_news(News(FRAME, *key, record)))
    assert read(a) == []
    assert party.bad == 3
    party.rooms._bus.tell(Topic.ROOM, ROOM, encode_news(News(FRAME, *key, frame(2))))
    assert read_frames(a) == [frame(2)]
