"""Carriers made of POSTs, for networks that strip `Upgrade`: each has one WebSocket of its own to the home server.

Bytes and order are `protocol.reach.polling`'s. A POST with records is answered at once and empty; one without brings
what there is, so that nothing can overtake anything else.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import aiohttp
from aiohttp import WSMsgType, web

from zajil.bridges.edge.home import Home
from zajil.bridges.edge.splice import BUFFER_BYTES, is_unreachable
from zajil.bridges.edge.traffic import Traffic
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.reach.bridgepath import ProvedPath
from zajil.protocol.reach.polling import (
    BODY_BYTES,
    HOLD_LONGEST_S,
    HOLD_SHORTEST_S,
    PolledCarrier,
    PollPost,
    parse_post,
)
from zajil.transports.base import DialError

LONGEST_BYTES: Final = BODY_BYTES - 4
"""Of what one answer can hold: far more than any record."""
BODY_S: Final = 60.0
"""Longest a body may take to arrive."""
_FIRST_SEQS: Final = (0, 1)
_BROKEN, _UNREACHABLE, _LATER, _GONE = 400, 502, 503, 404
Forget = Callable[[ProvedPath], None]


class Posts:
    """Every carrier of POSTs of this bridge, by the path that opened it."""

    def __init__(self, home: Home, traffic: Traffic, *, keep: Forget, forget: Forget) -> None:
        """keep, forget: called as a carrier begins and ends."""
        self._home = home
        self._traffic = traffic
        self._keep = keep
        self._forget = forget
        self._carriers: dict[bytes, _Carrier] = {}

    async def answer(self, request: web.Request, proof: ProvedPath, *, affinity: str) -> tuple[int, bytes]:
        """Status and body for a POST whose path is proved. Whatever fails ends the carrier."""
        held = _Held(self._traffic)
        try:
            return await self._pass(parse_post(await _read(request, held)), proof, affinity)
        except ZajilError:
            return _BROKEN, b""
        finally:
            # Not before: what a body brought waits for its turn and for the pace.
            held.give_back()

    async def _pass(self, post: PollPost, proof: ProvedPath, affinity: str) -> tuple[int, bytes]:
        carrier = self._carriers.get(proof.nonce)
        if carrier is None:
            if post.seq not in _FIRST_SEQS or not self._traffic.has_room():
                return _GONE, b""
            carrier = self._begin(proof, post.carrier, affinity)
        elif not carrier.is_its(post):
            return _GONE, b""
        try:
            return 200, await carrier.answer(post)
        except DialError as failure:
            return (_UNREACHABLE if is_unreachable(failure) else _LATER), b""
        except BaseException:
            carrier.end()
            raise

    def sweep(self) -> None:
        """End the carriers whose client has gone silent."""
        for carrier in list(self._carriers.values()):
            if carrier.is_lost():
                carrier.end()

    async def stop(self) -> None:
        """End every carrier."""
        carriers = list(self._carriers.values())
        for carrier in carriers:
            carrier.end()
        await asyncio.gather(*(carrier.task for carrier in carriers), return_exceptions=True)

    def _begin(self, proof: ProvedPath, name: bytes, affinity: str) -> _Carrier:
        self._keep(proof)
        self._traffic.carriers += 1
        self._traffic.counters.carrier(proof.token_id, self._traffic.clock())

        def forget() -> None:
            del self._carriers[proof.nonce]
            self._traffic.carriers -= 1
            self._forget(proof)

        carrier = self._carriers[proof.nonce] = _Carrier(name, self._home, self._traffic, affinity, forget)
        return carrier


class _Held:
    """Memory that one body takes of what all share."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._bytes = 0

    def take(self, size: int) -> None:
        """Raises Unavailable `busy`."""
        self._bytes += size
        self._traffic.bodies_left -= size
        if self._traffic.bodies_left < 0:
            raise error("busy")

    def give_back(self) -> None:
        self._traffic.bodies_left += self._bytes


async def _read(request: web.Request, held: _Held) -> bytes:
    """The body. Raises Malformed, Unavailable `busy`."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for part in request.content.iter_any():
                body += part
                held.take(len(part))
                if len(body) > BODY_BYTES:
                    raise error("too-big")
    except (TimeoutError, web.HTTPException, web.RequestPayloadError, ConnectionError, ValueError):
        raise error("malformed", "body did not arrive") from None
    return bytes(body)


class _Carrier:
    """One carrier, and the WebSocket that goes on from here."""

    def __init__(self, name: bytes, home: Home, traffic: Traffic, affinity: str, forget: Callable[[], None]) -> None:
        self._traffic = traffic
        self._forget = forget
        self._polled = PolledCarrier(name, traffic.now())
        self._news = asyncio.Event()
        self._up = traffic.pace()
        self._ended = self._closing = False
        self._failure: DialError | None = None
        self._far: asyncio.Future[aiohttp.ClientWebSocketResponse] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self._serve(home, affinity))

    def is_its(self, post: PollPost) -> bool:
        """Whether this POST is of this carrier. Only its client knows both path and name."""
        return post.carrier == self._polled.carrier

    def is_lost(self) -> bool:
        """Whether the client has gone silent."""
        return self._polled.lost(self._traffic.now())

    async def answer(self, post: PollPost) -> bytes:
        """The body for this POST, once it is there. Raises DialError (no home server), RemoteProtocolError."""
        hold_s = HOLD_SHORTEST_S + (HOLD_LONGEST_S - HOLD_SHORTEST_S) * int.from_bytes(os.urandom(2)) / 65536
        while not self._polled.admit(post, self._traffic.now(), hold_s=hold_s):
            await self._wait()
        self._tell()
        if post.items:
            far = await asyncio.shield(self._far)
            for record in post.items:
                await self._send(far, record)
            return self._polled.answer(post, self._traffic.now()) or b""
        while (body := self._polled.answer(post, self._traffic.now(), closing=self._closing)) is None:
            await self._wait()
        self._tell()
        if self._failure is not None:
            raise self._failure
        if self._closing and not self._polled.waiting_bytes:
            self.end()
        return body

    async def _send(self, far: aiohttp.ClientWebSocketResponse, record: bytes) -> None:
        try:
            await far.send_bytes(record)
        except (ConnectionError, aiohttp.ClientError, RuntimeError):
            raise error("protocol", "the carrier is over") from None
        await self._traffic.spend(self._up, len(record))

    async def _wait(self) -> None:
        """For news, or for the next deadline. Raises RemoteProtocolError `protocol` for a carrier that is over."""
        if self._ended:
            raise self._failure or error("protocol", "the carrier is over")
        news, wait_s = self._news, max(0.0, self._polled.next_deadline() - self._traffic.now())
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await news.wait()

    def _tell(self) -> None:
        """Wake everybody who waits, once."""
        self._news.set()
        self._news = asyncio.Event()

    async def _serve(self, home: Home, affinity: str) -> None:
        try:
            far = await home.dial(affinity)
        except DialError as failure:
            self._traffic.counters.failure(self._traffic.clock())
            self._failure = failure
            self._fail(failure)
            self.end()
            return
        try:
            self._far.set_result(far)
            await self._bring(far)
        finally:
            self._closing = True
            self._tell()
            await far.close()

    def _fail(self, failure: ZajilError) -> None:
        self._far.set_exception(failure)
        self._far.exception()  # there may be no POST that waits for it

    async def _bring(self, far: aiohttp.ClientWebSocketResponse) -> None:
        """Records from the home server into the answers of polls, until either side ends."""
        down = self._traffic.pace()
        while not self._ended and not self._traffic.is_over():
            message = await far.receive()
            if message.type is WSMsgType.BINARY and 0 < len(message.data) <= LONGEST_BYTES:
                self._polled.give(message.data)
                self._tell()
                await self._traffic.spend(down, len(message.data))
            elif message.type in (WSMsgType.PING, WSMsgType.PONG):
                if message.type is WSMsgType.PING:
                    await far.pong(message.data)
            else:
                return
            while self._polled.waiting_bytes > BUFFER_BYTES and not self._ended:
                await self._news.wait()

    def end(self) -> None:
        """The carrier is over; its session goes on with another one."""
        if self._ended:
            return
        self._ended = self._closing = True
        self._forget()
        self._tell()
        if self._failure is None:
            self.task.cancel()
        if not self._far.done():
            self._fail(error("protocol", "the carrier is over"))
