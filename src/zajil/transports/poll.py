"""A carrier made of POSTs, for networks and middle boxes that strip `Upgrade`: strategy `poll`.

Framing and rules: `zajil.protocol.reach.polling`. Two tasks serve it: one sends what is queued, one keeps a poll open;
the first send and the first poll start together.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from zajil.protocol.errors import ZajilError
from zajil.protocol.reach import polling
from zajil.transports.base import USABLE_DEADLINE_S, DialError, Reason, Stage
from zajil.transports.http import Answered, dial_error, make_session
from zajil.transports.sockets import PLAIN, Way

SEND_S: Final = 60.0
"""Longest a send takes on the slowest line; whether the line lives is for the session to say."""
POLL_S: Final = polling.HOLD_LONGEST_S + 15.0
QUEUE_BYTES: Final = 128 * 1024
CLOSE_S: Final = 2.0
PAGE_BYTES: Final = 4096


async def dial_poll(url: str, way: Way = PLAIN, *, page: str, random: Callable[[int], bytes]) -> PollCarrier:
    """A carrier of POSTs to this URL. Raises DialError.

    page: another URL of the same server; a GET of it makes the connection, as a browser would, and any answer shows
    that HTTP passes. What the first POST is answered with only its records can tell.
    """
    session = make_session(way, connections=2)
    carrier = PollCarrier(url, session, random(polling.CARRIER_ID_BYTES))
    try:
        async with asyncio.timeout(USABLE_DEADLINE_S), session.get(page, allow_redirects=False) as response:
            await response.content.read(PAGE_BYTES)
    except (aiohttp.ClientError, OSError, TimeoutError, DialError) as failure:
        await carrier.close()
        raise dial_error(failure) from None
    except BaseException:
        await carrier.close()
        raise
    return carrier


class PollCarrier:
    """One virtual carrier. It ends with the first POST that fails."""

    def __init__(self, url: str, session: aiohttp.ClientSession, carrier_id: bytes) -> None:
        self._url = url
        self._session = session
        self._id = carrier_id
        self._seq = 0
        self.rx_bytes = 0
        self.tx_bytes = 0
        self.failure: DialError | None = None
        self._out: deque[bytes] = deque()
        self._out_bytes = 0
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._in: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._over = False
        self._tasks: list[asyncio.Task[None]] = []

    async def send(self, record: bytes) -> None:
        """As `Carrier.send`."""
        await self._room.wait()
        if self._over:
            raise self.failure or DialError(Stage.HTTP, Reason.CLOSED)
        self._out.append(record)
        self._out_bytes += len(record)
        self.tx_bytes += len(record)
        if self._out_bytes >= QUEUE_BYTES:
            self._room.clear()
        self._changed.set()
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._serve(self._send_all)),
                asyncio.create_task(self._serve(self._poll)),
            ]

    async def recv(self) -> bytes | None:
        """As `Carrier.recv`."""
        while not self._in:
            if self._over:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        return self._in.popleft()

    async def close(self) -> None:
        """As `Carrier.close`. What is queued goes out first, briefly: a CLOSE record, say."""
        if not self._over and self._out_bytes:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    while self._out_bytes and not self._over:
                        self._room.clear()
                        await self._room.wait()
        self._end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    def _end(self) -> None:
        self._over = True
        self._room.set()
        self._arrived.set()
        self._changed.set()

    async def _serve(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except (aiohttp.ClientError, OSError, TimeoutError, DialError) as failure:
            self.failure = self.failure or dial_error(failure)
        except ZajilError:
            self.failure = self.failure or DialError(Stage.HTTP, Reason.CLOSED)
        finally:
            self._end()

    async def _send_all(self) -> None:
        while not self._over:
            while not self._out:
                self._changed.clear()
                await self._changed.wait()
                if self._over:
                    return
            records = self._take()
            await self._post(records, timeout_s=SEND_S)
            self._out_bytes -= sum(map(len, records))
            self._room.set()

    def _take(self) -> tuple[bytes, ...]:
        records: list[bytes] = []
        size = polling.HEAD_BYTES
        while self._out and len(records) < polling.BODY_RECORDS and size + 4 + len(self._out[0]) <= polling.BODY_BYTES:
            records.append(self._out.popleft())
            size += 4 + len(records[-1])
        return tuple(records)

    async def _poll(self) -> None:
        while not self._over:
            records = await self._post((), timeout_s=POLL_S)
            self.rx_bytes += sum(map(len, records))
            self._in.extend(records)
            self._arrived.set()

    async def _post(self, records: tuple[bytes, ...], *, timeout_s: float) -> tuple[bytes, ...]:
        body = polling.encode_post(polling.PollPost(self._id, self._seq, records))
        self._seq += 1
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        async with self._session.post(
            self._url, data=body, headers={"Content-Type": "text/plain"}, timeout=timeout, allow_redirects=False
        ) as response:
            if response.status != 200:
                raise Answered(response.status, response.headers)
            found = bytearray()
            while part := await response.content.readany():
                found += part
                if len(found) > polling.BODY_BYTES:
                    break
            return polling.parse_items(bytes(found))
