"""A server for carriers: it answers sessions by WebSocket and by POSTs, plain, sealed, or on a bridge's paths."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.reach import polling
from zajil.protocol.reach.bridgepath import PathBook, ProvedPath
from zajil.protocol.reach.seal import NewSeal, OriginKey, RecordSeal, Resumed, RootWanted, ServerSeals, Unknown
from zajil.protocol.reach.signed import encode_root_answer
from zajil.protocol.session import Message, ServerCarrier, SessionTable

TOKEN_ID, TOKEN = bytes(8), bytes(range(32))
DIR = "assets/img"


class Far:
    """The server's end of one carrier: its application answers every message with itself reversed."""

    def __init__(self, edge: Edge, carrier: ServerCarrier | None) -> None:
        self._edge = edge
        self._carrier = carrier
        self._codec: RecordSeal | None = None
        self.closed = False

    def feed(self, record: bytes) -> list[bytes]:
        """What one record is answered with."""
        if self._edge.silent:
            return []
        self._edge.rx += 1
        if self._carrier is None:
            return self._preamble(record)
        frame = self._codec.open(record) if self._codec else record
        for event in self._carrier.feed(frame, time.monotonic()):
            if isinstance(event, Message) and self._carrier.session:
                self._edge.messages.append(event.body)
                self._carrier.session.send(event.body[::-1])
        out = self._carrier.pull(time.monotonic() + 1)
        return [self._codec.seal(each) for each in out] if self._codec else out

    def _preamble(self, record: bytes) -> list[bytes]:
        found = self._edge.seals.accept(record, now_ms=self._edge.now_ms())
        self._edge.preambles.append(type(found).__name__)
        match found:
            case NewSeal() | Resumed():
                self._codec = found.codec
                self._carrier = self._edge.tables[Role.R if found.channel == 1 else Role.S].accept()
                return [found.answer]
            case Unknown():
                return [found.answer]
            case RootWanted():
                self.closed = True
                return [encode_root_answer(self._edge.roots)]

    def lost(self) -> None:
        if self._carrier is not None:
            self._carrier.lost(time.monotonic())


@dataclass
class Edge:
    """One listening server and what it saw."""

    host: str = "localhost"
    port: int = 0
    key: OriginKey = field(default_factory=lambda: OriginKey.from_seed(os.urandom(96)))
    roots: list[bytes] = field(default_factory=list)
    preambles: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    alpn: list[str | None] = field(default_factory=list)
    clock_offset_s: float = 0.0
    upgrades: bool = True
    silent: bool = False
    close_code: int = 0
    date: str = ""
    """Of the decoy; "" tells the true one."""
    redirect: str = ""
    rx: int = 0

    def __post_init__(self) -> None:
        self.seals = ServerSeals([self.key], random=os.urandom)
        self.tables = {role: SessionTable(role, new_id=lambda: os.urandom(16)) for role in Role}
        self.book = PathBook(self.host, DIR)
        self.book.set_tokens({TOKEN_ID: TOKEN})
        self.polled: dict[bytes, tuple[polling.PolledCarrier, Far, asyncio.Condition]] = {}
        self.living: dict[bytes, ProvedPath] = {}

    def now_ms(self) -> int:
        return int((time.time() + self.clock_offset_s) * 1000)

    def forget_seals(self) -> None:
        """As after a restart."""
        self.seals = ServerSeals([self.key], random=os.urandom)

    def _far(self, request: web.Request) -> Far:
        self.requests.append(request.raw_path)
        if request.transport is not None and (tls := request.transport.get_extra_info("ssl_object")):
            self.alpn.append(tls.selected_alpn_protocol())
        for role in Role:
            if request.path == role.path:
                return Far(self, self.tables[role].accept())
        if request.path == "/v1/sealed":
            return Far(self, None)
        try:
            self.book.prepare(self.now_ms() / 1000)
            proof = self.book.check(request.path, now_s=self.now_ms() / 1000, living=self.living)
        except ZajilError:
            date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(self.now_ms() / 1000))
            raise web.HTTPNotFound(headers={"Date": self.date or date}) from None
        if request.method == "POST":
            self.living[proof.nonce] = proof
        return Far(self, None)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        if not self.upgrades or "upgrade" not in request.headers:
            raise web.HTTPNotFound
        far = self._far(request)
        if self.redirect:
            raise web.HTTPFound(self.redirect)
        ws = web.WebSocketResponse(compress=False, max_msg_size=1 << 17)
        await ws.prepare(request)
        if self.close_code:
            await ws.close(code=self.close_code)
            return ws
        async for message in ws:
            if message.type is not WSMsgType.BINARY:
                break
            try:
                for record in far.feed(message.data):
                    await ws.send_bytes(record)
            except ZajilError:
                break
            if far.closed:
                break
        far.lost()
        await ws.close()
        return ws

    async def post(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert request.headers["Content-Type"] == "text/plain"
        try:
            post = polling.parse_post(body)
            if post.carrier not in self.polled:
                polled = polling.PolledCarrier(post.carrier, time.monotonic())
                self.polled[post.carrier] = (polled, self._far(request), asyncio.Condition())
            return web.Response(body=await self._answer(post))
        except ZajilError:
            return web.Response(status=400)

    async def _answer(self, post: polling.PollPost) -> bytes:
        polled, far, news = self.polled[post.carrier]
        async with news:
            while not polled.admit(post, time.monotonic(), hold_s=0.2):
                await news.wait()
            for item in post.items:
                for record in far.feed(item):
                    polled.give(record)
            news.notify_all()
            while (body := polled.answer(post, time.monotonic())) is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await news.wait()
            return body


async def page(_: web.Request) -> web.Response:
    return web.Response(text="hello")


@contextlib.asynccontextmanager
async def serve(edge: Edge, tls: ssl.SSLContext | None = None) -> AsyncIterator[Edge]:
    """The edge on a loopback port until the end of the block."""
    app = web.Application(client_max_size=1 << 20)
    app.router.add_get("/v1/health", page)
    app.router.add_get("/", page)
    app.router.add_get("/{tail:.*}", edge.socket)
    app.router.add_post("/{tail:.*}", edge.post)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, auto_decompress=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    edge.port = runner.addresses[0][1]
    try:
        yield edge
    finally:
        await runner.cleanup()


Serve = Callable[..., contextlib.AbstractAsyncContextManager[Edge]]
