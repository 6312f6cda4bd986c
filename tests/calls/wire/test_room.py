"""Not one plaintext frame over the message server: every record that its media room gets, byte by byte.

The tap is the server itself, which sees all there is to see. A call of two members in a group without a relay goes that
way. In the controls their frames are not sealed: the call ends before one leaves, and where even that check is gone,
the tap says so.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.calls.relay.turn import needs_aioice

needs_aioice()
from tests.calls.wire.rooming import Noted, check_sealed  # noqa: E402  # only where the extra is installed
from tests.client.calls.pair import until  # noqa: E402  # likewise
from tests.client.calls.test_bot import Person, running  # noqa: E402  # likewise
from tests.client.people import befriend, register  # noqa: E402  # likewise

from zajil.client import Client  # noqa: E402  # likewise
from zajil.client.calls.frames import SealedMedia  # noqa: E402  # likewise
from zajil.client.calls.keys import Sealer  # noqa: E402  # likewise
from zajil.client.calls.media import roomvoice  # noqa: E402  # likewise
from zajil.protocol.ids import parse_b64  # noqa: E402  # likewise

pytestmark = [pytest.mark.calls, pytest.mark.smoke, pytest.mark.slow]


class Answerer(Person):
    """A person who picks up."""

    def _pick_up(self) -> None:
        self._session.accept("audio")


async def meet(amal: Client, boris: Client) -> bytes:
    """A group of both."""
    await befriend(amal, boris)
    group = await amal.create_group("Mountains", amal.contacts())
    await boris.sync()
    return parse_b64(group.id)


def people(amal: Client, boris: Client) -> tuple[Person, Person, Noted, Noted]:
    """Both with phones that note."""
    one, two = Person(amal), Answerer(boris)
    phones = Noted(), Noted()
    for person, phone in zip((one, two), phones, strict=True):
        person.phone = person._media = phone
    return one, two, *phones


async def test_every_record_of_the_media_room_is_sealed(url: str, overheard: list[bytes], tmp_path: Path) -> None:
    async with await register(tmp_path, "Amal", url) as amal, await register(tmp_path, "Boris", url) as boris:
        gid = await meet(amal, boris)
        one, two, phone, other = people(amal, boris)
        async with running(one.run(), two.run()):
            one.dial(gid)
            await until(lambda: one.views and one.view.rung == "server")
            await until(lambda: phone.ear.hears_tone() and other.ear.hears_tone())
            await until(lambda: len(overheard) > 400)
            numbers = {each.leaf: each.numbers() for each in (phone, other)}
    check_sealed(overheard, phone.keys, numbers)


def clear(sealer: Sealer, header: bytes, frame: bytes, *, now_ms: int) -> SealedMedia:
    """In the place of `seal_media`."""
    return SealedMedia(header + frame)


async def test_where_frames_are_not_sealed_the_call_ends_and_none_leaves(
    url: str, overheard: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roomvoice, "seal_media", clear)
    async with await register(tmp_path, "Amal", url) as amal, await register(tmp_path, "Boris", url) as boris:
        gid = await meet(amal, boris)
        one, two, *_ = people(amal, boris)
        async with running(one.run(), two.run()):
            one.dial(gid)
            await until(lambda: one.views and one.view.phase == "ended")
            assert one.view.ended == "not-encrypted"
    assert overheard == []


async def test_the_tap_sees_what_is_not_sealed_and_the_count_of_it_ends_the_call(
    url: str, overheard: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look at each frame is left out as well; what is left is the count of those that were sealed."""
    monkeypatch.setattr(roomvoice, "seal_media", clear)
    monkeypatch.setattr(roomvoice.Upload, "_looks_sealed", lambda *_: True)
    async with await register(tmp_path, "Amal", url) as amal, await register(tmp_path, "Boris", url) as boris:
        gid = await meet(amal, boris)
        one, two, phone, _ = people(amal, boris)
        numbers: set[int] = set()
        async with running(one.run(), two.run()):
            one.dial(gid)
            while not (one.views and one.view.phase == "ended"):
                await until(lambda: one.views and (phone.call or one.view.phase == "ended"))
                numbers |= phone.numbers()
                await asyncio.sleep(0)
            assert one.view.ended == "not-encrypted"
    assert overheard
    assert numbers
    found = [
        phone.keys.open_record(record, pc=pc, leaf=leaf) for record in overheard for pc in numbers for leaf in (0, 1)
    ]
    assert not any(found)
    print(f"unsealed: {len(overheard)} records in clear, silence, and then the end")
