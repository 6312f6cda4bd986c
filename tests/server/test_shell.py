"""What every gateway shell promises, run against each of them. Another shell is one more entry of SHELLS."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import aiohttp
import pytest
from tests.server.serving import SHELLS, TOKEN, Queue, send_of, serving
from tests.server.wire import Wire
from yarl import URL

from zajil.protocol import frames
from zajil.protocol.frames import Msg, Role
from zajil.protocol.ids import encode_b64
from zajil.protocol.session import ClientSession
from zajil.server.shell.aiohttp_shell import AiohttpShell


@pytest.fixture(params=SHELLS)
def make(request: pytest.FixtureRequest) -> type[AiohttpShell]:
    chosen: type[AiohttpShell] = request.param
    return chosen


async def test_records_go_both_ways_in_order(make: type[AiohttpShell], client: aiohttp.ClientSession) -> None:
    queue = Queue()
    queue.messages = [Msg(n, bytes(16), frames.Kind.APP, None, 0, 0, os.urandom(n * 37)) for n in range(1, 50)]
    async with serving(make, queue) as (url, _), Wire(url, Role.R, client) as r:
        await r.hello(TOKEN)
        assert await r.messages() == queue.messages


async def test_a_large_message_arrives_whole(make: type[AiohttpShell], client: aiohttp.ClientSession) -> None:
    queue = Queue()
    queue.messages = [Msg(1, bytes(16), frames.Kind.WELCOME, None, 0, 0, os.urandom(600 * 1024))]
    async with serving(make, queue) as (url, _), Wire(url, Role.R, client) as r:
        await r.hello(TOKEN)
        assert await r.messages() == queue.messages


async def test_plain_calls_and_their_origin(make: type[AiohttpShell], client: aiohttp.ClientSession) -> None:
    async with serving(make, Queue()) as (url, _):
        async with client.get(url + "/v1/health") as answer:
            assert (answer.status, await answer.read()) == (200, b"GET/v1/health")
        async with client.get(URL(url + "/v1/a%0Ab%00", encoded=True)) as answer:
            assert (answer.status, await answer.read()) == (200, b"GET/v1/a%0Ab%00")
        async with client.get(url + "/v1/health", headers={"origin": "https://ours.example"}) as answer:
            assert answer.status == 200
        async with client.get(url + "/v1/health", headers={"origin": "https://others.example"}) as answer:
            assert answer.status == 403
        async with client.get(url + "/v1/health", data=b"x" * 10) as answer:
            assert answer.status == 400


async def test_no_compression_is_ever_agreed(make: type[AiohttpShell], client: aiohttp.ClientSession) -> None:
    async with serving(make, Queue()) as (url, _), client.ws_connect(url + Role.S.path, compress=15) as ws:
        assert ws.compress == 0


@pytest.mark.parametrize("plumbing", ["ping", "pong"])
async def test_frames_of_websocket_itself_are_answered_and_charged(
    make: type[AiohttpShell], client: aiohttp.ClientSession, plumbing: str
) -> None:
    """They carry no record and cost no bytes of payload: a flood of them must not be free."""
    async with (
        serving(make, Queue(), inbound_bytes=10_000) as (url, _),
        client.ws_connect(url + Role.S.path, autoping=False) as ws,
    ):
        await ws.ping(b"here?")
        answer = await ws.receive(timeout=5)
        assert (answer.type, answer.data) == (aiohttp.WSMsgType.PONG, b"here?")
        with suppress(ConnectionError):
            for _ in range(200):
                await getattr(ws, plumbing)()
        while (await ws.receive(timeout=5)).type in {aiohttp.WSMsgType.PONG, aiohttp.WSMsgType.BINARY}:
            pass


async def test_a_crowded_connection_is_not_read_until_answers_went_out(
    make: type[AiohttpShell], client: aiohttp.ClientSession
) -> None:
    queue = Queue()
    queue.release.clear()
    async with serving(make, queue) as (url, _), Wire(url, Role.S, client) as s:
        body = os.urandom(60 * 1024)
        for rid in range(12):
            await s.send(send_of(rid, body))
        while queue.submitted < 4:
            await s.pump()
        assert queue.submitted < 12
        queue.release.set()
        rids: set[int] = set()
        while len(rids) < 12:
            answer = await s.expect(frames.Ok)
            assert isinstance(answer, frames.Ok)
            rids.add(answer.rid)


async def test_unfinished_messages_of_nobody_have_a_budget(
    make: type[AiohttpShell], client: aiohttp.ClientSession
) -> None:
    """Each holds a window of a message that never ends; the fifth is one too many, and whoever reads on is served."""
    queue = Queue()
    large = send_of(1, os.urandom(900 * 1024))
    async with AsyncExitStack() as stack:
        url, gateway = await stack.enter_async_context(serving(make, queue, unfinished_max_bytes=1_100_000))
        greedy = [await stack.enter_async_context(Wire(url, Role.S, client)) for _ in range(5)]
        for wire in greedy:
            await wire.send(large)
        ends = [asyncio.ensure_future(wire.until_end_quietly()) for wire in greedy]
        done, others = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        assert {end.result() for end in done} == {"slow-down"}
        for end in others:
            end.cancel()
        assert gateway.count(Role.S) >= 4 - len(done)
        for wire in greedy:
            await wire.cut()
        async with Wire(url, Role.S, client) as honest:
            await honest.send(send_of(1, os.urandom(90 * 1024)))
            assert isinstance(await honest.expect(frames.Ok), frames.Ok)
    assert queue.submitted == 1


async def test_bodies_that_are_still_arriving_have_a_budget(
    make: type[AiohttpShell], client: aiohttp.ClientSession
) -> None:
    url_path = f"/v1/link/{encode_b64(bytes(16))}/answer"
    more = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield bytes(200 * 1024)
        await more.wait()
        yield b"end"

    async with serving(make, Queue(), unfinished_max_bytes=300 * 1024) as (url, _):

        async def put() -> int:
            try:
                async with client.put(url + url_path, data=body()) as answer:
                    return answer.status
            finally:
                more.set()

        assert sorted(await asyncio.gather(put(), put())) == [200, 503]
        assert await put() == 200


async def test_a_peer_that_never_reads_holds_up_nobody(make: type[AiohttpShell], client: aiohttp.ClientSession) -> None:
    queue = Queue()
    queue.messages = [Msg(n, bytes(16), frames.Kind.APP, None, 0, 0, os.urandom(60_000)) for n in range(1, 13)]
    async with serving(make, queue) as (url, gateway):
        host, port = url.removeprefix("http://").split(":")
        deaf = socket.create_connection((host, int(port)))
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await _upgrade_by_hand(deaf)
        async with Wire(url, Role.R, client) as r:
            await r.hello(TOKEN)
            assert len(await r.messages()) == 12
            assert gateway.count(Role.R) == 2
        deaf.close()


async def _upgrade_by_hand(raw: socket.socket) -> None:
    """A WebSocket client that says HELLO and then reads nothing."""
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(
        raw,
        b"GET /v1/ws HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )
    await loop.sock_recv(raw, 1024)
    session = ClientSession(Role.R)
    carrier, _ = session.open_carrier(0.0)
    session.send(frames.encode_frame(frames.Hello(encode_b64(bytes(31) + b"\x02"), 0)))
    for record in session.pull(carrier, 0.0):
        length = len(record).to_bytes(2, "big")
        await loop.sock_sendall(raw, b"\x82\xfe" + length + b"\0\0\0\0" + record)
