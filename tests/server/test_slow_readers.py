"""Whoever asks for much and reads nothing: what he holds is bounded, and ends."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import Callable

import pytest
from tests.server.conftest import NO_LIMITS
from tests.server.people import Person
from tests.server.test_attachments import Uploader
from tests.server.wire import Http, Wire

from zajil.protocol import frames
from zajil.protocol.attachments import AddedAttachment, padded_bytes
from zajil.protocol.frames import Role
from zajil.protocol.ids import encode_b64
from zajil.server.app import Server
from zajil.server.config import Settings

BODY = os.urandom(padded_bytes(900_000))
ASKED = 12


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
        made = await uploader.whole(BODY)
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
