"""A media connection of a call: one WebSocket to the room, over the route that the sessions use.

Frames go by here as bytes; what they hold, nobody on the way can read. See docs/protocol/calls.md, "Media rooms".
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Protocol, TypeAlias

from zajil.protocol.calls import media
from zajil.protocol.calls.ladder import Kind
from zajil.protocol.errors import ZajilError
from zajil.transports.base import Carrier

CUT: Final = 1006
"""`MediaClosed.code` where nobody said why: the connection broke, or what came was no record of a room."""
CODES: Final = frozenset(
    (media.BAD_TICKET, media.ROOM_FULL, media.IDLE, media.TOO_MUCH, media.RESTART, media.TRY_LATER, CUT)
)
QUEUE_BYTES: Final = 65_536
"""Beyond this what is sent is dropped: nobody would want to hear it any more."""
CLOSE_S: Final = 3.0
_RECORD_BYTES: Final = 1 + media.FRAME_BYTES


class MediaClosed(Exception):
    """The connection is over. code: 4401, 4403, 4408, 4429, 1012, 1013 as the server said, 1006 for all else.

    Where a bridge is between, it could have said any of them.
    """

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code if code in CODES else CUT


class MediaWay(Protocol):
    """One connection to a room, whose preamble was sent."""

    def send(self, record: bytes) -> None:
        """Queue one frame, 8 bytes of header and ciphertext. Never waits; after the end nothing happens."""

    @property
    def waiting(self) -> int:
        """Bytes of what was sent that are not on the network yet, as far as this machine knows."""

    async def receive(self) -> bytes:
        """The next record of the room, 1 to 16,001 bytes. Raises MediaClosed, from then on always."""

    async def close(self) -> None:
        """End it, within 3 s; no effect the second time."""


OpenMedia: TypeAlias = Callable[[], Awaitable[MediaWay]]
"""Takes a ticket, connects, sends the preamble: within 10 s. Raises ZajilError: `unreachable` where no route carries a
media connection, the server's refusals of the ticket, `not-a-member`, `chat-stuck`."""


class Network(Protocol):
    """What calls remember of the network this device is on. Best effort, and no call waits for it."""

    def remembered(self) -> Kind | None:
        """The kind of attempt that carried a call here last."""

    def remember(self, kind: Kind) -> None:
        """It has carried for a while."""

    def on_move(self, moved: Callable[[], None]) -> Callable[[], None]:
        """Be told when this device comes to another network, until what is returned is called."""


class CarrierWay:
    """`MediaWay` over a carrier. Make it inside a running event loop. unsent: bytes that its sockets hold back."""

    def __init__(self, carrier: Carrier, *, unsent: Callable[[], int]) -> None:
        self._carrier, self._unsent = carrier, unsent
        self._out: deque[bytes] = deque()
        self._queued = 0
        self._more = asyncio.Event()
        self._code: int | None = None
        self._writer = asyncio.create_task(self._write())

    def send(self, record: bytes) -> None:
        """As `MediaWay.send`."""
        if self._code is None and self._queued + len(record) <= QUEUE_BYTES:
            self._out.append(record)
            self._queued += len(record)
            self._more.set()

    @property
    def waiting(self) -> int:
        """As `MediaWay.waiting`."""
        return self._queued + (self._unsent() if self._code is None else 0)

    async def receive(self) -> bytes:
        """As `MediaWay.receive`. Cancelling loses no record."""
        if self._code is None:
            record = await self._carrier.recv()
            if record is not None and 1 <= len(record) <= _RECORD_BYTES:
                return record
            failure = self._carrier.failure
            self._code = self._code or (failure.answered if record is None and failure is not None else 0) or CUT
            await self._end()
        raise MediaClosed(self._code)

    async def close(self) -> None:
        """As `MediaWay.close`."""
        if self._code is None:
            self._code = CUT
            await self._end()

    async def _end(self) -> None:
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)
        self._out.clear()
        self._queued = 0
        # A peer that neither reads nor closes is left at that.
        with suppress(TimeoutError, ZajilError):
            async with asyncio.timeout(CLOSE_S):
                await self._carrier.close()

    async def _write(self) -> None:
        # Once the connection has ended, `receive` tells.
        with suppress(ZajilError):
            while True:
                while not self._out:
                    self._more.clear()
                    await self._more.wait()
                record = self._out.popleft()
                try:
                    await self._carrier.send(record)
                finally:
                    self._queued -= len(record)
