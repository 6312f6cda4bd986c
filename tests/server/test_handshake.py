"""A plain handshake that the lean shell answers itself: what it takes for one, and that nobody can tell it by it."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import pytest
from tests.server.serving import Queue, serving

from zajil.protocol.frames import Role
from zajil.server.shell import doorstep
from zajil.server.shell.aiohttp_shell import AiohttpShell
from zajil.server.shell.handshake import find_handshake
from zajil.server.shell.picows_shell import LeanCarrier, PicowsShell

PLAIN = (
    b"GET /v1/ws HTTP/1.1\r\nHost: zajil.example:8443\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
CHROMIUM = (
    b"GET /v1/send?r=aZ09_- HTTP/1.1\r\nHost: zajil.example\r\nConnection: Upgrade\r\nPragma: no-cache\r\n"
    b"Cache-Control: no-cache\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nUpgrade: websocket\r\n"
    b"Origin: https://ours.example\r\nSec-WebSocket-Version: 13\r\nAccept-Encoding: gzip, deflate, br\r\n"
    b"Accept-Language: ar,en;q=0.9\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
)
FIREFOX = PLAIN.replace(b"Connection: Upgrade", b"Connection: keep-alive, Upgrade\r\nSec-Fetch-Mode: websocket")
OTHERS = {
    "another method": PLAIN.replace(b"GET", b"POST"),
    "an older HTTP": PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
    "a whole address": PLAIN.replace(b"GET /v1", b"GET http://zajil.example/v1"),
    "another question": PLAIN.replace(b"/v1/ws", b"/v1/ws?s=1"),
    "two questions": PLAIN.replace(b"/v1/ws", b"/v1/ws?r=1&s=1"),
    "an escape": PLAIN.replace(b"/v1/ws", b"/v1/w%73"),
    "no host": PLAIN.replace(b"Host: zajil.example:8443\r\n", b""),
    "a host that is none": PLAIN.replace(b"zajil.example:8443", b"a b"),
    "two hosts": PLAIN.replace(b"Upgrade: w", b"Host: other.example\r\nUpgrade: w"),
    "no upgrade": PLAIN.replace(b"Upgrade: websocket\r\n", b""),
    "an upgrade to something": PLAIN.replace(b"websocket\r\n", b"h2c\r\n"),
    "no connection": PLAIN.replace(b"Connection: Upgrade\r\n", b""),
    "a connection that closes": PLAIN.replace(b"Connection: Upgrade", b"Connection: close"),
    "another version": PLAIN.replace(b"Version: 13", b"Version: 12"),
    "an older version": PLAIN.replace(b"Version: 13", b"Version: 8"),
    "a short key": PLAIN.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"dGhlIHNhbXBsZQ=="),
    "a key with bits to spare": PLAIN.replace(b"ZQ==", b"ZR=="),
    "no key": PLAIN.replace(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""),
    "a subprotocol": PLAIN.replace(b"Upgrade: w", b"Sec-WebSocket-Protocol: chat\r\nUpgrade: w"),
    "a credential": PLAIN.replace(b"Upgrade: w", b"Authorization: Bridge x\r\nUpgrade: w"),
    "a body": PLAIN.replace(b"Upgrade: w", b"Content-Length: 3\r\nUpgrade: w") + b"abc",
    "chunks": PLAIN.replace(b"Upgrade: w", b"Transfer-Encoding: chunked\r\nUpgrade: w") + b"0\r\n\r\n",
    "a field of its own": PLAIN.replace(b"Upgrade: w", b"X-Mine: 1\r\nUpgrade: w"),
    "a byte that is no text": PLAIN.replace(b"Upgrade: w", b"User-Agent: \xff\r\nUpgrade: w"),
    "a tab": PLAIN.replace(b"Upgrade: w", b"User-Agent:\ta\r\nUpgrade: w"),
    "a NUL": PLAIN.replace(b"Upgrade: w", b"User-Agent: \x00\r\nUpgrade: w"),
    "a bare line break": PLAIN.replace(b"\r\nUpgrade: w", b"\nUpgrade: w"),
    "a folded field": PLAIN.replace(b"Upgrade: w", b"Accept: a\r\n b\r\nUpgrade: w"),
    "a space before the colon": PLAIN.replace(b"Upgrade: w", b"Upgrade : w"),
    "a field without a colon": PLAIN.replace(b"Upgrade: w", b"pragma\r\nUpgrade: w"),
    "a long head": PLAIN.replace(b"Upgrade: w", b"User-Agent: " + b"a" * 4096 + b"\r\nUpgrade: w"),
    "a foreign origin": PLAIN.replace(b"Upgrade: w", b"Origin: https://others.example\r\nUpgrade: w"),
    "another path": PLAIN.replace(b"/v1/ws", b"/v1/wss"),
    "a strange host": PLAIN.replace(b"zajil.example:8443", b":::[]"),
    "an empty field": PLAIN.replace(b"Upgrade: w", b"User-Agent:\r\nUpgrade: w"),
    "spaces around a value": PLAIN.replace(b"Version: 13", b"Version:   13  "),
    "other letters": PLAIN.replace(b"websocket", b"WebSocket").replace(b"Host", b"hOST"),
}
JUDGED_LATER = {
    "a foreign origin",
    "another path",
    "a strange host",
    "an empty field",
    "spaces around a value",
    "other letters",
}


@pytest.mark.parametrize("head", [PLAIN, CHROMIUM, FIREFOX])
def test_what_clients_send_is_one(head: bytes) -> None:
    found = find_handshake(head + b"more\r\n\r\n")
    assert found is not None
    assert found.path == ("/v1/send" if head is CHROMIUM else "/v1/ws")
    assert found.rest == b"more\r\n\r\n"
    assert found.headers["upgrade"] == "websocket"


@pytest.mark.parametrize("name", sorted(OTHERS.keys() - JUDGED_LATER))
def test_whatever_else_comes_is_none(name: str) -> None:
    assert find_handshake(OTHERS[name]) is None


@pytest.mark.parametrize("cut", [1, 20, len(PLAIN) - 1])
def test_what_has_not_come_whole_is_none(cut: int) -> None:
    assert find_handshake(PLAIN[:cut]) is None


async def ask(url: str, *pieces: bytes) -> bytes:
    """What a server answers at first, without its time, and without what aiohttp quotes of the request's place."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01 if len(pieces) > 1 else 0)
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return b"\r\n".join(line for line in head.split(b"\r\n") if not line.startswith(b"Date: "))


@pytest.mark.parametrize(
    "head", [PLAIN, CHROMIUM, FIREFOX, *OTHERS.values()], ids=["plain", "chromium", "firefox", *OTHERS]
)
async def test_both_shells_answer_the_same(head: bytes) -> None:
    async with serving(AiohttpShell, Queue()) as (one, _), serving(PicowsShell, Queue()) as (other, _):
        assert await ask(one, head) == await ask(other, head)


async def test_one_that_comes_in_pieces_is_answered_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    taken_over: list[object] = []
    take_over = LeanCarrier.take_over

    def note(carrier: LeanCarrier, request: object) -> None:
        taken_over.append(carrier)
        take_over(carrier, request)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(LeanCarrier, "take_over", note)
    async with serving(PicowsShell, Queue()) as (url, _):
        whole = await ask(url, PLAIN)
        assert not taken_over, "aiohttp has no part in it"
        assert await ask(url, PLAIN[:30], PLAIN[30:]) == whole
        assert len(taken_over) == 1
        assert whole.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")


async def test_who_may_not_begin_now_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(PicowsShell, Queue(), connections_max=1) as (url, gateway):
        assert (await ask(url, PLAIN)).startswith(b"HTTP/1.1 101 ")
        monkeypatch.setattr(gateway, "_draining", True)
        assert (await ask(url, PLAIN)).startswith(b"HTTP/1.1 503 ")
        assert gateway.count(Role.R) == 0


async def test_its_connection_has_the_options_of_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    options: list[tuple[int, int]] = []
    begin = LeanCarrier.begin

    def note(carrier: LeanCarrier, transport: asyncio.Transport, early: bytes) -> None:
        begin(carrier, transport, early)
        below = transport.get_extra_info("socket")
        alive = below.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        options.append((alive, below.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))

    monkeypatch.setattr(LeanCarrier, "begin", note)
    async with serving(PicowsShell, Queue()) as (url, _):
        await ask(url, PLAIN)
        await ask(url, PLAIN[:30], PLAIN[30:])
    assert options == [(1, 1), (1, 1)]


async def test_who_says_nothing_is_closed_in_time_and_when_the_server_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(PicowsShell, Queue()) as (url, _):
        host, port = url.removeprefix("http://").split(":")
        first, _ = waiting = await asyncio.open_connection(host, int(port))
        monkeypatch.setattr(doorstep, "SILENT_S", 0.01)
        second, other = await asyncio.open_connection(host, int(port))
        async with asyncio.timeout(5):
            assert await second.read() == b""
        assert not first.at_eof()
        other.close()
    async with asyncio.timeout(5):
        assert await first.read() == b""
    waiting[1].close()
