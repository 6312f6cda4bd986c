"""Media connections of calls over every route there is, against a real server and a real bridge daemon."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from tests.calls.frames import frame
from tests.client import serving
from tests.client.people import befriend, register
from tests.client.serving import Served
from tests.client.test_bridges import Place, built
from tests.transports.authority import Authority

from zajil.client import Client
from zajil.client.calling import Calls
from zajil.client.calls.way import CUT, QUEUE_BYTES, CarrierWay, MediaClosed, MediaWay
from zajil.client.shell import rooms
from zajil.client.shell.rooms import Rooms, unsent_bytes
from zajil.protocol.calls.media import BAD_TICKET, FRAME_BYTES, RESTART, TICKET_BYTES
from zajil.protocol.errors import Refused, Unreachable
from zajil.protocol.ids import parse_b64
from zajil.protocol.path import Mode, Strategy
from zajil.protocol.path.actions import Route
from zajil.protocol.path.view import Result
from zajil.transports.base import Answer, DialError
from zajil.transports.direct import DirectTransport
from zajil.transports.race.session_calls import SessionCaller
from zajil.transports.sockets import Way
from zajil.transports.websocket import dial_websocket

pytestmark = pytest.mark.slow
ROOM = bytes(range(0xA0, 0xB0))


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon asks for new tokens all the time."""
    monkeypatch.setattr("zajil.bridges.edge.daemon.PULL_S", 0.1)
    monkeypatch.setattr("zajil.bridges.registry.documents._LOOK_AGAIN_S", 0.0)


@pytest.fixture
async def place(tmp_path: Path, authority: Authority) -> AsyncIterator[Place]:
    async with built(tmp_path, authority) as made:
        yield made


@asynccontextmanager
async def friends(place: Place, homes: Path) -> AsyncIterator[tuple[Client, Calls, bytes]]:
    """Amal, what she calls with, and her chat with Boris."""
    async with (
        asyncio.timeout(60),
        await Client.register(homes / "a", server=place.front.url, name="Amal", bridges=place.joined.private) as amal,
        await Client.register(homes / "b", server=place.front.url, name="Boris", bridges=place.joined.private) as boris,
    ):
        await befriend(amal, boris)
        yield amal, amal.calls(), parse_b64(amal.find_chat("Boris").id)


async def exchange(first: MediaWay, second: MediaWay) -> None:
    """Each hears that it joined, and what the other sends, in order."""
    assert (await first.receive())[:3] == b"\0\x01\x01"
    assert await second.receive() == b"\0\x01\x02\x01"
    assert await first.receive() == b"\0\x02\x02"
    for seq in range(20):
        first.send(frame(1, seq))
    assert [await second.receive() for _ in range(20)] == [b"\x01" + frame(1, seq) for seq in range(20)]
    second.send(frame(2))
    assert await first.receive() == b"\x02" + frame(2)
    assert (first.waiting, second.waiting) == (0, 0)


@pytest.mark.parametrize("installed", [True, False], ids=["browser", "wss"])
async def test_straight_to_the_server(
    place: Place, homes: Path, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zajil.transports.fingerprint.is_installed", lambda: installed)
    async with friends(place, homes) as (amal, calls, gid):
        assert amal.routes().state == "direct"
        assert calls.carries_media()
        place.front.passed.clear()
        first, second = await calls.open_media(gid, ROOM), await calls.open_media(gid, ROOM)
        await exchange(first, second)
        sockets = bytes(place.front.passed).split(b"GET /v1/send?r=a0a1 ")
        assert len(sockets) == 3
        assert b"authorization" not in bytes(place.front.passed).lower()
        for way in (first, second):
            await way.close()
            with pytest.raises(MediaClosed, match=str(CUT)):
                await way.receive()


async def test_through_a_bridge_that_learns_nothing(place: Place, homes: Path) -> None:
    place.front.block()
    async with friends(place, homes) as (amal, calls, gid):
        assert amal.routes().state == "via"
        assert calls.carries_media()
        place.bridge.passed.clear()
        first, second = await calls.open_media(gid, ROOM), await calls.open_media(gid, ROOM)
        await exchange(first, second)
        assert (await calls.relay(gid)).urls == ()
        for secret in (b"/calls/", b"zation", gid, ROOM, b"\x01\x04" + ROOM):
            assert secret not in bytes(place.bridge.passed)
        assert bytes(place.bridge.passed).count(b"?r=a0a1 ") == 2
        await first.close()
        assert await second.receive() == b"\0\x03\x01"
        await second.close()


@pytest.mark.parametrize("blocked", [False, True], ids=["direct", "bridge"])
async def test_what_is_asked_in_a_groups_name_shares_no_connection_with_what_names_the_account(
    place: Place, homes: Path, blocked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if blocked:
        place.front.block()
    asked: list[tuple[int, str]] = []
    for kind in (DirectTransport, SessionCaller):
        monkeypatch.setattr(kind, "call", noting(kind.call, asked))
    async with friends(place, homes) as (_, calls, gid):
        await calls.relay(gid)
        await (await calls.open_media(gid, ROOM)).close()
        of_calls = {caller for caller, path in asked if path.startswith("/v1/calls/")}
        assert len(of_calls) == 1
        assert not of_calls & {caller for caller, path in asked if not path.startswith("/v1/calls/")}


def noting(call: Callable[..., Awaitable[Answer]], asked: list[tuple[int, str]]) -> Callable[..., Awaitable[Answer]]:
    """`call` of a transport, which notes whose it is and where it goes."""

    async def noted(self: object, method: str, path: str, **more: object) -> Answer:
        asked.append((id(self), path))
        return await call(self, method, path, **more)

    return noted


async def test_without_tls_on_a_laptop(server: Served, homes: Path) -> None:
    async with await register(homes, "Amal", server.url) as amal, await register(homes, "Boris", server.url) as boris:
        await befriend(amal, boris)
        calls, gid = amal.calls(), parse_b64(amal.find_chat("Boris").id)
        assert calls.carries_media()
        first, second = await calls.open_media(gid, ROOM), await calls.open_media(gid, ROOM)
        await exchange(first, second)
        for way in (first, second):
            await way.close()


@pytest.mark.parametrize("blocked", [False, True], ids=["direct", "bridge"])
async def test_why_it_ended_is_told(place: Place, homes: Path, blocked: bool) -> None:
    if blocked:
        place.front.block()
    async with friends(place, homes) as (amal, calls, gid):

        async def forged() -> bytes:
            return bytes(TICKET_BYTES)

        refused = await Rooms(amal._device.reach.race).open(ROOM, forged)
        for _ in range(2):
            with pytest.raises(MediaClosed) as raised:
                await refused.receive()
            assert raised.value.code == BAD_TICKET
        refused.send(frame(1))
        assert refused.waiting == 0
        way = await calls.open_media(gid, ROOM)
        assert (await way.receive())[:2] == b"\0\x01"
        (place.bridge if blocked else place.front).block()
        with pytest.raises(MediaClosed) as raised:
            await way.receive()
        assert raised.value.code == CUT


async def test_a_restart_is_told(server: Served, homes: Path, tmp_path: Path) -> None:
    with serving.serve(tmp_path / "own") as own:
        async with await register(homes, "Amal", own.url) as amal, await register(homes, "Boris", own.url) as boris:
            await befriend(amal, boris)
            way = await amal.calls().open_media(parse_b64(amal.find_chat("Boris").id), ROOM)
            assert (await way.receive())[:2] == b"\0\x01"
            own.process.terminate()
            with pytest.raises(MediaClosed) as raised:
                await way.receive()
            assert raised.value.code == RESTART


async def test_segments_and_posts_alone_carry_no_media(
    place: Place, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with friends(place, homes) as (amal, calls, gid):
        race = amal._device.reach.race
        found = {one.strategy: one.id for one in race.candidates if one.endpoint.token is None}
        view = race.view()
        by_posts = Route(found[Strategy.POLL], Mode.STREAM, 7, proved=True)
        monkeypatch.setattr(type(race), "route", by_posts)
        results: tuple[tuple[Result, bool], ...] = (("", True), ("stopped", True), ("failed", False), ("frozen", False))
        for result, carries in results:
            tries = tuple(replace(one, result=result) for one in view.tries)
            monkeypatch.setattr(type(race), "view", lambda _, tries=tries: replace(view, tries=tries))
            assert calls.carries_media() is carries
            away = tuple(replace(one, in_outage=True) for one in tries)
            monkeypatch.setattr(type(race), "view", lambda _, tries=away: replace(view, tries=tries))
            assert calls.carries_media(), "it failed while the server was away"
            monkeypatch.setattr(type(race), "view", lambda _, tries=tries: replace(view, tries=tries))
        in_segments = Route(found[Strategy.WSS], Mode.SEGMENTED, 7, proved=True)
        for route in (by_posts, in_segments):
            monkeypatch.setattr(type(race), "route", route)
            assert not calls.carries_media()
            with pytest.raises(Unreachable):
                await calls.open_media(gid, ROOM)
        monkeypatch.setattr(type(race), "route", None)
        assert calls.carries_media(), "a route may be found"


async def test_a_stale_token_is_asked_with_once_more(
    place: Place, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with friends(place, homes) as (_, calls, gid):
        epoch, token = calls.token(gid)
        told = [(epoch - 1, bytes(32))]
        monkeypatch.setattr(calls, "token", lambda _: told.pop() if told else (epoch, token))
        assert (await calls.relay(gid)).ttl_s == 600
        told.append((epoch - 1, bytes(32)))
        await (await calls.open_media(gid, ROOM)).close()
        # Where the group did not move, once is enough.
        monkeypatch.setattr("zajil.client.calling.CATCH_UP_S", 0.05)
        monkeypatch.setattr(calls, "token", lambda _: (epoch, bytes(32)))
        with pytest.raises(Refused, match="bad-group-token"):
            await calls.relay(gid)
        with pytest.raises(Refused, match="bad-group-token"):
            await calls.open_media(gid, ROOM)


# -- hostile ends
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
UPGRADED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n"
)


def answering(answer: bytes) -> Talk:
    """Reads a request and says this."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await reader.read()

    return talk


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Takes a request, and nothing comes."""
    await reader.read(1 << 30)


@asynccontextmanager
async def hostile(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of an end that talks so."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await talk(reader, writer)
        finally:
            writer.transport.abort()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.ensure_future(serve(reader, writer)))

    made = await asyncio.start_server(take, "127.0.0.1", 0, ssl=tls)
    try:
        yield made.sockets[0].getsockname()[1]
    finally:
        made.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: https://localhost/elsewhere\r\nContent-Length: 0\r\n\r\n"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.mark.parametrize(
    "talk",
    [answering(REDIRECT), answering(PAGE), answering(b"\0" * 500), answering(b"x" * 100_000), silent],
    ids=["redirect", "page", "rubbish", "endless", "silent"],
)
async def test_a_bridge_that_turned_hostile_fails_soon(
    place: Place, homes: Path, authority: Authority, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sessions stand; what is dialled from now on meets somebody else."""
    place.front.block()
    monkeypatch.setattr(rooms, "OPEN_S", 2.0)
    async with friends(place, homes) as (amal, calls, gid), hostile(talk) as port:
        await calls.relay(gid)  # asked over a session that stands
        place.bridge.leads_to = port
        with pytest.raises(Unreachable):
            await calls.open_media(gid, ROOM)
        assert amal._device.reach.race.route is not None, "a call that cannot be carried disturbs no session"


class Mute:
    """A carrier that takes nothing and ends with what it is told."""

    failure: DialError | None = None
    rx_bytes = tx_bytes = 0

    def __init__(self, *records: bytes) -> None:
        self.records = list(records)
        self.closed = False

    async def send(self, record: bytes) -> None:
        await asyncio.Event().wait()

    async def recv(self) -> bytes | None:
        return self.records.pop(0) if self.records else None

    async def close(self) -> None:
        self.closed = True
        await asyncio.Event().wait()


@pytest.mark.parametrize("record", [b"", b"\x01" + bytes(FRAME_BYTES + 1)], ids=["empty", "huge"])
async def test_what_is_no_record_of_a_room_ends_it(record: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zajil.client.calls.way.CLOSE_S", 0.01)
    carrier = Mute(b"\x01" + frame(1), record, b"\x01" + frame(1))
    way = CarrierWay(carrier, unsent=lambda: 0)
    assert await way.receive() == b"\x01" + frame(1)
    for _ in range(2):
        with pytest.raises(MediaClosed, match=str(CUT)):
            await way.receive()
    assert carrier.closed, "and what hangs while closing holds nobody up"


async def test_what_nobody_takes_waits_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zajil.client.calls.way.CLOSE_S", 0.01)
    way = CarrierWay(Mute(), unsent=lambda: 5)
    for _ in range(100):
        way.send(bytes(1000))
    assert way.waiting == QUEUE_BYTES // 1000 * 1000 + 5
    await way.close()
    assert way.waiting == 0


async def test_a_code_that_nobody_knows_counts_as_a_cut() -> None:
    assert [MediaClosed(code).code for code in (0, 1000, 4502, 4403)] == [CUT, CUT, CUT, 4403]


async def test_what_the_network_does_not_take_is_counted() -> None:
    """A peer that reads nothing: its window fills, then our socket, then our own queue."""
    reads = asyncio.Event()

    async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = next(line[18:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        made = hashlib.sha1(key.strip() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a TCP transport
        writer.write(UPGRADED % base64.b64encode(made))
        await reads.wait()

    sockets: list[socket.socket] = []
    async with hostile(upgrade) as port:
        carrier = await dial_websocket(f"ws://127.0.0.1:{port}/v1/send", Way(opened=sockets.append))
        way = CarrierWay(carrier, unsent=lambda: sum(map(unsent_bytes, sockets)))
        async with asyncio.timeout(20):
            while way.waiting < 16_384:
                way.send(bytes(600))
                await asyncio.sleep(0)
        reads.set()
        await way.close()
    assert unsent_bytes(sockets[0]) == 0
