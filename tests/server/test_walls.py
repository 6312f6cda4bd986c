"""Between a server and whoever speaks plain HTTP to it: headers on every answer, bodies that pack or break off."""

from __future__ import annotations

import asyncio
import gzip
import io
import logging

import pytest

from zajil.server.app import Server
from zajil.server.logs import BlindFormatter, is_worth_a_line
from zajil.server.site.headers import API_HEADERS

HOST = b"Host: 127.0.0.1\r\nConnection: close\r\n"
SOCKET = b"GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
END_OF_HEAD = b"\r\n\r\n"


async def read_head(server: Server, request: bytes) -> list[str]:
    """Status line and headers of the answer, in lower case; the connection may stay open behind them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(request)
        head = await asyncio.wait_for(reader.readuntil(END_OF_HEAD), 10)
    finally:
        writer.close()
        await writer.wait_closed()
    return head.removesuffix(END_OF_HEAD).decode("latin-1").lower().split("\r\n")


async def speak(server: Server, *parts: bytes) -> bytes:
    """Everything the server says to these bytes, each part sent after the one before; an empty part breaks off."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for part in parts:
        writer.write(part) if part else writer.write_eof()
        await writer.drain()
        await asyncio.sleep(0)
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/9.9\r\n" + HOST + b"\r\n", 400),
        (b"\x16\x03\x01\x02\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
        (b"POST /v1/passes HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\nExpect: tea\r\n" + HOST + b"\r\n", 417),
        (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", 404),
        (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 404),
        (SOCKET + b"Sec-WebSocket-Version: 1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 400),
        (SOCKET + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n\r\n", 400),
        (b"GET /v1/health HTTP/1.1\r\n" + HOST + b"\r\n", 200),
        (b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    ],
)
async def test_every_answer_carries_the_walls_also_those_of_the_http_library(
    server: Server, request_: bytes, status: int
) -> None:
    head = await read_head(server, request_)
    assert head[0].split()[1] == str(status)
    headers = dict(line.split(": ", 1) for line in head[1:])
    assert "server" not in headers
    assert API_HEADERS.keys() <= headers.keys()
    assert headers["content-security-policy"].startswith("default-src 'none';")
    assert headers["cache-control"] == "no-store"


BOMB = gzip.compress(bytes(1 << 20))


@pytest.mark.parametrize(
    "parts",
    [
        (b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",),
        (b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(BOMB) + BOMB,),
        (b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n", b"zz\r\n\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\n{}\r\n", b""),
        (b"Content-Length: 9\r\n\r\n{}", b""),
    ],
)
@pytest.mark.parametrize("path", [b"/v1/auth/challenge", b"/"])
async def test_a_body_that_is_packed_or_breaks_off_is_refused_and_leaves_no_line(
    server: Server, parts: tuple[bytes, ...], path: bytes
) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(BlindFormatter())
    handler.addFilter(is_worth_a_line)
    logging.getLogger().addHandler(handler)
    try:
        first, *rest = parts
        answer = await speak(server, b"POST " + path + b" HTTP/1.1\r\n" + HOST + first, *rest)
        assert answer == b"" or answer.split()[1] in {b"400", b"405"}
    finally:
        logging.getLogger().removeHandler(handler)
    assert stream.getvalue() == ""
