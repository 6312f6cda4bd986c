"""What a server, a bridge or a peer cannot bring our stay in a media room to do: open connections without end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.client.calls.pair import talk, until
from tests.client.calls.roomworld import Place, Seat
from tests.client.calls.test_room import Guest
from tests.client.calls.test_room_signals import members

from zajil.client.calls.media import room as rm
from zajil.client.calls.media import rooming
from zajil.client.calls.media.voice import OpusDecoder, OpusEncoder
from zajil.client.calls.way import CUT, MediaWay
from zajil.protocol.calls import media
from zajil.protocol.calls.jitter import FRAME_MS
from zajil.protocol.errors import error


class Revolving(Place):
    """Lets everybody in, says so, and shows them out again."""

    async def open(self) -> MediaWay:
        way = await super().open()
        assert isinstance(way, Seat)
        way.end(media.RESTART)
        return way


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
async def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses before connections, which are not waited for."""
    asked: list[float] = []
    begin = rm.Room._open

    async def opens(self: rm.Room, pause_s: float = 0.0) -> None:
        asked.append(pause_s)
        await begin(self, 0.0)

    monkeypatch.setattr(rm.Room, "_open", opens)
    return asked


@pytest.fixture
async def guest(place: Place, pauses: list[float]) -> AsyncIterator[Guest]:
    made = Guest(place)
    yield made
    await made.room.close()


@pytest.mark.parametrize("place", [Revolving()])
async def test_who_is_let_in_and_shown_out_again_comes_ever_slower_and_then_no_more(
    guest: Guest, pauses: list[float]
) -> None:
    await until(lambda: guest.room.opened >= 6)
    assert pauses[1:6] == [0.0, 0.5, 1.0, 2.0, 2.0]
    guest.now += rm.PATIENCE_MS
    await until(lambda: guest.room.failed)


async def test_a_connection_that_lasted_is_followed_by_another_at_once(
    place: Place, guest: Guest, pauses: list[float]
) -> None:
    for opened in range(1, 5):
        await until(lambda opened=opened: guest.room.opened == opened and len(place.seats) == 1)  # type: ignore[misc]
        seat = guest.seat
        await until(lambda seat=seat: bool(seat.sent))  # type: ignore[misc]
        guest.now += rm.STEADY_MS
        seat.end(CUT)
    await until(lambda: guest.room.opened == 5)
    assert set(pauses) == {0.0}


async def test_a_peer_cannot_have_us_use_up_the_tickets_of_our_address(place: Place, guest: Guest) -> None:
    await until(lambda: guest.room.is_open)
    for _ in range(100):
        guest.now += 2 * rm.FRESH_MS
        opened = guest.room.opened
        guest.room.doubt()
        if guest.room._opening:
            await until(lambda opened=opened: guest.room.opened == opened + 1)  # type: ignore[misc]
    lasted_ms = 100 * 2 * rm.FRESH_MS
    assert place.openings <= 1 + rm.DOUBTS + lasted_ms // rm.DOUBT_EACH_MS
    assert place.openings > rm.DOUBTS
    # What this device sees by itself is not held up by that.
    before = guest.room.opened
    guest.room.renew()
    await until(lambda: guest.room.opened == before + 1)


async def test_a_server_that_says_when_to_come_again_is_not_asked_before(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    sleep = asyncio.sleep

    async def sleeps(delay_s: float) -> None:
        slept.append(delay_s)
        await sleep(0.001)

    monkeypatch.setattr(asyncio, "sleep", sleeps)
    place.refuse = lambda: error("slow-down", retry_ms=7_000)
    made = Guest(place)
    try:
        await until(lambda: place.openings > 2)
        assert 7.0 in slept
        assert {one for one in slept if one > 0.1} == {7.0}
    finally:
        await made.room.close()


@pytest.mark.calls
async def test_a_watch_that_fails_lets_nothing_leave_unseen(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = members(place)
    one.add(1)
    other.add(1)
    try:
        talk(one, other)
        await until(lambda: one.ups and other.ups)

        def fails(_: rooming.Rooming) -> None:
            raise error("wrong-call", "of a test")

        monkeypatch.setattr(rooming.Rooming, "watch", fails)
        await until(lambda: one.alarms == [1])
        assert one.links._peers == {}
    finally:
        await one.links.close()
        await other.links.close()


def test_a_packet_of_no_bytes_ends_no_decoder() -> None:
    decoder, encoder = OpusDecoder(), OpusEncoder(24_000, frame_ms=40, loss_pct=0)
    packet = encoder.encode(bytes(FRAME_MS * 48 * 2))
    assert decoder.decode(b"") == b""
    decoder.decode(packet)
    assert len(decoder.decode(packet)) == FRAME_MS * 48 * 2
