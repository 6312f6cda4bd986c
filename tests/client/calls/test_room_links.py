"""Links over the media room of a real server: the only way there is, or the one that is left."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.client.calls.pair import Member, call, now_ms, talk, until
from tests.client.calls.roomworld import Ways
from tests.client.people import befriend, register
from tests.client.serving import Served

from zajil.client.calls.media import links, rooming
from zajil.client.calls.media.attempts import Hears, Sends
from zajil.client.calls.media.room import Room, derive_room
from zajil.client.calls.media.rooming import RoomHears, RoomSends
from zajil.client.calls.media.rtc import SendingPeer
from zajil.client.calls.media.sound import Silence
from zajil.client.calls.showing import Measure
from zajil.protocol.calls import signals as sg
from zajil.protocol.calls.media import parse_frame
from zajil.protocol.ids import parse_b64

pytestmark = pytest.mark.calls
ROOM = derive_room(bytes(16), bytes(32))


@pytest.fixture
async def ways(server: Served, homes: Path) -> AsyncIterator[list[Ways]]:
    """Three ways to the room of one group: what two devices of a chat, and one more of the first, may use."""
    async with await register(homes, "Amal", server.url) as amal, await register(homes, "Boris", server.url) as boris:
        await befriend(amal, boris)
        gid = parse_b64(amal.find_chat("Boris").id)
        one, other = amal.calls(), boris.calls()
        yield [
            Ways(lambda: one.open_media(gid, ROOM)),
            Ways(lambda: other.open_media(gid, ROOM)),
            Ways(lambda: one.open_media(gid, ROOM)),
        ]


def members(ways: list[Ways], *, relay_only: bool = True) -> list[Member]:
    """relay_only, and no relays: nothing is left but the room."""
    return [Member(leaf, relay_only=relay_only, open_media=way.open) for leaf, way in enumerate(ways, 1)]


async def both_hear(one: Member, other: Member) -> None:
    await until(lambda: one.ups and other.ups)
    await until(lambda: one.ear.hears_tone() and other.ear.hears_tone())


def sending(member: Member, leaf: int) -> RoomSends:
    found: Sends | None = member.links._peers[leaf].carrying
    assert isinstance(found, RoomSends)
    return found


def hearing(member: Member, leaf: int) -> RoomHears:
    found: list[Hears] = list(member.links._peers[leaf].incoming.values())
    return [one for one in found if isinstance(one, RoomHears)][-1]


def room_of(member: Member) -> Room:
    assert member.links._rooming is not None
    assert member.links._rooming._room is not None
    return member.links._rooming._room


async def measured(sends: RoomSends) -> None:
    """The way to that peer and back."""
    await until(lambda: sends.leaf in sends.room.round_trips)


@pytest.mark.smoke
async def test_two_members_whose_only_way_is_the_room_hear_each_other_and_count_alike(ways: list[Ways]) -> None:
    async with call(*members(ways[:2])) as (one, other):
        await both_hear(one, other)
        await until(lambda: hearing(one, 2).opened >= 75 and hearing(other, 1).opened >= 75)
        for sender, hearer in ((one, other), (other, one)):
            sent, heard = sending(sender, hearer.leaf), hearing(hearer, sender.leaf)
            reports = sum(parse_frame(record).kind == "control" for record in ways[sender.leaf - 1].all[0].sent)
            assert sent.room.left == sent.sealed == sum(len(way.sent) for way in ways[sender.leaf - 1].all)
            # What was said before the other one had come is not heard; nothing else is missing.
            assert heard.ear.seen == heard.opened <= sent.sealed - reports
            assert sent.sealed - reports - heard.opened < 100
            assert heard.ear.dropped == {}
            assert heard.ear.far is not None, "a report every second"
            await measured(sent)
            print(f"the way there and back: {sent.rtt_ms} ms")
            print(f"frames played and missing: {heard.progress()}, delay {heard.ear.jitter.delay_ms} ms")
            measure: Measure = sender.measures[-1]
            assert (measure.rung, sent.rung, heard.rung) == ("server",) * 3
        assert (one.ups, one.downs, one.alarms, one.links.bad_input) == ([2], [], [], 0)
        assert not [signal for signal in one.sent if isinstance(signal, sg.Desc | sg.Cand)]
        sizes = {len(record) - 8 for record in ways[0].all[0].sent if parse_frame(record).kind == "audio"}
        print(f"sizes of sound on the wire: {sorted(sizes)}; up after {one.links._peers[2].up_after_ms} ms")
        assert len(sizes) <= 3, "one for a length of the counter"
    assert one.links._rooming is not None
    assert one.links._rooming._room is None


async def test_silence_flows_until_the_peer_has_heard_a_frame(ways: list[Ways]) -> None:
    one, deaf = members(ways[:2])
    one.add(1)
    deaf.add(1, key=bytes(16))
    try:
        talk(one, deaf)
        await until(lambda: deaf.links._peers[1].incoming)
        (heard,) = deaf.links._peers[1].incoming.values()
        assert isinstance(heard, RoomHears)
        await until(lambda: heard.ear.dropped.get("bad-tag", 0) >= 30)
        assert (heard.opened, deaf.ear.frames, one.ups, deaf.ups) == (0, [], [], [])
        assert not room_of(one).upload.is_open_to(2)
        assert deaf.alarms == [], "anybody in the room could have written that"
    finally:
        await one.links.close()
        await deaf.links.close()


@pytest.mark.parametrize("how", ["cut", "frozen"])
async def test_sound_comes_back_after_the_connection_is_gone_in_mid_call(ways: list[Ways], how: str) -> None:
    async with call(*members(ways[:2])) as (one, other):
        await both_hear(one, other)
        pc, before, began = sending(one, 2).pc, len(ways[0].all), now_ms()
        if how == "cut":
            await ways[0].cut()
        else:
            ways[0].all[-1].frozen = True
            await until(lambda: other.downs)
        await until(lambda: len(ways[0].all) > before)
        opened = hearing(other, 1).opened
        await until(lambda: hearing(other, 1).opened > opened)
        print(f"{how}: the first frame after {now_ms() - began} ms")
        since = hearing(other, 1).opened
        await until(lambda: one.links._peers[2].up and other.links._peers[1].up)
        await until(lambda: hearing(other, 1).opened > since + 25 and hearing(one, 2).opened > 25)
        await until(lambda: one.ear.hears_tone() and other.ear.hears_tone())
        assert sending(one, 2).pc == pc, "the same upload goes on"
        assert hearing(other, 1).ear.dropped.get("bad-tag", 0) == 0
        assert one.alarms == other.alarms == []


async def test_who_was_never_told_that_it_is_not_heard_is_heard_again(
    ways: list[Ways], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "UNPROVEN_MS", 300)
    async with call(*members(ways[:2])) as (one, other):
        await both_hear(one, other)
        one.deaf_to = other.deaf_to = lambda signal: isinstance(signal, sg.Lost)
        ways[0].closed = ways[1].closed = True
        way, sent = ways[0].all[-1], sending(one, 2)
        way.frozen = True
        await until(lambda: one.downs and other.downs)
        heard = hearing(other, 1)
        await until(lambda: heard.lost_ms is not None and now_ms() - heard.lost_ms > 600)
        way.frozen = False
        await until(lambda: one.links._peers[2].up and other.links._peers[1].up)
        assert (hearing(other, 1), sending(one, 2)) == (heard, sent), "the same upload is heard, without a word"


async def test_what_comes_twice_while_two_connections_overlap_is_heard_once(ways: list[Ways]) -> None:
    async with call(*members(ways[:2])) as (one, other):
        await both_hear(one, other)
        room = room_of(other)
        room._opened_at_ms -= 10_000
        room.renew()
        await until(lambda: len(ways[1].all) == 2 and len(room._ways) == 1)
        ear = hearing(other, 1).ear
        assert ear.dropped.get("replayed", 0) > 0, "both connections bring it for two seconds"
        assert ear.dropped.keys() == {"replayed"}
        assert ear.opened == ear.jitter.kept + ear.jitter.late
        assert other.downs == one.downs == []


async def test_a_removed_member_opens_nothing_of_what_comes_after(ways: list[Ways]) -> None:
    async with call(*members(ways[:2])) as (one, removed):
        await both_hear(one, removed)
        ear = hearing(removed, 1).ear
        one.add(2, removed=True)
        await until(lambda: ear.dropped.get("unknown-key", 0) >= 25)
        opened = ear.opened
        await until(lambda: ear.dropped["unknown-key"] >= 50)
        assert ear.opened == opened
        one.links.close_link(2)
        assert one.links._rooming is not None
        assert one.links._rooming._room is None, "nobody is left to speak to"
        await until(lambda: removed.downs)


async def test_who_comes_later_hears_the_upload_there_is(ways: list[Ways]) -> None:
    one, other, third = members(ways)
    try:
        for member in (one, other, third):
            member.add(1)
        talk(one, other)
        await both_hear(one, other)
        talk(one, third)
        talk(other, third)
        await until(lambda: sorted(third.ups) == [1, 2])
        await until(third.ear.hears_tone)
        for sender in (one, other):
            assert hearing(third, sender.leaf).pc == sending(sender, third.leaf).pc
            assert len({sending(sender, leaf).pc for leaf in sender.links._peers}) == 1, "one upload for all"
        assert [len(way.all) for way in ways] == [1, 1, 1], "and one connection"
        one.links.close_link(3)
        upload = room_of(one).upload
        await until(lambda: not upload.is_open_to(3))
        assert upload.is_open_to(2)
    finally:
        for member in (one, other, third):
            await member.links.close()


async def test_when_webrtc_is_blocked_in_mid_call_the_room_carries_on(
    ways: list[Ways], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with call(*members(ways[:2], relay_only=False)) as (one, other):
        await both_hear(one, other)
        assert one.rungs() == other.rungs() == ("direct", "direct")
        assert ways[0].all == ways[1].all == []

        async def no_candidates(_: SendingPeer) -> tuple[str, list[str]]:
            return "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\n", []

        monkeypatch.setattr(SendingPeer, "offer", no_candidates)
        for attempt in (*one.outgoing(), *other.outgoing()):
            attempt.peer._transceiver.sender._enabled = False
        await until(lambda: one.downs and other.downs)
        await until(lambda: one.links._peers[2].up and other.links._peers[1].up)
        await until(lambda: len(other.ear.frames) and one.ear.hears_tone() and other.ear.hears_tone())
        assert sending(one, 2).rung == sending(other, 1).rung == rooming.RUNG
        await until(lambda: hearing(other, 1).opened and hearing(one, 2).opened)


async def test_what_nobody_sealed_does_not_leave_and_ends_the_call(
    ways: list[Ways], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with call(*members(ways[:2])) as (one, other):
        await both_hear(one, other)
        room = room_of(one)
        left = room.left
        sealer = room.upload._sealer
        monkeypatch.setattr(sealer, "seal", lambda plain, metadata, *, now_ms: plain)
        await until(lambda: one.alarms)
        assert (one.links._peers, other.alarms) == ({}, [])
        assert room.left <= left + 1
        assert hearing(other, 1).ear.dropped == {}
        (sealed, *_) = [way.sent[-1] for way in ways[0].all]
        assert len(parse_frame(sealed).payload) > 120


async def test_a_muted_member_is_silent_and_stays_up(ways: list[Ways]) -> None:
    one, other = members(ways[:2])
    one._source = Silence
    async with call(one, other):
        await until(lambda: one.ups and other.ups)
        other.links.set_mic(on=False)
        await until(lambda: hearing(one, 2).opened > 60)
        await until(lambda: not one.ear.hears_tone() and one.ear.frames)
        assert one.downs == other.downs == []
