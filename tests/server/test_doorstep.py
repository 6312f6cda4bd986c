"""A connection whose first request does not come, or not whole: how long it may stand there."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress

import pytest
from tests.server.serving import Queue, serving

from zajil.server.shell.aiohttp_shell import AiohttpShell
from zajil.server.shell.doorstep import SILENT_S

REQUEST = b"GET /nothing HTTP/1.1\r\nHost: zajil.example\r\n\r\n"


async def ask(host: str, port: str) -> None:
    """Get an answer on a connection of its own: what came to the server before has been taken then."""
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(REQUEST)
    await reader.readuntil(b"\r\n\r\n")
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


@pytest.mark.parametrize("said", [b"", REQUEST[:1], REQUEST[:-1]])
async def test_a_first_request_that_comes_in_part_has_no_more_time_than_one_that_never_comes(
    make: type[AiohttpShell], monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    loop, ahead_s = asyncio.get_running_loop(), 0.0
    time = loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + ahead_s)
    async with serving(make, Queue()) as (url, _), asyncio.timeout(4 * SILENT_S):
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await ask(host, port)
        ahead_s = SILENT_S - 5
        writer.write(said)
        await ask(host, port)
        assert not reader.at_eof()
        ahead_s = SILENT_S + 1
        await ask(host, port)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()


async def test_one_that_came_whole_may_be_silent_as_long_again(
    make: type[AiohttpShell], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, ahead_s = asyncio.get_running_loop(), 0.0
    time = loop.time
    monkeypatch.setattr(loop, "time", lambda: time() + ahead_s)
    async with serving(make, Queue()) as (url, _), asyncio.timeout(4 * SILENT_S):
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await ask(host, port)
        for _ in range(2):
            ahead_s += SILENT_S - 5
            writer.write(REQUEST)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(re.findall(rb"Content-Length: (\d+)", head)[0]))
        writer.close()
