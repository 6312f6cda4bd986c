"""Sessions over every kind of carrier: WebSocket or POSTs, plain or sealed. One story, and what each kind refuses."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from tests.server.carriers import Dial, PostPlug, SealedDial, SocketPlug, until
from tests.server.serving import BRIDGE, ORIGIN, SHELL, TOKEN, Queue, send_of, serving
from tests.server.wire import PATIENCE_S, Wire

from zajil.protocol import frames
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Msg, Role
from zajil.protocol.limits import RECORD_SIZES
from zajil.protocol.reach.polling import BODY_BYTES, SILENT_S, PollPost, encode_post, parse_items
from zajil.protocol.reach.seal import (
    Channel,
    SessionKey,
)
from zajil.protocol.session import ClientSession, Message
from zajil.protocol.session.server import DETACHED_S, SEGMENTED_DETACHED_S
from zajil.protocol.session.wire import SEGMENT_BYTES, Open, Ping, Pong, encode_record, parse_record
from zajil.server.gateway.lines import PlainLine
from zajil.server.http.calls import Peer
from zajil.server.shell.base import SEALED_PATH
from zajil.server.shell.bodies import Bodies
from zajil.server.shell.posts import Posts

KEY = SessionKey(ORIGIN.kid, ORIGIN.public)
CHANNELS = {Role.R: Channel.R, Role.S: Channel.S}
MakeDial = Callable[[str, Role, aiohttp.ClientSession], Dial]


def by_socket(url: str, role: Role, client: aiohttp.ClientSession) -> Dial:
    return lambda: SocketPlug.dial(client, url + role.path)


def by_posts(url: str, role: Role, client: aiohttp.ClientSession) -> Dial:
    async def dial() -> PostPlug:
        return PostPlug(client, url + role.path)

    return dial


def sealed_by_socket(url: str, role: Role, client: aiohttp.ClientSession) -> Dial:
    return SealedDial(CHANNELS[role], KEY, lambda: SocketPlug.dial(client, url + SEALED_PATH))


def sealed_by_posts(url: str, role: Role, client: aiohttp.ClientSession) -> Dial:
    async def dial() -> PostPlug:
        return PostPlug(client, url + SEALED_PATH)

    return SealedDial(CHANNELS[role], KEY, dial)


KINDS = [by_socket, by_posts, sealed_by_socket, sealed_by_posts]
EveryKind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@EveryKind
async def test_a_device_receives_over_any_carrier_and_over_the_next_one(
    kind: MakeDial, client: aiohttp.ClientSession
) -> None:
    queue = Queue()
    queue.messages = [Msg(n, bytes(16), frames.Kind.APP, None, 0, 0, os.urandom(n * 731)) for n in range(1, 40)]
    async with (
        serving(SHELL, queue) as (url, gateway),
        Wire(url, Role.R, client, dial=kind(url, Role.R, client)) as r,
    ):
        await r.hello(TOKEN)
        first = [await r.expect(Msg) for _ in range(3)]
        await r.cut()
        await r.open()
        rest = await r.messages()
        assert [*first, *rest] == queue.messages
        assert r.begun == 1, "one session over both carriers"
        assert gateway.count(Role.R) >= 1
        assert gateway.count(Role.S) == 0


@EveryKind
async def test_requests_are_answered_over_any_carrier(kind: MakeDial, client: aiohttp.ClientSession) -> None:
    queue = Queue()
    async with serving(SHELL, queue) as (url, _), Wire(url, Role.S, client, dial=kind(url, Role.S, client)) as s:
        for rid in range(10):
            assert isinstance(await s.ask(send_of(rid, os.urandom(40_000))), frames.Ok)
        await s.send(frames.HttpReq(99, "GET", "/v1/health", {}, b""))
        answer = await s.expect(frames.HttpRes)
        assert isinstance(answer, frames.HttpRes)
        assert answer.body == b"GET/v1/health"
    assert queue.submitted == 10


@EveryKind
async def test_an_echo_comes_back_before_anything_else_is_said(kind: MakeDial, client: aiohttp.ClientSession) -> None:
    async with serving(SHELL, Queue()) as (url, _):
        plug = await kind(url, Role.S, client)()
        for number in range(6):
            await plug.send(encode_record(Ping(number), at_least=4096))
        for number in range(6):
            record = await asyncio.wait_for(plug.receive(), PATIENCE_S)
            assert record is not None
            assert len(record) == 4096
            assert parse_record(record) == Pong(number)
        await plug.cut()


@EveryKind
async def test_a_restart_is_said_on_every_kind(kind: MakeDial, client: aiohttp.ClientSession) -> None:
    async with (
        serving(SHELL, Queue()) as (url, gateway),
        Wire(url, Role.R, client, dial=kind(url, Role.R, client)) as r,
    ):
        await r.hello(TOKEN)
        await r.messages()
        stopping = asyncio.create_task(gateway.drain(0))
        assert await r.until_end() == "restarting"
        await stopping


# Carriers made of POSTs


async def test_a_post_with_records_is_answered_empty_and_a_poll_waits_for_news(client: aiohttp.ClientSession) -> None:
    queue = Queue()
    async with serving(SHELL, queue) as (url, _):
        plug = PostPlug(client, url + Role.S.path)
        session = ClientSession(Role.S)
        carrier, _ = session.open_carrier(time.monotonic())
        assert await plug.post(*session.pull(carrier, time.monotonic())) == (200, b"")
        status, body = await plug.post()
        (opened,) = parse_items(body)
        assert status == 200
        session.feed(carrier, opened, time.monotonic())
        queue.release.clear()
        session.send(frames.encode_frame(send_of(1, b"text")))
        waiting = asyncio.create_task(plug.post())
        await until(lambda: plug.seq == 3)
        assert await plug.post(*session.pull(carrier, time.monotonic())) == (200, b"")
        queue.release.set()
        status, body = await asyncio.wait_for(waiting, PATIENCE_S)
        assert (status, len(parse_items(body))) == (200, 1)


async def test_a_newer_poll_ends_the_older_one_empty(client: aiohttp.ClientSession) -> None:
    async with serving(SHELL, Queue()) as (url, _):
        plug = PostPlug(client, url + Role.S.path)
        older = asyncio.create_task(plug.post())
        await until(lambda: plug.seq == 1)
        newer = asyncio.create_task(plug.post())
        assert await asyncio.wait_for(older, PATIENCE_S) == (200, b"")
        assert not newer.done()
        newer.cancel()


async def test_two_posts_may_overtake_each_other_by_one(client: aiohttp.ClientSession) -> None:
    async with serving(SHELL, Queue()) as (url, _):
        plug = PostPlug(client, url + Role.S.path)
        plug.seq = 1
        early = asyncio.create_task(plug.post())
        await until(lambda: plug.seq == 2)
        plug.seq = 0
        assert await plug.post(encode_record(Open(1, None, 0, 65536))) == (200, b"")
        status, body = await asyncio.wait_for(early, PATIENCE_S)
        assert (status, len(parse_items(body))) == (200, 1)


@pytest.mark.parametrize("wrong", [2, 3, 77, 1 << 31])
async def test_a_number_too_far_ahead_begins_nothing(client: aiohttp.ClientSession, wrong: int) -> None:
    async with serving(SHELL, Queue()) as (url, gateway):
        plug = PostPlug(client, url + Role.S.path)
        plug.seq = wrong
        assert (await plug.post())[0] == 400
        assert gateway.count(Role.S) == 0


@pytest.mark.parametrize("step", [-1, 2, 500])
async def test_a_repeat_or_a_gap_ends_the_carrier_and_leaves_the_session(
    client: aiohttp.ClientSession, step: int
) -> None:
    queue = Queue()
    async with serving(SHELL, queue) as (url, gateway):
        plugs: list[PostPlug] = []

        async def dial() -> PostPlug:
            plugs.append(PostPlug(client, url + Role.S.path))
            return plugs[-1]

        async with Wire(url, Role.S, client, dial=dial) as s:
            assert isinstance(await s.ask(send_of(1, b"x")), frames.Ok)
            plugs[0].seq += step
            assert (await plugs[0].post(b"x" * 256))[0] == 400
            assert await s.until_end() == "cut"
            assert gateway.count(Role.S) == 0
            await s.open()
            assert isinstance(await s.ask(send_of(2, b"x")), frames.Ok)
            assert s.begun == 1


async def test_a_carrier_belongs_to_one_path(client: aiohttp.ClientSession) -> None:
    """Whoever knows its id can neither use it for the other role nor end it from there."""
    async with serving(SHELL, Queue()) as (url, gateway):
        plug = PostPlug(client, url + Role.S.path)
        first = asyncio.create_task(plug.post())
        await until(lambda: gateway.count(Role.S) == 1)
        for path in (Role.R.path, SEALED_PATH):
            other = PostPlug(client, url + path)
            other.name, other.seq = plug.name, 1
            assert (await other.post())[0] == 400
        assert gateway.count(Role.S) == 1
        assert not first.done()
        first.cancel()


async def test_an_origin_that_is_no_text_is_never_told_back() -> None:
    async with serving(SHELL, Queue()) as (url, _):
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        body = encode_post(PollPost(os.urandom(16), 0, (b"x" * 256,)))
        head = b"POST /v1/send HTTP/1.1\r\norigin: http://\xff\r\nhost: \xff\r\nconnection: close\r\n"
        writer.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
        assert answer.split()[1] in {b"200", b"400", b"403"}
        assert b"allow-origin" not in answer.lower()
        writer.close()
        await writer.wait_closed()


@pytest.mark.slow
async def test_every_truncation_of_a_post_is_refused(client: aiohttp.ClientSession) -> None:
    whole = encode_post(PollPost(os.urandom(16), 0, (b"x" * 256, b"y" * 20)))
    async with serving(SHELL, Queue()) as (url, gateway):
        plug = PostPlug(client, url + Role.S.path)
        for size in range(len(whole)):
            if size in {20, 280}:  # a poll, and a POST of the first record: whole in themselves
                continue
            assert (await plug.post_raw(whole[:size]))[0] == 400, size
        assert gateway.count(Role.S) == 0


async def test_items_and_bodies_beyond_all_measure_are_refused(client: aiohttp.ClientSession) -> None:
    name = os.urandom(16) + bytes(4)
    async with serving(SHELL, Queue()) as (url, gateway):
        plug = PostPlug(client, url + Role.S.path)
        for items in (
            bytes(4),
            b"\xff\xff\xff\xff",
            (RECORD_SIZES[-1] + 17).to_bytes(4, "big") + bytes(RECORD_SIZES[-1] + 17),
            b"\x00\x00\x00\x01x" * 257,
        ):
            assert (await plug.post_raw(name + items))[0] == 400
        assert (await plug.post_raw(bytes(BODY_BYTES + 1)))[0] == 413
        assert gateway.count(Role.S) == 0


async def test_a_post_that_sends_no_whole_body_takes_no_carrier(client: aiohttp.ClientSession) -> None:
    more = asyncio.Event()

    async def slow() -> object:
        yield bytes(19)
        await more.wait()

    async with serving(SHELL, Queue(), unfinished_max_bytes=1000) as (url, gateway):
        plug = PostPlug(client, url + Role.S.path)
        waiting = asyncio.create_task(client.post(plug.url, data=slow()))
        large = encode_post(PollPost(plug.name, 0, (bytes(60_000),)))
        assert (await plug.post_raw(large))[0] == 503
        assert gateway.count(Role.S) == 0
        more.set()
        (await waiting).close()


async def test_what_a_post_brought_counts_until_it_is_answered(client: aiohttp.ClientSession) -> None:
    """A POST that came early waits for the one before it, and what it brought with it."""
    async with serving(SHELL, Queue(), unfinished_max_bytes=130_000) as (url, gateway):
        early, other = PostPlug(client, url + Role.S.path), PostPlug(client, url + Role.S.path)
        early.seq = 1
        waiting = asyncio.create_task(early.post(bytes(60_000)))
        await until(lambda: gateway.count(Role.S) == 1)
        assert (await other.post(bytes(60_000)))[0] == 503
        assert gateway.count(Role.S) == 1
        early.seq = 0
        assert (await early.post(bytes(10)))[0] == 200
        await waiting
        other.seq = 0
        assert (await other.post(bytes(60_000)))[0] == 200


async def test_a_second_early_post_ends_the_carrier(client: aiohttp.ClientSession) -> None:
    async with serving(SHELL, Queue()) as (url, gateway):
        plug = PostPlug(client, url + Role.S.path)
        plug.seq = 1
        body = encode_post(PollPost(plug.name, 1, (bytes(60_000),)))
        first = asyncio.create_task(plug.post_raw(body))
        await until(lambda: gateway.count(Role.S) == 1)
        assert (await plug.post_raw(body))[0] == 400
        assert (await first)[0] == 400
        assert gateway.count(Role.S) == 0


async def test_idle_polls_are_bounded_and_one_address_leaves_room(client: aiohttp.ClientSession) -> None:
    async with serving(SHELL, Queue(), posts_max=8) as (url, gateway):
        polls = [PostPlug(client, url + Role.S.path) for _ in range(8)]
        held = [asyncio.create_task(plug.post()) for plug in polls]
        await until(lambda: sum(task.done() for task in held) == 4)
        assert {task.result()[0] for task in held if task.done()} == {503}
        assert gateway.count(Role.S) == 4, "half of all places, then an eighth for each address"
        for task in held:
            task.cancel()


@pytest.mark.slow
async def test_thousands_of_idle_polls_end_with_their_time_and_leave_nothing(client: aiohttp.ClientSession) -> None:
    """More than sockets would allow here: the carriers alone, each with a poll that is held."""

    class Content:
        def __init__(self, body: bytes) -> None:
            self.body = body

        async def iter_any(self) -> AsyncIterator[bytes]:
            yield self.body

    class Request:
        def __init__(self, body: bytes) -> None:
            self.headers: dict[str, str] = {}
            self.content_length, self.content = len(body), Content(body)

    async with serving(SHELL, Queue(), connections_max=20_000) as (_, gateway):
        posts = Posts(Bodies(1 << 20), carriers_max=5_000, now=gateway.now)

        async def poll(number: int) -> str:
            peer = Peer(number.to_bytes(3, "big"))
            body = encode_post(PollPost(number.to_bytes(16, "big"), 0, ()))
            try:
                await posts.answer(
                    Request(body),  # type: ignore[arg-type]  # what is read of one
                    owner=(Role.S.path, b""),
                    place=peer.prefix,
                    make=lambda kick, silent_s: PlainLine(gateway, Role.S, peer=peer, kick=kick, silent_s=silent_s),
                )
            except ZajilError as reason:
                return reason.code
            return "ended"

        held = [asyncio.create_task(poll(number)) for number in range(6_000)]
        await until(lambda: sum(task.done() for task in held) == 1_000)
        assert {task.result() for task in held if task.done()} == {"busy"}
        assert len(posts) == gateway.count(Role.S) == 5_000
        gateway.sweep(gateway.now() + 11)  # none of them ever said OPEN
        assert {await task for task in held} == {"busy", "ended"}
        assert len(posts) == gateway.count(Role.S) == gateway._places._total == 0


async def test_a_carrier_without_posts_is_given_up_and_its_session_kept(client: aiohttp.ClientSession) -> None:
    async with (
        serving(SHELL, Queue()) as (url, gateway),
        Wire(url, Role.S, client, dial=by_posts(url, Role.S, client)) as s,
    ):
        assert isinstance(await s.ask(send_of(1, b"x")), frames.Ok)
        gateway.sweep(gateway.now() + SILENT_S + 1)
        assert await s.until_end() == "cut"
        assert gateway.count(Role.S) == 0
        await s.open()
        assert isinstance(await s.ask(send_of(2, b"x")), frames.Ok)
        assert s.begun == 1


async def test_the_origin_of_a_post_is_checked_and_told(client: aiohttp.ClientSession) -> None:
    async with serving(SHELL, Queue()) as (url, _):
        body = encode_post(PollPost(os.urandom(16), 0, (b"x" * 256,)))
        for origin, status in (("https://ours.example", 200), ("https://others.example", 403), (url, 200)):
            async with client.post(url + Role.S.path, data=os.urandom(1) + body[1:], headers={"origin": origin}) as got:
                assert got.status == status
                told = got.headers.get("access-control-allow-origin")
                assert told == (origin if status == 200 else None)
        for headers in ({"authorization": "Device x"}, {"authorization": f"Bridge {BRIDGE}"}):
            async with client.post(url + Role.S.path, data=body, headers=headers) as got:
                assert got.status == 400
        async with client.post(url + Role.S.path + "?token=x", data=body) as got:
            assert got.status == 400
        async with client.post(url + Role.S.path, data=body, headers={"content-encoding": "gzip"}) as got:
            assert got.status == 400


# Segments


@EveryKind
async def test_a_segmented_carrier_ends_at_its_budget_and_the_session_goes_on(
    kind: MakeDial, client: aiohttp.ClientSession
) -> None:
    """A client that never leaves early: the server itself closes each carrier in good order, and nothing is lost."""
    queue = Queue()
    queue.messages = [Msg(1, bytes(16), frames.Kind.APP, None, 0, 0, os.urandom(40 * 1024))]
    async with serving(SHELL, queue) as (url, gateway):
        dial = kind(url, Role.R, client)
        session = ClientSession(Role.R)
        session_began, whole, carriers = 0, b"", 0
        while not whole:
            plug, carriers = await dial(), carriers + 1
            number, events = session.open_carrier(time.monotonic(), segmented=True)
            session_began += len(events)
            if events:
                session.send(frames.encode_frame(frames.Hello(TOKEN.removeprefix("Device "), 0)))
            received = 0
            while True:
                for out in session.pull(number, time.monotonic()):
                    await plug.send(out)
                record = await asyncio.wait_for(plug.receive(), PATIENCE_S)
                if record is None:
                    break
                received += len(record)
                for event in session.feed(number, record, time.monotonic()):
                    frame = frames.parse_r_server(event.body) if isinstance(event, Message) else None
                    whole = frame.body if isinstance(frame, Msg) else whole
                if whole:
                    break
            assert received <= SEGMENT_BYTES
            session.lost(number)
            await plug.cut()
        assert whole == queue.messages[0].body
        assert session_began == 1
        assert 6 <= carriers <= 16
        gateway.sweep(gateway.now() + SILENT_S + 1)  # POSTs say no farewell
        await until(lambda: gateway.count(Role.R) == 0)
        for later, left in ((DETACHED_S + 1, 1), (SEGMENTED_DETACHED_S + 1, 0)):
            gateway.sweep(gateway.now() + later)
            assert len(gateway._tables[Role.R]) == left
