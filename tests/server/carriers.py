"""What a session of the tests travels over: a WebSocket, POSTs, and either of them under a seal."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

import aiohttp

from zajil.protocol.reach.polling import PollPost, encode_post, parse_items
from zajil.protocol.reach.seal import RESUMED, UNKNOWN, Channel, ClientSeal, RecordSeal, SessionKey


async def until(true: Callable[[], bool]) -> None:
    """Let others run until this holds."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  # what is waited for has no event to wait on
            await asyncio.sleep(0)


class Plug(Protocol):
    """The near end of one carrier."""

    async def send(self, record: bytes) -> None:
        """One record out; nothing is raised where the other end is gone."""

    async def receive(self) -> bytes | None:
        """The next record; None at the end."""

    async def cut(self) -> None:
        """Break it without a word."""


Dial = Callable[[], Awaitable[Plug]]


class SocketPlug:
    """A WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    @classmethod
    async def dial(cls, client: aiohttp.ClientSession, url: str, *, headers: dict[str, str] | None = None) -> Plug:
        address = url.replace("http", "ws", 1) + "?r=" + os.urandom(2).hex()
        return cls(await client.ws_connect(address, max_msg_size=0, headers=headers))

    async def send(self, record: bytes) -> None:
        with suppress(ConnectionError):  # a carrier that is closing: the reader says so
            await self.socket.send_bytes(record)

    async def receive(self) -> bytes | None:
        message = await self.socket.receive()
        return message.data if message.type is aiohttp.WSMsgType.BINARY else None

    async def cut(self) -> None:
        transport = self.socket.get_extra_info("peername") and self.socket._writer.transport
        if transport is not None:
            transport.abort()
        await self.socket.close()


class PostPlug:
    """POSTs: what is sent goes one by one, and one poll is open all the time."""

    def __init__(self, client: aiohttp.ClientSession, url: str, *, headers: dict[str, str] | None = None) -> None:
        self.url = url
        self.name = os.urandom(16)
        self.seq = 0
        self.statuses: list[int] = []
        self._client = client
        self._headers = {"content-type": "text/plain", **(headers or {})}
        self._sending = asyncio.Lock()
        self._arrived: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._polling: asyncio.Task[None] | None = None

    async def post(self, *records: bytes) -> tuple[int, bytes]:
        """One POST, numbered in turn: status and body of its answer."""
        body = encode_post(PollPost(self.name, self.seq, records))
        self.seq += 1
        return await self.post_raw(body)

    async def post_raw(self, body: bytes) -> tuple[int, bytes]:
        """A POST with any bytes."""
        async with self._client.post(self.url + "?r=0a0b", data=body, headers=self._headers) as answer:
            self.statuses.append(answer.status)
            return answer.status, await answer.read()

    async def send(self, record: bytes) -> None:
        async with self._sending:
            with suppress(aiohttp.ClientError):
                await self.post(record)
        if self._polling is None:
            self._polling = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        with suppress(aiohttp.ClientError):
            while True:
                status, body = await self.post()
                if status != 200:
                    break
                for record in parse_items(body):
                    self._arrived.put_nowait(record)
        self._arrived.put_nowait(None)

    async def receive(self) -> bytes | None:
        return await self._arrived.get()

    async def cut(self) -> None:
        if self._polling is not None:
            self._polling.cancel()
            with suppress(asyncio.CancelledError):
                await self._polling


class SealedPlug:
    """Records under a seal, over any other carrier."""

    def __init__(self, inner: Plug, codec: RecordSeal) -> None:
        self.inner = inner
        self.codec = codec

    async def send(self, record: bytes) -> None:
        await self.inner.send(self.codec.seal(record))

    async def receive(self) -> bytes | None:
        record = await self.inner.receive()
        return None if record is None else self.codec.open(record)

    async def cut(self) -> None:
        await self.inner.cut()


class SealedDial:
    """Dials sealed carriers of one channel: NEW first, RESUME afterwards, NEW again where the server forgot."""

    def __init__(self, channel: Channel, key: SessionKey, dial: Dial) -> None:
        self.channel = channel
        self.made = 0
        self._key = key
        self._dial = dial
        self.seal: ClientSeal | None = None

    async def __call__(self) -> Plug:
        inner = await self._dial()
        if self.seal is not None:
            resume, codec = self.seal.carrier()
            await inner.send(resume)
            answer = await inner.receive()
            if answer == RESUMED:
                return SealedPlug(inner, codec)
            assert answer == UNKNOWN
        self.seal = ClientSeal(self.channel, self._key, now_ms=int(time.time() * 1000), random=os.urandom)
        self.made += 1
        await inner.send(self.seal.new_record)
        accept = await inner.receive()
        if accept is None:
            raise ConnectionError
        self.seal.take_accept(accept, now_ms=int(time.time() * 1000))
        return SealedPlug(inner, self.seal.first())
