"""Whoever asks for much and reads nothing: what he holds is bounded, and ends."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from tests.server.carriers import until
from tests.server.conftest import NO_LIMITS
from tests.server.people import Person
from tests.server.test_attachments import Uploader
from tests.server.wire import Http, Wire

from zajil.protocol import frames
from zajil.protocol.attachments import AddedAttachment, padded_bytes
from zajil.protocol.frames import Role
from zajil.protocol.ids import encode_b64
from zajil.protocol.session.wire import VERSION, Open, encode_record
from zajil.server.app import Server
from zajil.server.config import Settings
from zajil.server.gateway.clerk import Clerk
from zajil.server.gateway.conversation import Conversation
from zajil.server.gateway.lines import PlainLine
from zajil.server.gateway.work import Call
from zajil.server.http.calls import Peer

BODY = os.urandom(padded_bytes(900_000))
SIZE = len(BODY)
ASKED = 12
PART = 64 << 10
"""Of an upload to a server with so little room that a whole megabyte is more than one prefix may have of it."""


@pytest.fixture
async def uploader(http: Http) -> Uploader:
    return Uploader(http, await http.register(Person()))


async def stall(server: Server, made: AddedAttachment) -> socket.socket:
    """A connection that asks for all of it, more often than fits into the buffers of the system, and reads nothing."""
    loop, connection = asyncio.get_running_loop(), socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await loop.sock_connect(connection, ("127.0.0.1", server.port))
    path = f"/v1/attachments/{encode_b64(made.id)}"
    wanted = f"GET {path} HTTP/1.1\r\nhost: x\r\nrange: bytes=0-\r\n\r\n"
    await loop.sock_sendall(connection, ASKED * wanted.encode())
    return connection


class TestRoom:
    """2 MiB for answers: one that is not read takes half, and a neighbour's second one waits."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(port=0, registration="open", limits=NO_LIMITS, drain_s=0, unfinished_max_bytes=4 << 20)

    async def test_beyond_it_large_answers_wait_and_small_ones_do_not(self, uploader: Uploader, server: Server) -> None:
        made = await uploader.whole(BODY, part=PART)
        asked = [await stall(server, made) for _ in range(3)]
        try:
            async with asyncio.timeout(20):
                while (answer := await uploader.fetch(made, "bytes=0-"))[0] != 503:
                    pass
            assert b"busy" in answer[1]
            assert (await uploader.fetch(made, "bytes=0-9"))[0] == 206
        finally:
            for connection in asked:
                connection.close()
        async with asyncio.timeout(20):
            while (await uploader.fetch(made, "bytes=0-"))[:2] != (206, BODY):
                pass


class TestPatience:
    """It ends."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(port=0, registration="open", limits=NO_LIMITS, drain_s=0, slow_after_s=0.1)

    async def test_an_answer_that_nobody_reads_ends_with_its_connection(
        self, uploader: Uploader, server: Server
    ) -> None:
        made = await uploader.whole(BODY)
        connection = await stall(server, made)
        found = bytearray()
        async with asyncio.timeout(20):
            await asyncio.to_thread(_read_after, connection, found)
        assert len(found) < ASKED * len(BODY)


async def test_a_session_that_reads_nothing_gets_a_few_answers_and_ends(
    uploader: Uploader, wire: Callable[[Role], Wire]
) -> None:
    """64 calls at once, all of them sent before any answer: else each session could hold 64 MiB."""
    made = await uploader.whole(BODY)
    path = f"/v1/attachments/{encode_b64(made.id)}"
    async with wire(Role.S) as session:
        for rid in range(64):
            await session.send(frames.HttpReq(rid, "GET", path, {"range": "bytes=0-"}, b""))
        assert await session.until_end_quietly() == "slow-down"


class TestSessions:
    """2 MiB for what sessions of nobody asked for and do not read, all of them together."""

    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(port=0, registration="open", limits=NO_LIMITS, drain_s=0, unfinished_max_bytes=4 << 20)

    @pytest.fixture
    def answered(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Awaitable[None]]:
        """Returns when one more call of a session was answered."""
        real, done = Clerk._call, asyncio.Semaphore(0)

        async def call(clerk: Clerk, conversation: Conversation, item: Call) -> None:
            await real(clerk, conversation, item)
            done.release()

        async def answered() -> None:
            async with asyncio.timeout(20):
                await done.acquire()

        monkeypatch.setattr(Clerk, "_call", call)
        return answered

    async def test_many_that_read_nothing_hold_no_more_than_their_share(
        self,
        uploader: Uploader,
        wire: Callable[[Role], Wire],
        server: Server,
        answered: Callable[[], Awaitable[None]],
    ) -> None:
        made = await uploader.whole(BODY, part=PART)
        path = f"/v1/attachments/{encode_b64(made.id)}"
        gateway = server.gateway
        async with AsyncExitStack() as stack:
            greedy = [await stack.enter_async_context(wire(Role.S)) for _ in range(10)]
            most = 0
            for session in greedy:
                await session.send(frames.HttpReq(1, "GET", path, {"range": "bytes=0-"}, b""))
                await answered()
                most = max(most, sum(each.session.queued_bytes for each in gateway._conversations))
            held = [each.session.queued_bytes for each in gateway._conversations]
            assert SIZE < most <= 2 << 20, "what ten of them asked for is 9 MiB"
            assert len(held) <= 2, "the others were ended"
            honest = await stack.enter_async_context(wire(Role.S))
            await honest.send(frames.HttpReq(1, "GET", path, {"range": "bytes=0-999"}, b""))
            answer = await honest.expect(frames.HttpRes)
            assert isinstance(answer, frames.HttpRes)
            assert answer.body == BODY[:1000]
            await honest.send(frames.HttpReq(2, "GET", path, {"range": "bytes=0-"}, b""))
            found = b""
            while len(found) < SIZE:
                answer = await honest.expect(frames.HttpRes)
                assert isinstance(answer, frames.HttpRes)
                found += answer.body
            assert found == BODY, "whoever reads gets all of it"
            gateway.sweep(gateway.now() + 31)
            async with asyncio.timeout(20):
                await until(lambda: gateway.count(Role.S) <= 3)

    async def test_what_is_left_behind_with_its_answers_goes_first(
        self,
        uploader: Uploader,
        wire: Callable[[Role], Wire],
        server: Server,
        answered: Callable[[], Awaitable[None]],
    ) -> None:
        """Asked for, and cut before it was read: the session waits for its client, but not while others need room."""
        made = await uploader.whole(BODY, part=PART)
        path = f"/v1/attachments/{encode_b64(made.id)}"
        for _ in range(6):
            async with wire(Role.S) as session:
                await session.send(frames.HttpReq(1, "GET", path, {"range": "bytes=0-"}, b""))
                await session.cut()
            await answered()
            assert sum(each.session.queued_bytes for each in server.gateway._conversations) <= 2 << 20


def _read_after(connection: socket.socket, found: bytearray) -> None:
    """Wait for the end before reading a byte; what was under way by then is all there is."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP | select.POLLHUP | select.POLLERR)
    poll.poll(20_000)
    connection.setblocking(True)
    with connection:
        try:
            while data := connection.recv(1 << 16):
                found += data
        except ConnectionError:
            pass


async def test_who_sends_on_after_the_end_of_his_session_is_dropped_as_one_who_is_silent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With answers that he does not read the shell cannot close; his place and his buffers must not stay."""
    now = server.gateway.now()
    monkeypatch.setattr(server.gateway, "now", lambda: now)
    line = PlainLine(server.gateway, Role.S, peer=Peer(b"peer"), kick=lambda: None)
    line.feed(encode_record(Open(VERSION, None, 0, 65536, 1)))
    line.feed(bytes(256))  # breaks the protocol
    assert line.done
    for _ in range(5):
        now += 60
        line.feed(bytes(256))
        server.gateway.sweep(now)
    assert line.dropped
    line.lost()
