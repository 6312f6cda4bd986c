"""What hostile peers may make a server write down: nothing."""

from __future__ import annotations

import asyncio
import io
import logging

import pytest

from zajil.server.app import Server
from zajil.server.logs import BlindFormatter, is_worth_a_line


async def test_broken_http_leaves_no_line(server: Server) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(BlindFormatter())
    handler.addFilter(is_worth_a_line)
    logging.getLogger().addHandler(handler)
    try:
        for text in (b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n", b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/9\r\nx" * 2000):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(text)
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 5)
            writer.close()
            await writer.wait_closed()
    finally:
        logging.getLogger().removeHandler(handler)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("name", "fault"), [("aiohttp.server", ValueError()), ("zajil.x", ConnectionError())])
def test_a_bug_is_still_told(name: str, fault: Exception) -> None:
    bug = logging.LogRecord(name, logging.ERROR, "x.py", 1, "text", None, (type(fault), fault, None))
    assert is_worth_a_line(bug)
