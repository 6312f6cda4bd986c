"""Not one plaintext frame over the message server: every record that its media room gets, byte by byte.

The tap is the server itself, which sees all there is to see. A call of two members in a group without a relay goes that
way. In the controls their frames are not sealed: the call ends before one leaves, and where even that check is gone,
the tap says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.calls.relay.turn import needs_aioice

needs_aioice()
from tests.calls.wire.judge import Keys, Opened  # noqa: E402  # only where the extra is installed
from tests.calls.wire.known import loudness  # noqa: E402  # likewise
from tests.client.calls.pair import until  # noqa: E402  # likewise
from tests.client.calls.test_bot import Person, Phone, running  # noqa: E402  # likewise
from tests.client.people import befriend, register  # noqa: E402  # likewise

from zajil.calls.rooms import Member, Rooms  # noqa: E402  # likewise
from zajil.client import Client  # noqa: E402  # likewise
from zajil.client.calling import Calls  # noqa: E402  # likewise
from zajil.client.calls.frames import SealedMedia  # noqa: E402  # likewise
from zajil.client.calls.keys import Sealer  # noqa: E402  # likewise
from zajil.client.calls.media import roomvoice  # noqa: E402  # likewise
from zajil.client.calls.media.call import VoiceCall  # noqa: E402  # likewise
from zajil.client.calls.ports import CallMedia, MediaStart, Reports  # noqa: E402  # likewise
from zajil.protocol.calls import media  # noqa: E402  # likewise
from zajil.protocol.ids import parse_b64  # noqa: E402  # likewise
from zajil.server.app import Server  # noqa: E402  # likewise
from zajil.server.config import Settings  # noqa: E402  # likewise

pytestmark = [pytest.mark.calls, pytest.mark.smoke, pytest.mark.slow]


class Noted(Phone):
    """A phone over the message server alone, that notes the keys and numbers of its call."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = Keys()
        self.leaf = -1

    def open(self, calls: Calls, start: MediaStart, reports: Reports, now_ms: Callable[[], int]) -> CallMedia:
        async def no_relays() -> tuple[()]:
            return ()

        self.leaf, keys = start.leaf, self.keys

        class Noting(VoiceCall):
            def use_key(self, epoch: int, base_key: bytes, *, removed: bool) -> None:
                keys.add(epoch, base_key)
                super().use_key(epoch, base_key, removed=removed)

        self.call = Noting(start, reports, relays=no_relays, sound=self._sound, now_ms=now_ms, rooms=calls)
        return self.call

    def numbers(self) -> set[int]:
        """Of our attempts."""
        assert self.call is not None
        return {each.pc for peer in self.call._links._peers.values() for each in peer.outgoing.values()}


class Answerer(Person):
    """A person who picks up."""

    def _pick_up(self) -> None:
        self._session.accept("audio")


@pytest.fixture
def overheard(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """All that any room of this process gets."""
    records: list[bytes] = []
    feed = Rooms.feed

    def listen(self: Rooms, member: Member, record: bytes, *, now: float) -> None:
        records.append(record)
        feed(self, member, record, now=now)

    monkeypatch.setattr(Rooms, "feed", listen)
    return records


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """A server of this process, without a relay."""
    server = await Server.start(tmp_path / "data", Settings(port=0, registration="open", drain_s=0))
    yield f"http://127.0.0.1:{server.port}"
    await server.stop()


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


def leaf_of(record: bytes) -> int:
    """As the server reads it."""
    header = record[8:]
    size = 1 + ((header[0] >> 4) & 7)
    return int.from_bytes(header[1 : 1 + size], "big") >> 8 & 0xFFFF


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
    opened: dict[tuple[int, int], list[Opened]] = {}
    for record in overheard:
        leaf = leaf_of(record)
        found = [phone.keys.open_record(record, pc=pc, leaf=leaf) for pc in numbers[leaf]]
        (frame,) = [each for each in found if each is not None]
        opened.setdefault((leaf, record[0]), []).append(frame)
    assert set(opened) == {(each.leaf, kind) for each in (phone, other) for kind in (media.AUDIO, media.CONTROL)}
    for (leaf, kind), frames in opened.items():
        assert len({each.ctr for each in frames}) == len(frames)
        if kind == media.AUDIO:
            sizes = {each.front: len(each.sealed) for each in frames}
            assert all(len(each.sealed) == sizes[each.front] for each in frames)
            assert loudness(each.frame[8:] for each in frames) > 0.05
            print(f"leaf {leaf}: {len(frames)} records of sound in sizes {sizes}, 0 in clear")


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
