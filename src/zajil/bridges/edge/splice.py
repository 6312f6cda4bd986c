"""A WebSocket of a client and one to the home server, made one: binary messages go through as they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

import aiohttp
from aiohttp import WSMessage, WSMsgType, web

from zajil.bridges.edge.home import Home
from zajil.bridges.edge.traffic import Traffic
from zajil.protocol.limits import KIB
from zajil.protocol.reach.polling import RECORD_BYTES
from zajil.transports.base import DialError

BUFFER_BYTES: Final = 64 * KIB
"""Most bytes that wait in one direction of a carrier."""
HOME_UNREACHABLE: Final = 4502
"""Close code: the path was proved, and the home server does not answer."""
TRY_LATER: Final = 1013
_NORMAL: Final = 1000
_NO_DATA: Final = 1003
_CLOSE_S: Final = 2.0
_PLUMBING_BYTES: Final = 256
_UNREACHABLE_STATUS: Final = (0, 502, 504)


class _Socket(Protocol):
    """Either end."""

    @property
    def close_code(self) -> int | None: ...

    async def receive(self) -> WSMessage: ...

    async def send_bytes(self, data: bytes) -> None: ...

    async def pong(self, message: bytes = b"") -> None: ...


async def splice(request: web.Request, home: Home, traffic: Traffic, *, affinity: str) -> web.WebSocketResponse:
    """Serve this proved upgrade until one side ends; the other is told the same close code."""
    near = web.WebSocketResponse(
        compress=False, autoping=False, timeout=_CLOSE_S, max_msg_size=RECORD_BYTES + 1, writer_limit=BUFFER_BYTES
    )
    async with _dialling(home, affinity) as far_soon:
        await near.prepare(request)
        try:
            far = await far_soon
        except DialError as failure:
            traffic.counters.failure(traffic.clock())
            await near.close(code=close_code_of(failure))
            return near
    try:
        code = await _join(near, far, traffic)
        await near.close(code=code)
    finally:
        await far.close()
    return near


def is_unreachable(failure: DialError) -> bool:
    """Whether the home server is down or out of reach, and not just refusing or busy."""
    return failure.answered in _UNREACHABLE_STATUS


def close_code_of(failure: DialError) -> int:
    """How a client is told that there is no way on."""
    return HOME_UNREACHABLE if is_unreachable(failure) else TRY_LATER


@asynccontextmanager
async def _dialling(home: Home, affinity: str) -> AsyncIterator[asyncio.Task[aiohttp.ClientWebSocketResponse]]:
    """A dial that runs while the client is answered, and that ends with the block."""
    task = asyncio.create_task(home.dial(affinity))
    try:
        yield task
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError, DialError):
                await task


async def _join(near: web.WebSocketResponse, far: aiohttp.ClientWebSocketResponse, traffic: Traffic) -> int:
    """The close code for both, once either direction ended."""
    ways = [asyncio.create_task(pump(near, far, traffic)), asyncio.create_task(pump(far, near, traffic))]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def pump(source: _Socket, sink: _Socket, traffic: Traffic) -> int:
    """Carry binary messages until the source ends; the close code to tell the other side."""
    pace = traffic.pace()
    while not traffic.is_over():
        message = await source.receive()
        try:
            if message.type is WSMsgType.BINARY:
                await sink.send_bytes(message.data)
                await traffic.spend(pace, len(message.data))
            elif message.type in (WSMsgType.PING, WSMsgType.PONG):
                if message.type is WSMsgType.PING:
                    await source.pong(message.data)
                await traffic.spend(pace, _PLUMBING_BYTES)
            else:
                return _NO_DATA if message.type is WSMsgType.TEXT else code_to_tell(source.close_code)
        except (ConnectionError, aiohttp.ClientError, RuntimeError):
            return _NORMAL
    return TRY_LATER


def code_to_tell(code: int | None) -> int:
    """A close code that may be sent: what came, or 1000 for those that stand for silence (RFC 6455 7.4)."""
    return (
        code if code is not None and (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999) else _NORMAL
    )
