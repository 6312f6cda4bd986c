"""Our stay in a media room: connections that end, come again or are stuck. The room is in memory."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.client.calls.pair import KEYS, until
from tests.client.calls.roomworld import Place, Seat

from zajil.client.calls.keys import CTR_LIMIT, KeyRing
from zajil.client.calls.media import room as rm
from zajil.client.calls.media.roomvoice import Upload
from zajil.client.calls.way import CUT
from zajil.protocol.calls import media
from zajil.protocol.errors import error


class Guest:
    """A room and what it was told. now: ms."""

    def __init__(self, place: Place) -> None:
        self.place, self.now = place, 1_000_000
        self.frames: list[media.Frame] = []
        self.alarms = 0
        ring = KeyRing()
        ring.add(1, KEYS[1], removed=False, now_ms=0)
        self.upload = Upload(ring.sender(64, 1), pc=64, leaf=1, now_ms=lambda: self.now)
        listener = rm.Listener(self.frames.append, lambda: None, lambda: media.Control(7, 180), self.alarm)
        self.room = rm.Room(place.open, self.upload, listener, now_ms=lambda: self.now)
        self.room.speaks = True

    def alarm(self) -> None:
        self.alarms += 1

    @property
    def seat(self) -> Seat:
        """The connection there is."""
        (seat,) = self.place.seats
        return seat


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rm, "PAUSES_S", (0.0, 0.01, 0.01, 0.01))
    monkeypatch.setattr(rm, "OVERLAP_S", 0.0)


@pytest.fixture
def place() -> Place:
    return Place()


@asynccontextmanager
async def staying(place: Place) -> AsyncIterator[Guest]:
    guest = Guest(place)
    try:
        yield guest
    finally:
        await guest.room.close()
    assert not guest.room.is_open


def kinds(seat: Seat) -> list[str]:
    return [media.parse_frame(record).kind for record in seat.sent]


async def test_sound_and_a_report_go_out_and_what_others_send_comes_in(place: Place) -> None:
    async with staying(place) as guest, staying(place) as other:
        await until(lambda: len(other.frames) >= 3 and len(guest.frames) >= 3)
        assert {frame.kind for frame in guest.frames} <= {"audio", "control"}
        assert guest.room.left == sum(len(seat.sent) for seat in place.seats if seat.slot == 1) <= guest.upload.sealed
        assert (guest.room.bad_input, guest.alarms) == (0, 0)


async def test_who_only_listens_sends_reports_alone(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rm, "REPORT_TURNS", 2)
    async with staying(place) as guest:
        guest.room.speaks = False
        await until(lambda: guest.room.is_open)
        sent = guest.seat.sent
        await until(lambda: sent)
        assert kinds(guest.seat) == ["control"]


@pytest.mark.parametrize("code", [media.BAD_TICKET, media.RESTART, media.IDLE, CUT])
async def test_another_connection_goes_on_where_one_ended(place: Place, code: int) -> None:
    async with staying(place) as guest:
        await until(lambda: guest.room.is_open and guest.seat.sent)
        first = guest.seat
        await until(lambda: len(first.sent) > 2)
        first.end(code)
        await until(lambda: guest.room.opened == 2 and guest.seat is not first and len(guest.seat.sent) > 2)
        assert not guest.room.failed
        before, after = [[media.parse_frame(one) for one in seat.sent] for seat in (first, guest.seat)]
        assert max(one.seq for one in before if one.kind == "audio") < min(
            one.seq for one in after if one.kind == "audio"
        )


@pytest.mark.parametrize("code", [media.ROOM_FULL, media.TOO_MUCH, media.TRY_LATER])
async def test_where_it_would_end_so_again_the_stay_is_over(place: Place, code: int) -> None:
    async with staying(place) as guest:
        await until(lambda: guest.room.is_open)
        guest.seat.end(code)
        await until(lambda: guest.room.failed)
        assert guest.room.opened == 1


@pytest.mark.parametrize("code", ["unreachable", "slow-down", "bad-group-token", "chat-stuck"])
async def test_ten_seconds_without_a_connection_end_the_stay_and_less_does_not(place: Place, code: str) -> None:
    place.refuse = lambda: error(code)
    async with staying(place) as guest:
        await until(lambda: place.openings > 3)
        assert not guest.room.failed
        guest.now += rm.PATIENCE_MS
        await until(lambda: guest.room.failed)
        tried = place.openings
        guest.room.renew()
        assert place.openings == tried


async def test_connections_that_end_before_a_word_of_the_room_are_tried_for_ten_seconds_too(place: Place) -> None:
    place.ends_with = media.BAD_TICKET
    async with staying(place) as guest:
        await until(lambda: guest.room.opened >= 3)
        assert not guest.room.failed
        guest.now += rm.PATIENCE_MS
        await until(lambda: guest.room.failed)


async def test_a_new_connection_is_sent_on_before_the_old_one_ends_and_a_fresh_one_stays(place: Place) -> None:
    async with staying(place) as guest:
        await until(lambda: guest.room.is_open and guest.seat.sent)
        first = guest.seat
        guest.room.renew()
        assert guest.room.opened == 1, "it is fresh"
        guest.now += rm.FRESH_MS
        guest.room.renew()
        guest.room.renew()
        await until(lambda: guest.room.opened == 2 and len(place.seats) == 1)
        assert guest.seat is not first
        await until(lambda: guest.seat.sent)
        assert guest.room.opened == 2


async def test_a_connection_is_changed_before_the_server_ends_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rm, "REPORT_TURNS", 2)
    async with staying(place) as guest:
        await until(lambda: guest.room.is_open and len(guest.seat.sent) > 2)
        assert guest.room.opened == 1
        guest.now += rm.OLD_MS
        await until(lambda: guest.room.opened == 2 and len(place.seats) == 1)
        await until(lambda: len(guest.seat.sent) > 4)
        assert guest.room.opened == 2


async def test_sound_that_cannot_go_now_does_not_go_later_and_time_goes_on(place: Place) -> None:
    async with staying(place) as guest:
        await until(lambda: guest.room.is_open and len(guest.seat.sent) > 1)
        seat = guest.seat
        seat.held = rm.SKIP_BYTES + 1
        skipped = guest.room.skipped
        sent = len(seat.sent)
        await until(lambda: guest.room.skipped >= skipped + 3)
        assert len(seat.sent) == sent
        seat.held = rm.SKIP_BYTES
        await until(lambda: len(seat.sent) >= sent + 2)
        heard = [one for one in map(media.parse_frame, seat.sent) if one.kind == "audio"]
        steps = [(after.seq - one.seq, after.ts - one.ts) for one, after in itertools.pairwise(heard)]
        assert {seq for seq, _ in steps} == {1}
        assert max(ts for _, ts in steps) >= 4 * 40


async def test_where_nothing_goes_for_two_seconds_another_connection_is_tried(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rm, "STUCK_TURNS", 3)
    async with staying(place) as guest:
        await until(lambda: guest.room.is_open)
        guest.seat.held = rm.SKIP_BYTES + 1
        guest.now += rm.FRESH_MS
        await until(lambda: guest.room.opened == 2)


async def test_hostile_records_are_counted_and_change_nothing(place: Place) -> None:
    async with staying(place) as guest:
        await until(lambda: guest.room.is_open)
        for record in (b"\0", b"\x05", b"\x05\x01", b"\0\x09\x01", bytes(16_001), b"\x01\x03" + bytes(20)):
            guest.seat.give(record)
        await until(lambda: guest.room.bad_input == 6)
        assert (guest.frames, guest.room.opened) == ([], 1)


async def test_what_nobody_sealed_does_not_leave_and_raises_the_alarm_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staying(place) as guest:
        await until(lambda: guest.room.is_open and guest.seat.sent)
        monkeypatch.setattr(guest.upload._sealer, "seal", lambda plain, metadata, *, now_ms: plain)
        sent = guest.seat.sent
        before = len(sent)
        await until(lambda: guest.alarms)
        assert guest.room.failed
        assert len(sent) <= before + 1
        assert guest.alarms == 1


async def test_an_upload_whose_counters_are_used_up_is_over(place: Place) -> None:
    async with staying(place) as guest:
        await until(lambda: guest.room.is_open)
        guest.upload._sealer._ctr = CTR_LIMIT
        await until(lambda: guest.room.failed)
        assert guest.alarms == 0
