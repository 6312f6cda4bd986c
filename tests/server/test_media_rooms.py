"""Media of calls over the ordinary endpoints of sessions: tickets, rooms, and what ends a connection."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import ModuleType

import aiohttp
import msgspec
import pytest
import uvloop
from tests.calls.frames import frame
from tests.server.carriers import PostPlug, SealedDial, SealedPlug, SocketPlug, until
from tests.server.people import FakeGroup, Person
from tests.server.test_access import join_bridge
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.calls import rooms
from zajil.calls.mediaframes import notice
from zajil.calls.tickets import make_ticket
from zajil.engine.bus import MemoryBus
from zajil.engine.limits import Limit
from zajil.protocol import control, frames
from zajil.protocol.calls import media
from zajil.protocol.calls.media import AUDIO, CAME, JOINED, LEFT, PREAMBLE, TICKET_BYTES, VIDEO
from zajil.protocol.control import B16, B32, encode_json, parse_json
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.ids import encode_b64
from zajil.protocol.reach.seal import Channel, SessionKey
from zajil.protocol.reach.signed import parse_root_answer, step_root
from zajil.server.app import Server
from zajil.server.config import CallSettings, GatewayShell, Settings
from zajil.server.gateway.media import MediaConnection, MediaDoor
from zajil.server.shell import picows_shell, sockets
from zajil.server.shell.base import SEALED_PATH
from zajil.server.shell.sockets import keep_little_unsent

MakeWire = Callable[[Role], Wire]
ROOM = b"room of sixteen."


def asking(group: FakeGroup, *, epoch: int | None = None, token: bytes | None = None, room: bytes = ROOM) -> bytes:
    at = group.epoch if epoch is None else epoch
    return encode_json(control.AskTicket(B16(group.gid), at, B32(token or group.token(at)), B16(room)))


async def ticket_of(http: Http, group: FakeGroup, room: bytes = ROOM) -> bytes:
    answer = parse_json(await http.call(control.CALL_TICKET, asking(group, room=room)), control.MediaTicket)
    assert answer.ttl_s == 120
    assert len(answer.ticket) == TICKET_BYTES
    return bytes(answer.ticket)


@pytest.fixture
async def group(http: Http, wire: MakeWire) -> FakeGroup:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s:
        return await group_of_two(http, s, one, two)


class Seat:
    """A raw client in a room."""

    def __init__(self, plug: SocketPlug, outer: SealedPlug | SocketPlug) -> None:
        self.plug = plug
        self.outer = outer

    @classmethod
    async def take(cls, http: Http, first: bytes, *, path: str = Role.S.path, query: str = "") -> Seat:
        plug = SocketPlug(await http.client.ws_connect(http.url + path + query, max_msg_size=0))
        await plug.send(first)
        return cls(plug, plug)

    async def send(self, record: bytes) -> None:
        await self.outer.send(record)

    async def read(self) -> bytes:
        async with asyncio.timeout(10):
            record = await self.outer.receive()
        assert record is not None, self.plug.socket.close_code
        return record

    async def code(self) -> int | None:
        """How the server ended it."""
        async with asyncio.timeout(10):
            while await self.plug.receive() is not None:
                pass
        return self.plug.socket.close_code


# Tickets and relays


async def test_a_member_gets_a_ticket_by_a_token_of_this_epoch_or_the_one_before(
    http: Http, group: FakeGroup, wire: MakeWire
) -> None:
    await ticket_of(http, group)
    assert await http.code(control.CALL_TICKET, asking(group, epoch=0)) == "ok"
    for wrong in (
        asking(group, epoch=2),
        asking(group, epoch=0, token=group.token(1)),
        asking(group, token=os.urandom(32)),
        asking(FakeGroup()),
    ):
        assert await http.code(control.CALL_TICKET, wrong) == "bad-group-token"
    async with wire(Role.S) as s:
        await s.send(frames.HttpReq(1, "POST", control.CALL_TICKET.url(), {}, asking(group)))
        answer = await s.expect(frames.HttpRes)
        assert isinstance(answer, frames.HttpRes)
        assert answer.status == 200


async def test_without_a_relay_there_are_no_addresses(http: Http, group: FakeGroup) -> None:
    asked = control.AskRelay(B16(group.gid), 1, B32(group.token()))
    answer = parse_json(await http.call(control.CALL_RELAY, asked), control.RelayAccess)
    assert answer == control.RelayAccess(600, "", "", ())
    wrong = control.AskRelay(B16(group.gid), 1, B32(bytes(32)))
    assert await http.code(control.CALL_RELAY, wrong) == "bad-group-token"


class TestWithRelays:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        calls = CallSettings(relay_hosts=("relay.example", "198.51.100.7"), relay_tls_port=443)
        limits = {"relay_group": Limit(12, 1e6), "relay_prefix": Limit(60, 1e6)}
        return Settings(port=0, registration="open", drain_s=0, calls=calls, limits=limits)

    async def test_each_relay_is_named_with_a_fresh_credential(self, http: Http, group: FakeGroup) -> None:
        asked = control.AskRelay(B16(group.gid), 1, B32(group.token()))
        one, two = [parse_json(await http.call(control.CALL_RELAY, asked), control.RelayAccess) for _ in range(2)]
        assert one.urls == two.urls
        assert len(one.urls) == 6
        assert one.urls[2] == "turns:relay.example:443?transport=tcp"
        assert one.username != two.username
        expiry = int(one.username.partition(":")[0])
        assert 590 < expiry - time.time() <= 600

    async def test_a_group_gets_twelve_and_an_outsider_takes_none_of_them(self, http: Http, group: FakeGroup) -> None:
        wrong = control.AskRelay(B16(group.gid), 1, B32(bytes(32)))
        asked = control.AskRelay(B16(group.gid), 1, B32(group.token()))
        for _ in range(47):
            assert await http.code(control.CALL_RELAY, wrong) == "bad-group-token"
        codes = [await http.code(control.CALL_RELAY, asked) for _ in range(14)]
        assert codes == ["ok"] * 12 + ["slow-down"] * 2  # the first by the group's, the second by the address's
        with pytest.raises(ZajilError) as caught:
            await http.call(control.CALL_RELAY, asked)
        assert caught.value.retry_ms
        assert await http.code(control.CALL_TICKET, asking(group)) == "ok"

    async def test_a_token_of_the_epoch_before_takes_nothing_from_members(self, http: Http, group: FakeGroup) -> None:
        """A removed member has one."""
        relays = [control.AskRelay(B16(group.gid), epoch, B32(group.token(epoch))) for epoch in (0, 1)]
        for call, asked in ((control.CALL_TICKET, asking(group, epoch=0)), (control.CALL_RELAY, relays[0])):
            assert [await http.code(call, asked) for _ in range(6)] == ["ok"] * 4 + ["slow-down"] * 2
        assert [await http.code(control.CALL_TICKET, asking(group)) for _ in range(30)] == ["ok"] * 30
        assert [await http.code(control.CALL_RELAY, relays[1]) for _ in range(12)] == ["ok"] * 12

    async def test_no_answer_is_kept_for_a_key(self, http: Http, group: FakeGroup, server: Server) -> None:
        asked = control.AskRelay(B16(group.gid), 1, B32(group.token()))
        one, two = [await http.call(control.CALL_RELAY, asked, key="same") for _ in range(2)]
        assert one != two


class TestWithoutCoturn:
    @pytest.fixture
    def settings(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
        monkeypatch.setenv("PATH", str(tmp_path))
        return Settings(port=0, registration="open", drain_s=0, calls=CallSettings(relay="auto"))

    async def test_nobody_is_told_of_a_relay_that_does_not_run(self, http: Http, group: FakeGroup) -> None:
        asked = control.AskRelay(B16(group.gid), 1, B32(group.token()))
        answer = parse_json(await http.call(control.CALL_RELAY, asked), control.RelayAccess)
        assert answer == control.RelayAccess(600, "", "", ())


class TestOfOthersWithoutAnAddress:
    @pytest.fixture
    def settings(self) -> Settings:
        calls = CallSettings(relay="auto")
        return Settings(front="https://chat.example", port=0, registration="open", drain_s=0, calls=calls)

    async def test_it_has_no_relay_and_starts_none(self, http: Http, group: FakeGroup, server: Server) -> None:
        asked = control.AskRelay(B16(group.gid), 1, B32(group.token()))
        answer = parse_json(await http.call(control.CALL_RELAY, asked), control.RelayAccess)
        assert answer == control.RelayAccess(600, "", "", ())
        assert server.calling.relay is None


class TestWithoutRooms:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(port=0, registration="open", drain_s=0, calls=CallSettings(media_connections_max=0))

    async def test_there_is_no_ticket_and_no_place(self, http: Http, group: FakeGroup, server: Server) -> None:
        assert await http.code(control.CALL_TICKET, asking(group)) == "not-allowed"
        seat = await Seat.take(
            http, PREAMBLE + make_ticket(server.calling.ticket_key, ROOM, now_s=time.time(), random=os.urandom)
        )
        assert await seat.code() == media.TRY_LATER


# Rooms


def test_one_address_does_not_take_every_place() -> None:
    rooms_of_all = rooms.Rooms(
        connections_max=16,
        bus=MemoryBus(),
        clock=time.monotonic,
        count_bad=lambda: None,
        count_over=lambda: None,
    )
    door = MediaDoor(rooms_of_all, connections_max=16, ticket_key=bytes(32), clock=lambda: 0.0, now=lambda: 0.0)

    def enter(place: bytes, number: int, ticket: bytes = b"") -> MediaConnection:
        made = make_ticket(bytes(32), bytes([number]) * 16, now_s=0.0, random=os.urandom)
        return door.enter(PREAMBLE + (ticket or made), place=place, kick=lambda: None)

    greedy = [enter(b"one", number) for number in range(16)]
    assert [each.close_code for each in greedy] == [None] * 8 + [media.TRY_LATER] * 8
    assert enter(b"two", 1, ticket=bytes(40)).close_code == media.BAD_TICKET
    others = [enter(b"%d" % number, number) for number in range(8)]
    assert [each.close_code for each in others] == [None] * 8
    assert enter(b"last", 1).close_code == media.TRY_LATER
    for each in greedy:
        each.lost()
    others[0].lost()
    assert door.count() == 7
    assert [enter(b"one", 1).close_code for _ in range(2)] == [None, None]


def test_a_full_room_gives_the_place_back() -> None:
    rooms_of_all = rooms.Rooms(
        connections_max=13,
        bus=MemoryBus(),
        clock=time.monotonic,
        count_bad=lambda: None,
        count_over=lambda: None,
    )
    door = MediaDoor(rooms_of_all, connections_max=13, ticket_key=bytes(32), clock=lambda: 0.0, now=lambda: 0.0)
    for number in range(14):
        ticket = make_ticket(bytes(32), ROOM, now_s=0.0, random=os.urandom)
        entered = door.enter(PREAMBLE + ticket, place=b"%d" % number, kick=lambda: None)
        assert entered.close_code == (None if number < rooms.CONNECTIONS else media.ROOM_FULL)


@pytest.mark.parametrize("path", [role.path for role in Role])
async def test_two_clients_exchange_frames(http: Http, group: FakeGroup, path: str, server: Server) -> None:
    first = PREAMBLE + await ticket_of(http, group)
    query = "?r=" + ROOM.hex()[:4]
    one = await Seat.take(http, first, path=path, query=query)
    assert await one.read() == notice(JOINED, 1)
    two = await Seat.take(http, first, path=path, query=query)
    assert await two.read() == notice(JOINED, 2, 1)
    assert await one.read() == notice(CAME, 2)
    for seq in range(50):
        audio, video = frame(1, seq), frame(2, seq, kind=VIDEO, key=seq == 0, size=3000)
        await one.send(audio)
        await two.send(video)
        assert await two.read() == b"\x01" + audio
        assert await one.read() == b"\x02" + video
    # What comes at once goes out whole, though nothing follows that would ask for the rest.
    burst = [frame(2, 100 + number, kind=VIDEO, key=True, size=6000) for number in range(5)]
    await asyncio.gather(*(two.send(each) for each in burst))
    assert [await one.read() for _ in burst] == [b"\x02" + each for each in burst]
    assert server.calling.door.count() == 2
    await two.plug.cut()
    assert await one.read() == notice(LEFT, 2)
    await one.plug.socket.close()
    await until(lambda: server.calling.door.count() == 0)


async def test_two_connections_of_one_ticket_share_what_comes_and_one_of_another_ticket_takes_none_of_it(
    http: Http, group: FakeGroup, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = server.gateway.now()
    monkeypatch.setattr(server.calling.door, "_now", lambda: now)
    mine, *others = [PREAMBLE + await ticket_of(http, group) for _ in range(3)]
    assert len({mine, *others}) == 3
    peer, thief = [await Seat.take(http, ticket) for ticket in others]
    audio, video = await Seat.take(http, mine), await Seat.take(http, mine)
    for second in (0, 3):
        now += second
        for seat, leaf, kind in ((audio, 1, AUDIO), (video, 1, VIDEO), (thief, 1, VIDEO), (thief, 1, AUDIO)):
            await seat.send(frame(leaf, second, kind=kind))
        await until_count(peer, 4)
    got: dict[Seat, list[bytes]] = {audio: [], video: [], thief: []}
    sent = [frame(2, seq, kind=kind) for seq in range(10) for kind in (AUDIO, VIDEO)]
    for record in sent:
        await peer.send(record)
    for seat, records in got.items():
        last = sent[-2 if seat is audio else -1]
        while last not in records:
            records.append((await seat.read())[1:])
    assert [record for record in got[audio] if record in sent] == sent[0::2]
    assert [record for record in got[video] if record in sent] == sent[1::2]
    assert [record for record in got[thief] if record in sent] == sent


async def test_a_sealed_client_and_a_plain_one_meet_also_through_a_bridge(
    http: Http, group: FakeGroup, server: Server, tmp_path: Path
) -> None:
    first = PREAMBLE + await ticket_of(http, group)
    key = await session_key(http)
    credential = encode_b64((await join_bridge(http, tmp_path / "data")).credential)
    plain = await Seat.take(http, first)
    assert await plain.read() == notice(JOINED, 1)
    for number, headers in enumerate(({}, {"authorization": f"Bridge {credential}"}), 2):

        async def dial(headers: dict[str, str] = headers) -> SocketPlug:
            plug = await SocketPlug.dial(http.client, http.url + SEALED_PATH, headers=headers)
            assert isinstance(plug, SocketPlug)
            return plug

        sealed_dial = SealedDial(Channel.MEDIA, key, dial)
        for again in range(2):  # the second by RESUME
            outer = await sealed_dial()
            assert isinstance(outer, SealedPlug)
            assert isinstance(outer.inner, SocketPlug)
            sealed = Seat(outer.inner, outer)
            await sealed.send(first)
            slot = (await sealed.read())[2]
            assert await plain.read() == notice(CAME, slot)
            one, other = frame(1, number), frame(number, again)
            await plain.send(one)
            await sealed.send(other)
            assert await sealed.read() == b"\x01" + one
            assert await plain.read() == bytes([slot]) + other
            await sealed.plug.cut()
            assert await plain.read() == notice(LEFT, slot)
        assert sealed_dial.made == 1


async def session_key(http: Http) -> SessionKey:
    plug = await SocketPlug.dial(http.client, http.url + SEALED_PATH)
    await plug.send(b"\x01\x03")
    answer = await plug.receive()
    await plug.cut()
    assert answer is not None
    return step_root(None, parse_root_answer(answer)[0]).session_key(0)


async def test_a_bad_ticket_ends_the_connection_on_every_route(http: Http, group: FakeGroup, server: Server) -> None:
    good = await ticket_of(http, group)
    old = make_ticket(server.calling.ticket_key, ROOM, now_s=time.time() - 121, random=os.urandom)
    key = await session_key(http)
    for ticket in (b"", good[:-1], good + b"\0", bytes(TICKET_BYTES), good[:16] + bytes(8) + good[24:], old):
        assert await (await Seat.take(http, PREAMBLE + ticket)).code() == media.BAD_TICKET
        outer = await SealedDial(Channel.MEDIA, key, lambda: SocketPlug.dial(http.client, http.url + SEALED_PATH))()
        assert isinstance(outer, SealedPlug)
        assert isinstance(outer.inner, SocketPlug)
        await outer.send(PREAMBLE + ticket)
        assert await Seat(outer.inner, outer).code() == media.BAD_TICKET
    assert server.calling.door.count() == 0


async def test_media_begins_nowhere_else(http: Http, group: FakeGroup, server: Server) -> None:
    """Not in a session, not on POSTs, not on a seal of a session; and a seal of media carries no session."""
    first = PREAMBLE + await ticket_of(http, group)
    key = await session_key(http)
    async with Wire(http.url, Role.S, http.client) as s:
        assert s._plug is not None
        await s._plug.send(first)
        assert await s.until_end() == "protocol"
    post = PostPlug(http.client, http.url + Role.S.path)
    await post.send(first)
    record = await post.receive()
    assert record is None or not record.startswith(notice(JOINED))
    await post.cut()
    for channel, said in ((Channel.S, first), (Channel.MEDIA, b"\0" * 256)):
        outer = await SealedDial(channel, key, lambda: SocketPlug.dial(http.client, http.url + SEALED_PATH))()
        await outer.send(said)
        record = await outer.receive()
        assert record is None or not record.startswith(notice(JOINED))
        await outer.cut()

    async def dial() -> PostPlug:
        return PostPlug(http.client, http.url + SEALED_PATH)

    with pytest.raises(ConnectionError):
        await SealedDial(Channel.MEDIA, key, dial)()
    assert server.calling.door.count() == 0


async def test_a_fifth_person_a_thirteenth_connection_a_flood_and_an_oversize_frame_are_thrown_out(
    http: Http, group: FakeGroup
) -> None:
    first = PREAMBLE + await ticket_of(http, group)
    seats = []
    for leaf in range(4):
        seats.append(await Seat.take(http, first))
        await seats[-1].read()
        await seats[-1].send(frame(leaf))
    await until_count(seats[0], 3)
    fifth = await Seat.take(http, first)
    await fifth.send(frame(9))
    assert await fifth.code() == media.ROOM_FULL
    others = [await Seat.take(http, first) for _ in range(8)]
    for seat in others:
        await seat.read()
    assert await (await Seat.take(http, first)).code() == media.ROOM_FULL
    await others[0].send(frame(1, kind=VIDEO, size=16_000))
    assert await others[0].code() == media.TOO_MUCH
    for seq in range(300):
        await others[1].send(frame(1, seq))
    assert await others[1].code() == media.TOO_MUCH
    await others[2].plug.socket.send_bytes(bytes(70_000))
    assert await others[2].code() in (media.TOO_MUCH, 1009)
    await others[3].plug.socket.send_str("text")
    assert await others[3].code() == 1003
    await seats[3].send(frame(3, 99))
    while (await seats[2].read())[1:] != frame(3, 99):
        pass


async def until_count(seat: Seat, most: int) -> None:
    """Read so many frames of others."""
    while most:
        most -= (await seat.read())[0] != 0


async def test_a_slow_receiver_loses_frames_and_nobody_else_does(
    http: Http, group: FakeGroup, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for rate in ("FRAMES_A_SECOND", "BYTES_A_SECOND"):
        monkeypatch.setattr(rooms, rate, 10**9)  # else it takes its time
    first = PREAMBLE + await ticket_of(http, group)
    slow = await Seat.take(http, first)
    transport = slow.plug.socket._writer.transport
    assert isinstance(transport, asyncio.Transport)
    await slow.read()
    transport.pause_reading()
    seats = [await Seat.take(http, first) for _ in range(4)]
    for seat in seats:
        await seat.read()
    quick, senders = seats[0], seats[1:]
    sent, got = 0, 0
    (queue,) = [member.queue for member in server.calling.door._rooms._members if member.slot == 1]
    while not queue.dropped and sent < 5000:
        for leaf, sender in enumerate(senders, 1):
            await sender.send(frame(leaf, sent % 65536, kind=VIDEO, size=1000))
            sent += 1
        while got < sent:
            got += (await quick.read())[0] != 0
    assert queue.dropped
    assert queue.size_bytes <= 64 * 1024
    assert got == sent
    transport.resume_reading()
    await senders[0].send(frame(1, 7))
    while (await slow.read())[1:] != frame(1, 7):
        pass


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(("gateway", "shell"), [("aiohttp", sockets), ("picows", picows_shell)])
def test_little_of_what_is_live_waits_in_the_system(
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[[Coroutine[None, None, None]], None],
    gateway: GatewayShell,
    shell: ModuleType,
) -> None:
    """On both loops: elsewhere megabytes would wait there, where nothing of them can be dropped."""
    seen: list[tuple[int, int]] = []
    settings = msgspec.structs.replace(settings, gateway=gateway)

    def watch(transport: asyncio.Transport) -> None:
        keep_little_unsent(transport)
        unsent = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
        seen.append((transport.get_write_buffer_limits()[1], unsent))

    async def story() -> None:
        server = await Server.start(tmp_path / "data", settings)
        async with aiohttp.ClientSession() as client:
            http = Http(f"http://127.0.0.1:{server.port}", client)
            ticket = make_ticket(server.calling.ticket_key, ROOM, now_s=time.time(), random=os.urandom)
            seat = await Seat.take(http, PREAMBLE + ticket)
            await seat.read()
            async with Wire(http.url, Role.S, client) as s:
                await s.send(frames.HttpReq(1, "GET", control.CONFIG.url(), {}, b""))
                await s.expect(frames.HttpRes)
        await server.stop()

    monkeypatch.setattr(shell, "keep_little_unsent", watch)
    run(story())
    assert seen == [(16 * 1024, 16 * 1024)], "of the media connection, and of no other"


async def test_silence_and_a_receiver_that_does_not_go_are_ended_by_the_sweep(
    http: Http, group: FakeGroup, server: Server
) -> None:
    first = PREAMBLE + await ticket_of(http, group)
    seat, stuck = await Seat.take(http, first), await Seat.take(http, first)
    await seat.read()
    transport = stuck.plug.socket._writer.transport
    assert isinstance(transport, asyncio.Transport)
    await stuck.read()
    transport.pause_reading()
    now = server.gateway.now()
    server.gateway.sweep(now + 29)
    assert server.calling.door.count() == 2
    server.gateway.sweep(now + 31)
    assert await seat.code() == media.IDLE
    server.gateway.sweep(now + 37)
    await until(lambda: server.calling.door.count() == 0)
    transport.resume_reading()


async def test_a_restart_asks_everybody_to_come_again(http: Http, group: FakeGroup, server: Server) -> None:
    seat = await Seat.take(http, PREAMBLE + await ticket_of(http, group))
    await seat.read()
    stopping = asyncio.create_task(server.gateway.drain(0))
    assert await seat.code() == media.RESTART
    await stopping
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await Seat.take(http, PREAMBLE)
    assert caught.value.status == 503


async def test_pings_of_a_media_connection_are_answered_and_a_flood_of_them_ends_it(
    http: Http, group: FakeGroup
) -> None:
    seat = await Seat.take(http, PREAMBLE + await ticket_of(http, group))
    await seat.read()
    for _ in range(400):
        await seat.plug.socket.ping()
    assert await seat.code() == media.TOO_MUCH


class TestLogs:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(port=0, registration="open", drain_s=0, limits={"ticket_group": Limit(3, 1e6)})

    async def test_nothing_of_a_call_is_stored_or_logged(
        self, http: Http, group: FakeGroup, server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        room = b"a room of this c"
        ticket = await ticket_of(http, group, room)
        seat, other = [await Seat.take(http, PREAMBLE + ticket) for _ in range(2)]
        secret = os.urandom(100)
        await seat.read()
        await other.read()
        await seat.send(frame(1) + secret)
        assert (await other.read()).endswith(secret)
        await seat.send(b"\x01")
        codes = [await http.code(control.CALL_TICKET, asking(group, room=room)) for _ in range(3)]
        assert codes[-1] == "slow-down"
        await server.stop()
        held = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
        named = (room, ticket, ticket[24:], secret[:8])
        assert not any(each in held or encode_b64(each).encode() in held for each in named)
        texts = [*named, group.gid, group.token()]
        assert not any(encode_b64(each) in caplog.text or each.hex() in caplog.text for each in texts)
