"""Large ranges of attachments go from their file into the socket: whole, in order, to readers of every kind."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest
from aiohttp.web_protocol import RequestHandler
from tests.server.carriers import until
from tests.server.conftest import NO_LIMITS
from tests.server.people import Person
from tests.server.test_attachments import Uploader, blob_path
from tests.server.wire import Http

from zajil.engine.blobs import BlobPart, DiskBlobs
from zajil.protocol.attachments import AddedAttachment, padme
from zajil.protocol.ids import encode_b64
from zajil.server.app import Server
from zajil.server.config import Settings
from zajil.server.shell import files
from zajil.server.shell.aiohttp_shell import AiohttpShell

BODY = os.urandom(padme(900_000))
SIZE = len(BODY)
MANY = 12
"""More than fits into the buffers of the system."""
RANGES = [(0, SIZE), (1, 700_000), (5, 5), (200_000, SIZE - 200_000), (0, 65_536), (9, 65_537)] * 3


@pytest.fixture
def settings() -> Settings:
    return Settings(port=0, registration="open", limits=NO_LIMITS, drain_s=0, slow_after_s=30)


@pytest.fixture
async def made(http: Http) -> AddedAttachment:
    uploader = Uploader(http, await http.register(Person()))
    return await uploader.whole(BODY)


@pytest.fixture
def unread(made: AddedAttachment, monkeypatch: pytest.MonkeyPatch) -> None:  # its hash was read
    """No blob is read into our memory as a whole."""

    def read(*_which: object) -> NoReturn:
        raise AssertionError("read")

    monkeypatch.setattr(DiskBlobs, "read", read)


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> set[threading.Thread]:
    """The threads that read a piece, once a socket was full."""
    threads, read = set[threading.Thread](), BlobPart.read

    def read_seen(part: BlobPart, at: int, most: int) -> bytes:
        threads.add(threading.current_thread())
        return read(part, at, most)

    monkeypatch.setattr(BlobPart, "read", read_seen)
    return threads


def ask(made: AddedAttachment, start: int, length: int) -> bytes:
    path = f"/v1/attachments/{encode_b64(made.id)}"
    return f"GET {path} HTTP/1.1\r\nhost: x\r\nrange: bytes={start}-{start + length - 1}\r\n\r\n".encode()


async def connect(server: Server, *, buffer_bytes: int = 4096) -> socket.socket:
    """A connection that takes little before somebody reads it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", server.port))
    return connection


class Reader:
    """Answers, one after the other, from a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._found = b""

    async def more(self, most: int = 1 << 16) -> None:
        """Read some. Raises EOFError at the end."""
        part = await asyncio.get_running_loop().sock_recv(self._connection, most)
        if not part:
            raise EOFError
        self._found += part

    async def answer(self) -> tuple[int, bytes]:
        """Status and body. Raises EOFError at an end before it is whole."""
        while b"\r\n\r\n" not in self._found:
            await self.more()
        head, _, self._found = self._found.partition(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        size = int(next(line for line in lines if line.startswith("content-length")).split(":")[1])
        while len(self._found) < size:
            await self.more()
        body, self._found = self._found[:size], self._found[size:]
        return int(lines[0].split()[1]), body


@pytest.mark.usefixtures("unread")
async def test_a_large_range_is_not_read_into_our_memory(made: AddedAttachment, http: Http) -> None:
    path = f"/v1/attachments/{encode_b64(made.id)}"
    status, body, headers = await http.raw("GET", path, headers={"range": "bytes=7-"})
    assert (status, body) == (206, BODY[7:])
    assert headers["content-range"] == f"bytes 7-{SIZE - 1}/{SIZE}"
    assert headers["cache-control"] == "no-store"


async def test_what_is_asked_for_at_once_comes_in_order_to_a_slow_reader(made: AddedAttachment, server: Server) -> None:
    with await connect(server) as connection:
        loop, reader = asyncio.get_running_loop(), Reader(connection)
        await loop.sock_sendall(connection, b"".join(ask(made, *each) for each in RANGES))
        async with asyncio.timeout(20):
            for start, length in RANGES:
                assert await reader.answer() == (206, BODY[start : start + length])


async def test_what_the_disk_has_to_bring_comes_by_a_thread(
    made: AddedAttachment, server: Server, readers: set[threading.Thread], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gone from memory between two pieces that a slow reader takes."""
    with await connect(server) as connection:
        loop, reader = asyncio.get_running_loop(), Reader(connection)
        await loop.sock_sendall(connection, ask(made, 0, SIZE) * MANY)
        await until(lambda: bool(readers))
        assert readers == {threading.current_thread()}
        monkeypatch.setattr(BlobPart, "is_near", lambda *_: False)
        readers.clear()
        async with asyncio.timeout(20):
            for _ in range(MANY):
                assert await reader.answer() == (206, BODY)
    assert readers
    assert threading.current_thread() not in readers


async def test_a_blob_that_is_deleted_meanwhile_is_sent_to_its_end(
    made: AddedAttachment, server: Server, readers: set[threading.Thread], tmp_path: Path
) -> None:
    with await connect(server) as connection:
        loop, reader, statuses = asyncio.get_running_loop(), Reader(connection), []
        await loop.sock_sendall(connection, ask(made, 0, SIZE) * MANY)
        await until(lambda: bool(readers))
        blob_path(tmp_path / "data", made).unlink()
        async with asyncio.timeout(20):
            for _ in range(MANY):
                status, body = await reader.answer()
                assert body == BODY or status == 404
                statuses.append(status)
    assert statuses[0] == 206
    assert statuses[-1] == 404


async def test_a_file_that_breaks_off_ends_the_connection(
    made: AddedAttachment,
    server: Server,
    readers: set[threading.Thread],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing may stand where the rest should: the next answer would be taken for it."""
    with await connect(server) as connection, caplog.at_level(logging.WARNING):
        loop, reader = asyncio.get_running_loop(), Reader(connection)
        await loop.sock_sendall(connection, ask(made, 0, SIZE) * MANY)
        await until(lambda: bool(readers))
        os.truncate(blob_path(tmp_path / "data", made), 0)
        async with asyncio.timeout(20):
            with pytest.raises((EOFError, ConnectionError)):
                for _ in range(MANY):
                    assert await reader.answer() == (206, BODY)
    assert [each.getMessage() for each in caplog.records] == ["a file was not sent: OSError"]


async def test_a_reader_who_is_reset_leaves_nothing_behind(made: AddedAttachment, server: Server) -> None:
    answers = server._shell._answers  # type: ignore[attr-defined]  # both shells have them
    for ending in (struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)):
        with await connect(server) as connection:
            await asyncio.get_running_loop().sock_sendall(connection, ask(made, 0, SIZE) * MANY)
            await Reader(connection).more(1)
            await until(lambda: answers._places._total > 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ending)
        await until(lambda: answers._places._total == 0)
        await until(lambda: not any("attachments/" in each for each in open_files()))


async def test_what_the_disk_has_to_bring_holds_up_nothing_else_and_waits_for_nothing_else(
    made: AddedAttachment, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large messages leave the event loop by threads that a slow disk must not have."""
    loop, free = asyncio.get_running_loop(), threading.Event()
    loop.set_default_executor(ThreadPoolExecutor(1))
    other = asyncio.ensure_future(asyncio.to_thread(free.wait, 30))
    monkeypatch.setattr(BlobPart, "is_near", lambda _part, _at, most: most > files._PIECE_BYTES)  # when it is opened
    monkeypatch.setattr(files, "_find_socket", lambda _: -1)  # so it is read
    try:
        with await connect(server) as connection:
            await loop.sock_sendall(connection, ask(made, 0, SIZE))
            async with asyncio.timeout(10):
                assert await Reader(connection).answer() == (206, BODY)
    finally:
        free.set()
        await other


async def test_a_reader_who_leaves_while_the_disk_brings_a_piece_is_no_fault_of_ours(
    made: AddedAttachment, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else anybody who downloads could fill the log."""
    begun, free, read = threading.Event(), threading.Event(), BlobPart.read
    shell: AiohttpShell = server._shell  # type: ignore[assignment]  # both are of its kind
    places, before = shell._answers._places, connections_of(shell)

    def read_slowly(part: BlobPart, at: int, most: int) -> bytes:
        begun.set()
        free.wait(10)
        return read(part, at, most)

    monkeypatch.setattr(BlobPart, "read", read_slowly)
    monkeypatch.setattr(BlobPart, "is_near", lambda _part, _at, most: most > files._PIECE_BYTES)  # when it is opened
    monkeypatch.setattr(files, "_find_socket", lambda _: -1)  # so it is read
    with caplog.at_level(logging.WARNING):
        with await connect(server) as connection:
            await asyncio.get_running_loop().sock_sendall(connection, ask(made, 0, SIZE))
            await until(begun.is_set)
            (handler,) = [each for each in connections_of(shell) if each not in before]
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await until(lambda: handler.transport is None)
        free.set()
        await until(lambda: places._total == 0)
        await until(lambda: not any("attachments/" in each for each in open_files()))
    assert not caplog.records


def connections_of(shell: AiohttpShell) -> list[RequestHandler]:
    """Those that speak HTTP."""
    assert shell._runner is not None
    assert shell._runner.server is not None
    return shell._runner.server.connections


def open_files() -> list[str]:
    """Where this process's descriptors lead."""
    folder, found = Path("/proc/self/fd"), []
    for each in folder.iterdir():
        try:
            found.append(str(each.readlink()))
        except FileNotFoundError:  # of the folder itself
            continue
    return found


@pytest.mark.usefixtures("unread")
@pytest.mark.parametrize("secured", [False, True])
async def test_no_byte_goes_past_tls_or_without_a_socket(
    made: AddedAttachment, http: Http, monkeypatch: pytest.MonkeyPatch, *, secured: bool
) -> None:
    """A socket below TLS would show its file to everybody on the way."""

    class Transport:
        def get_extra_info(self, name: str) -> object:
            return object() if secured and name == "sslcontext" else None

    find: Callable[..., int] = files._find_socket
    assert find(Transport()) == -1
    monkeypatch.setattr(files, "_find_socket", lambda _: find(Transport()))
    path = f"/v1/attachments/{encode_b64(made.id)}"
    assert (await http.raw("GET", path, headers={"range": "bytes=0-"}))[:2] == (206, BODY)
