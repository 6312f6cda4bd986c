"""A carrier over one WebSocket of aiohttp: one binary message is one record."""

from __future__ import annotations

import asyncio

import aiohttp

from zajil.transports.base import CARRIED_BYTES, USABLE_DEADLINE_S, DialError, Reason, Stage
from zajil.transports.http import dial_error, make_session
from zajil.transports.sockets import PLAIN, Way

CLOSE_S = 2.0


async def dial_websocket(url: str, way: Way = PLAIN) -> WebSocketCarrier:
    """A WebSocket that the server accepted, ready for the first record. Raises DialError."""
    session = make_session(way, connections=1)
    try:
        async with asyncio.timeout(USABLE_DEADLINE_S):
            socket = await session.ws_connect(
                url,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                autoping=True,
                compress=0,
                max_msg_size=CARRIED_BYTES,
            )
    except (aiohttp.ClientError, OSError, TimeoutError, DialError) as failure:
        await session.close()
        raise dial_error(failure) from None
    except BaseException:
        await session.close()
        raise
    return WebSocketCarrier(socket, session)


class WebSocketCarrier:
    """One WebSocket whose binary messages are records. Anything else on it ends it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: aiohttp.ClientSession) -> None:
        self._socket = socket
        self._session = session
        self.rx_bytes = 0
        self.tx_bytes = 0
        self.failure: DialError | None = None

    async def send(self, record: bytes) -> None:
        """As `Carrier.send`."""
        try:
            await self._socket.send_bytes(record)
        except (aiohttp.ClientError, OSError):
            raise self.failure or ended(self._socket.close_code) from None
        self.tx_bytes += len(record)

    async def recv(self) -> bytes | None:
        """As `Carrier.recv`."""
        if self._socket.closed:
            return None
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY and isinstance(message.data, bytes):
            self.rx_bytes += len(message.data)
            return message.data
        self.failure = ended(self._socket.close_code)
        await self.close()
        return None

    async def close(self) -> None:
        """As `Carrier.close`."""
        try:
            await self._socket.close()
        finally:
            await self._session.close()


def ended(close_code: int | None) -> DialError:
    """What a WebSocket's end says: the peer's code, 0 where it said none."""
    return DialError(Stage.ACCEPT, Reason.CLOSED, answered=close_code or 0)
