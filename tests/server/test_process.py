"""The server as a process: it says where it listens, drains on SIGTERM, survives SIGKILL, and its logs name nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pytest
from tests.server.people import Person
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.protocol import control, frames
from zajil.protocol.frames import Kind, Role
from zajil.protocol.ids import encode_b64

pytestmark = pytest.mark.slow
PROGRAM = """
import sys
from pathlib import Path
from zajil.server.main import serve
serve(Path(sys.argv[1]), port=0, registration="open")
"""


class Process:
    """A running server process."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self.process = process
        self.url = url

    async def end(self, number: int) -> tuple[int, str]:
        """Exit code and everything written to stderr."""
        self.process.send_signal(number)
        _, written = await asyncio.wait_for(self.process.communicate(), 20)
        return self.process.returncode or 0, written.decode()


@asynccontextmanager
async def running(data: Path, program: str = PROGRAM) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(data), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise RuntimeError
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        start = "listening on http://127.0.0.1:"
        assert line.startswith(start)
        assert line.removeprefix(start).strip().isdigit()
        yield Process(process, line.removeprefix("listening on ").strip())
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_sigterm_says_restarting_and_exits_with_zero(tmp_path: Path, client: aiohttp.ClientSession) -> None:
    async with running(tmp_path) as server:
        http = Http(server.url, client)
        auth = await http.register(Person())
        async with Wire(server.url, Role.R, client) as r, Wire(server.url, Role.S, client) as s:
            await r.hello(auth)
            await r.messages()
            await s.send(frames.HttpReq(1, "GET", control.CONFIG.url(), {}, b""))
            await s.expect(frames.HttpRes)
            ended = asyncio.create_task(server.end(signal.SIGTERM))
            for session in (r, s):
                bye = await session.expect(frames.Bye)
                assert isinstance(bye, frames.Bye)
                assert bye.code == "restarting"
                assert bye.retry_ms > 0
                assert await session.until_end() == "restarting"
        assert await ended == (0, "")


@pytest.mark.kill
async def test_nothing_acknowledged_is_lost_when_the_process_is_killed(
    tmp_path: Path, client: aiohttp.ClientSession
) -> None:
    async with running(tmp_path) as server:
        http = Http(server.url, client)
        one, two = await http.register(Person()), await http.register(Person())
        async with Wire(server.url, Role.S, client) as s:
            group = await group_of_two(http, s, one, two)
            requests = [group.send(10 + number, os.urandom(20)) for number in range(60)]
            for request in requests:
                await s.send(request)
            accepted: set[int] = set()
            while len(accepted) < 20:
                answer = await s.receive()
                assert isinstance(answer, frames.Ok)
                accepted.add(answer.rid)
            await server.end(signal.SIGKILL)
    async with (
        running(tmp_path) as server,
        Wire(server.url, Role.S, client) as s,
        Wire(server.url, Role.R, client) as r,
    ):
        for request in requests:
            answer = await s.ask(request)
            assert isinstance(answer, frames.Ok)
            assert answer.dup or request.rid not in accepted
        await r.hello(two)
        kept = [m for m in await r.messages() if m.kind is Kind.APP]
        assert len({m.body for m in kept}) == len(kept) == 60


async def test_logs_name_nobody(tmp_path: Path, client: aiohttp.ClientSession) -> None:
    """Refusals, junk and a route that breaks: nothing a peer sent is written down."""
    async with running(tmp_path) as server:
        http = Http(server.url, client)
        person = Person()
        auth = await http.register(person)
        secret = "very-secret-path"
        await http.raw("GET", f"/v1/{secret}?token={secret}")
        await http.raw("POST", control.CHALLENGE.url(), body=secret.encode(), headers={"authorization": secret})
        await http.code(control.DEVICE_LISTS, auth=auth, account=encode_b64(os.urandom(16)))
        host, port = server.url.removeprefix("http://").split(":")
        for junk in (
            secret.encode() + b"\r\n\r\n",
            b"GET /%s HTTP/9.9\r\n\r\n" % secret.encode(),
            b"\x16\x03\x01" * 50,
        ):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(junk)
            writer.write_eof()
            await reader.read()
            writer.close()
            await writer.wait_closed()
        async with Wire(server.url, Role.S, client) as s:
            await s.send_raw(secret.encode())
            await s.until_end()
        # A missing table makes a route fail inside: SQLAlchemy quotes the statement and its values, the log may not.
        with closing(sqlite3.connect(tmp_path / "zajil.db", timeout=10)) as db:
            db.execute("DROP TABLE key_package")
        assert await http.code(control.COUNT_KEY_PACKAGES, auth=auth) == "internal"
        code, written = await server.end(signal.SIGTERM)
        assert code == 0
        assert "a route failed" in written
        for hidden in (secret, auth.split()[1], encode_b64(person.account_id), person.account_id.hex(), "127.0.0.1"):
            assert hidden not in written, written
