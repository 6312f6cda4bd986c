"""What every gateway shell promises, run against each of them. Another shell is one more entry of SHELLS."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from types import SimpleNamespace
from typing import cast

import aiohttp
import pytest
from picows import WSTransport
from tests.server.carriers import until
from tests.server.serving import TOKEN, Queue, send_of, serving
from tests.server.wire import Wire
from yarl import URL

from zajil.protocol import frames
from zajil.protocol.frames import Msg, Role
from zajil.protocol.ids import encode_b64
from zajil.protocol.limits import RECORD_SIZES
from zajil.protocol.session import ClientSession
from zajil.server.shell.aiohttp_shell import AiohttpShell
from zajil.server.shell.picows_shell import LeanCarrier
from zajil.server.shell.sockets import Due, head_of
from zajil.server.site.headers import API_HEADERS


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
        yield bytes(140 * 1024)
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


class Raw:
    """A WebSocket by hand, for what a proper client would not say. `async with` opens one, as a receiver."""

    def __init__(self, url: str, *, early: bytes = b"", window_bytes: int = 0) -> None:
        """early: sent with the handshake. window_bytes: what the system takes that nobody reads."""
        host, port = url.removeprefix("http://").split(":")
        self._address = (host, int(port))
        self._early = early
        self._window_bytes = window_bytes
        self.head: list[str] = []

    async def __aenter__(self) -> Raw:
        raw = socket.socket()
        if self._window_bytes:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._window_bytes)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, self._address)
        self._reader, self.writer = await asyncio.open_connection(sock=raw)
        self.writer.write(HANDSHAKE + self._early)
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 5)
        self.head = head.decode().lower().splitlines()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    async def frame(self) -> tuple[int, bytes]:
        """First byte and payload of the next frame; (0, b"") once the connection is closed."""
        async with asyncio.timeout(10):
            try:
                first, size = await self._reader.readexactly(2)
                if size >= 126:
                    size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
                return first, await self._reader.readexactly(size)
            except (asyncio.IncompleteReadError, ConnectionError):
                return 0, b""


HANDSHAKE = (
    b"GET /v1/ws HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
BINARY, CLOSE, PING, PONG = 0x82, 0x88, 0x89, 0x8A
IN_PARTS, MORE, LAST = 0x02, 0x00, 0x80


def masked(first: int, payload: bytes) -> bytes:
    """A frame of a client, with a mask of zeros."""
    size = len(payload)
    if size < 126:
        return bytes([first, 0x80 | size, 0, 0, 0, 0]) + payload
    if size < 1 << 16:
        return bytes([first, 0xFE]) + size.to_bytes(2, "big") + bytes(4) + payload
    return bytes([first, 0xFF]) + size.to_bytes(8, "big") + bytes(4) + payload


def hello() -> list[bytes]:
    """The records a receiver begins with."""
    session = ClientSession(Role.R)
    carrier, _ = session.open_carrier(0.0)
    session.send(frames.encode_frame(frames.Hello(encode_b64(bytes(31) + b"\x02"), 0)))
    return session.pull(carrier, 0.0)


async def test_the_head_of_a_websocket_is_the_same(make: type[AiohttpShell]) -> None:
    async with serving(make, Queue()) as (url, _), Raw(url) as raw:
        assert [line for line in raw.head if not line.startswith("date: ")] == [
            "http/1.1 101 switching protocols",
            "upgrade: websocket",
            "connection: upgrade",
            "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
            "cache-control: no-store",
            *(f"{name}: {value.lower()}" for name, value in API_HEADERS.items()),
            "",
        ]


@pytest.mark.parametrize("early", [False, True], ids=["after the handshake", "with it"])
async def test_a_record_in_parts_with_a_ping_between_them(make: type[AiohttpShell], early: bool) -> None:
    sent = b"".join(
        masked(IN_PARTS, record[:3]) + masked(PING, b"there?") + masked(MORE, b"") + masked(LAST, record[3:])
        for record in hello()
    )
    async with serving(make, Queue()) as (url, gateway), Raw(url, early=sent if early else b"") as raw:
        if not early:
            raw.writer.write(sent)
        answers = [await raw.frame()]
        while answers[-1][0] == PONG:
            answers.append(await raw.frame())
        assert answers[:-1] == [(PONG, b"there?")] * len(hello())
        assert answers[-1][0] == BINARY
        assert gateway.count(Role.R) == 1


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (masked(0x81, b"text"), 1003),
        (masked(BINARY | 0x40, b"squeezed"), 1002),
        (masked(BINARY | 0x10, b"?"), 1002),
        (masked(0x83, b"?"), 1002),
        (masked(0x09, b"a ping in parts"), 1002),
        (masked(PING, bytes(126)), 1002),
        (masked(LAST, b"of nothing"), 1002),
        (masked(IN_PARTS, b"a") + masked(BINARY, b"b"), 1002),
        (masked(BINARY, bytes(RECORD_SIZES[-1] + 1)), 1009),
        (masked(IN_PARTS, bytes(RECORD_SIZES[-1])) + masked(LAST, b"1"), 1009),
        (masked(CLOSE, b"\x03\xe9gone"), 1000),
        (masked(CLOSE, b""), 1000),
        (masked(CLOSE, b"\x03\xe7"), 1002),
    ],
)
async def test_who_breaks_the_protocol_or_leaves_is_told_the_code_and_no_more(
    make: type[AiohttpShell], sent: bytes, code: int
) -> None:
    async with serving(make, Queue()) as (url, gateway), Raw(url) as raw:
        raw.writer.write(sent + masked(BINARY, bytes(1000)))
        assert await raw.frame() == (CLOSE, code.to_bytes(2, "big"))
        raw.writer.write(masked(CLOSE, code.to_bytes(2, "big")))
        assert await raw.frame() == (0, b"")
        await until(lambda: not gateway.count(Role.R))


class LoudLine:
    """A line with more to say than any system takes at once."""

    done = dropped = crowded = is_live = False
    close_code = 1000

    def __init__(self, records: list[bytes]) -> None:
        self.records = records

    def feed(self, record: bytes) -> None: ...

    def charge(self, size_bytes: int) -> None: ...

    def heard(self) -> None: ...

    def pull(self) -> list[bytes]:
        records, self.records = self.records, []
        return records

    def lost(self) -> None: ...


async def test_a_peer_that_reads_late_gets_every_frame_whole(
    make: type[AiohttpShell], monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [bytes([n % 256]) * size for n, size in enumerate([100, 9_000, 12_000, 200, 8_000, 125, 126] * 200)]

    def make_line(_shell: AiohttpShell, _path: str, _peer: object, kick: Callable[[], None], **_: object) -> LoudLine:
        asyncio.get_running_loop().call_later(0.01, kick)
        return LoudLine(records)

    monkeypatch.setattr(AiohttpShell, "_make_line", make_line)
    async with serving(make, Queue()) as (url, _), Raw(url, window_bytes=8192) as late:
        for record in records:
            assert await late.frame() == (BINARY, record)


class NotingTransport:
    """Stands for picows's and for what lies below it: what the system is asked to write."""

    def __init__(self) -> None:
        self.request = SimpleNamespace()
        self.written: list[bytes] = []

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def send(self, _kind: object, record: bytes) -> None:
        self.written.append(record)


async def test_what_is_small_and_goes_out_together_is_one_call_of_the_system() -> None:
    small, large = [bytes([n]) * size for n, size in enumerate([100, 126, 9_000])], b"x" * 8_000
    carrier = LeanCarrier(
        lambda _kick: LoudLine([*small, large]), most_bytes=1 << 16, due=Due(), forget=lambda _carrier: None
    )
    transport = NotingTransport()
    carrier._below = cast(asyncio.Transport, transport)
    carrier.on_ws_connected(cast(WSTransport, transport))
    carrier.go_on()
    assert transport.written == [b"".join(head_of(len(each)) + each for each in small), large]


class FailingLine(LoudLine):
    """A line that breaks as soon as it is asked for what to send."""

    def pull(self) -> list[bytes]:
        raise RuntimeError("broken")


async def test_a_connection_that_fails_ends_alone(make: type[AiohttpShell], monkeypatch: pytest.MonkeyPatch) -> None:
    kicks: list[Callable[[], None]] = []

    def make_line(_shell: AiohttpShell, _path: str, _peer: object, kick: Callable[[], None], **_: object) -> LoudLine:
        kicks.append(kick)
        return LoudLine([b"whole"]) if len(kicks) > 1 else FailingLine([])

    def kick_all() -> None:
        for kick in kicks:
            kick()

    monkeypatch.setattr(AiohttpShell, "_make_line", make_line)
    monkeypatch.setattr(logging.getLogger("zajil.server.shell.sockets"), "disabled", True)
    async with serving(make, Queue()) as (url, _), Raw(url) as failing, Raw(url) as other:
        asyncio.get_running_loop().call_later(0.01, kick_all)
        assert await other.frame() == (BINARY, b"whole")
        assert await failing.frame() == (0, b"")


async def test_a_peer_that_never_reads_holds_up_nobody(make: type[AiohttpShell], client: aiohttp.ClientSession) -> None:
    queue = Queue()
    queue.messages = [Msg(n, bytes(16), frames.Kind.APP, None, 0, 0, os.urandom(60_000)) for n in range(1, 13)]
    async with serving(make, queue) as (url, gateway), Raw(url, window_bytes=4096) as deaf:
        for record in hello():
            deaf.writer.write(masked(BINARY, record))
        async with Wire(url, Role.R, client) as r:
            await r.hello(TOKEN)
            assert len(await r.messages()) == 12
            assert gateway.count(Role.R) == 2


async def test_one_that_cannot_even_be_ended_holds_up_nobody_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []

    class Bad:
        def go_on(self) -> None:
            raise RuntimeError("broken")

        def abort(self) -> None:
            gone.append("bad")
            raise RuntimeError("broken as well")

    class Good(Bad):
        def go_on(self) -> None:
            gone.append("good")

    monkeypatch.setattr(logging.getLogger("zajil.server.shell.sockets"), "disabled", True)
    due = Due()
    for carrier in (Bad(), Good()):
        due.add(carrier)
    await asyncio.sleep(0)
    assert gone == ["bad", "good"]
