"""A carrier over one WebSocket of aiohttp: one binary message is one record."""

from __future__ import annotations

import asyncio

import aiohttp

from zajil.transports.base import CARRIED_BYTES, ORIGIN_GONE, USABLE_DEADLINE_S, DialError, Reason, Stage
from zajil.transports.http import dial_error, make_session
from zajil.transports.sockets import PLAIN, Way

CLOSE_S = 2.0


async def dial_websocket(url: str, way: Way = PLAIN, *, most_bytes: int = CARRIED_BYTES) -> WebSocketCarrier:
    """A WebSocket that the server accepted, ready for the first record. Raises DialError.

    most_bytes: longest message taken from the peer.
    """
    session = make_session(way, connections=1)
    try:
        async with asyncio.timeout(USABLE_DEADLINE_S):
            socket = await session.ws_connect(
                url,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_S),
                autoping=True,
                compress=0,
                max_msg_size=most_bytes,
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
        self.origin_gone = False

    async def send(self, record: bytes) -> None:
        """As `Carrier.send`."""
        try:
            await self._socket.send_bytes(record)
        except (aiohttp.ClientError, OSError):
            raise DialError(Stage.HTTP, Reason.CLOSED, origin_gone=self.origin_gone) from None
        self.tx_bytes += len(record)

    async def recv(self) -> bytes | None:
        """As `Carrier.recv`."""
        if self._socket.closed:
            return None
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY and isinstance(message.data, bytes):
            self.rx_bytes += len(message.data)
            return message.data
        self.origin_gone = self._socket.close_code == ORIGIN_GONE
        await self.close()
        return None

    async def close(self) -> None:
        """As `Carrier.close`."""
        try:
            await self._socket.close()
        finally:
            await self._session.close()
