"""Signals of the media room that get lost, repeat or lie, and the way back to WebRTC. The room is in memory."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from tests.client.calls.pair import CALL, Member, call, talk, until
from tests.client.calls.roomworld import Place
from tests.client.calls.test_room_links import both_hear, hearing, room_of, sending

from zajil.client.calls.media import rooming
from zajil.client.calls.media.peers import Peer
from zajil.client.calls.media.room import DOUBTS
from zajil.client.calls.media.rtc import Relay, SendingPeer
from zajil.client.calls.media.sound import Nowhere, Silence, Switch
from zajil.protocol.calls import ladder, media
from zajil.protocol.calls.limits import ATTEMPTS
from zajil.protocol.calls.signals import Got, Room

pytestmark = pytest.mark.calls


def members(place: Place, *, relay_only: bool = True) -> list[Member]:
    return [Member(leaf, relay_only=relay_only, open_media=place.open) for leaf in (1, 2)]


@pytest.mark.parametrize("lost", [Room, Got])
async def test_a_signal_that_gets_lost_is_said_again(lost: type[Room | Got], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooming, "OFFER_AGAIN_MS", 300)
    one, other = members(Place())
    swallowed: list[object] = []

    def swallows_the_first(signal: object) -> bool:
        if isinstance(signal, lost) and not swallowed:
            swallowed.append(signal)
            return True
        return False

    other.deaf_to = swallows_the_first
    one.deaf_to = lambda signal: isinstance(signal, Room) and one.links._peers == {}
    async with call(one, other):
        await both_hear(one, other)
        assert len(swallowed) == 1
        asked = [signal for signal in one.sent if isinstance(signal, Room)]
        assert len(asked) >= (2 if lost is Room else 1)
        assert {signal.pc for signal in asked} == {sending(one, 2).pc}
        assert (one.links.bad_input, other.links.bad_input) == (0, 0)


async def test_a_peer_has_six_attempts_and_lies_of_others_make_no_sound() -> None:
    place = Place()
    one, other = members(place)
    async with call(one, other):
        await both_hear(one, other)
        for pc in range(10_000, 10_000 + 2 * ATTEMPTS, 2):
            one.links.hear(2, Room(CALL, 1, pc))
        assert one.links.bad_input == 1
        assert len(one.links._peers[2].incoming) == ATTEMPTS
        assert one.links._rooming is not None
        strangers, opened = one.links._rooming.strangers, hearing(other, 1).opened
        (seat,) = [seat for seat in place.seats if any(seat is way for way in room_of(one)._ways)]
        true = next(record for record in seat.sent if media.parse_frame(record).kind == "audio")
        kid = bytes(range(1, 9))
        lies = [
            true[:8] + b"\xf0" + kid + true[8:],
            true[:8] + b"\x08",
            media.encode_frame(media.Frame("video", True, 1, 1, true[8:])),
            true[:-1] + b"\0",
        ]
        for lie in lies:
            room_of(one)._take(b"\x09" + lie)
        assert one.links._rooming.strangers == strangers + len(lies), "our own number is nobody's here"
        await until(lambda: hearing(other, 1).opened > opened)
        assert one.alarms == other.alarms == []


async def test_without_a_room_the_signal_is_dropped_and_counted() -> None:
    one = Member(1, relay_only=True)
    other = Member(2, relay_only=True, open_media=Place().open)
    try:
        for member in (one, other):
            member.add(1)
        talk(one, other)
        await until(lambda: one.links.bad_input and one.routeless)
        assert one.links._peers[2].incoming == {}
    finally:
        await one.links.close()
        await other.links.close()


async def test_a_carrying_room_is_left_for_webrtc_once_that_goes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder, "PROBE_MS", 500)
    monkeypatch.setattr(ladder, "STEADY_MS", 500)
    offer = SendingPeer.offer

    async def no_candidates(_: SendingPeer) -> tuple[str, list[str]]:
        return "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 96\r\n", []

    monkeypatch.setattr(SendingPeer, "offer", no_candidates)
    place = Place()
    one, other = members(place, relay_only=False)
    async with call(one, other):
        await both_hear(one, other)
        assert sending(one, 2).rung == sending(other, 1).rung == "server"
        monkeypatch.setattr(SendingPeer, "offer", offer)
        await until(
            lambda: (
                [peer.carrying.rung for m in (one, other) for peer in m.links._peers.values() if peer.carrying]
                == ["direct"] * 2
            )
        )
        since = len(other.ear.frames)
        await until(lambda: len(other.ear.frames) > since + 50 and one.ear.hears_tone() and other.ear.hears_tone())
        assert one.downs == other.downs == [], "never without sound"
        openings = place.openings
        monkeypatch.setattr("zajil.client.calls.media.links.UNPROVEN_MS", 100)
        await until(lambda: place.seats == [])
        assert place.openings == openings == 2, "a room that falls silent by design is not opened again"


async def test_in_another_network_the_room_is_entered_anew_without_a_gap() -> None:
    place = Place()
    async with call(*members(place)) as (one, other):
        await both_hear(one, other)
        (seat,) = [seat for seat in place.seats if any(seat is way for way in room_of(one)._ways)]
        room_of(one)._opened_at_ms -= 10_000
        one.links.network_changed()
        await until(lambda: place.openings == 3 and seat not in place.seats)
        since = hearing(other, 1).opened
        await until(lambda: hearing(other, 1).opened > since + 25 and hearing(one, 2).opened > since)
        assert one.downs == other.downs == []
        assert hearing(other, 1).pc == sending(one, 2).pc


def was_entered(place: Place, times: int) -> bool:
    return place.openings == times


async def test_what_is_prepared_is_left_when_nobody_needs_it_and_not_entered_as_often_as_a_peer_likes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rooming, "KEPT_MS", 0)
    place = Place()
    one = Member(1, relay_only=True, open_media=place.open)
    room = one.links._rooming
    assert room is not None
    try:
        for turn in range(DOUBTS + 3):
            room.prepare()
            room.prepare()
            assert room._room is not None
            await until(partial(was_entered, place, min(turn + 1, DOUBTS)))
            room.watch()
            # The last one is kept: what is left now could not be entered again.
            assert (room._room is None) == (turn < DOUBTS - 1)
    finally:
        await one.links.close()


@pytest.mark.parametrize("fails", [False, True])
async def test_a_peer_that_comes_and_goes_has_the_room_entered_no_more_often_than_a_peer_may(fails: bool) -> None:
    place = Place()
    one = Member(1, relay_only=True, open_media=place.open)
    other = Peer(2, True, Switch(Silence()), Nowhere(), 0)
    room = one.links._rooming
    assert room is not None

    def is_decided() -> bool:
        return room._room is not None and (room._room.failed or room._room.is_open)

    try:
        for turn in range(DOUBTS + 5):
            assert room.listen(other, 100 + 2 * turn)
            other.incoming.clear()
            await until(is_decided)
            if fails and room._room is not None:
                room._room._fail()
            room.watch()
        assert place.openings == DOUBTS
    finally:
        await one.links.close()


async def test_where_no_relay_answers_the_room_is_tried_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay swallows what it is sent, as a block does; two seconds earlier than by the turns of the ladder."""
    monkeypatch.setattr(ladder, "STAGGER_MS", 5000)
    dead = Relay("turns:192.0.2.1:443?transport=tcp", "u", "c")

    async def never(_: SendingPeer) -> tuple[str, list[str]]:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(SendingPeer, "offer", never)
    place = Place()
    one, other = [Member(leaf, relay_only=True, relays=[dead], open_media=place.open) for leaf in (1, 2)]
    async with call(one, other):
        await both_hear(one, other)
        tries = {one.kind: one.ms for one in one.links._peers[2].ladder.tries}
        assert set(tries) == {"B", "C"}
        began = one.links._peers[2].ladder.carrying
        assert began is not None
        print(f"the room began {began.started_at - one.links._peers[2].opened_ms} ms after the call")
