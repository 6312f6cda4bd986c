"""A carrier over one WebSocket: one binary message is one record."""

from __future__ import annotations

import aiohttp

from zajil.transports.base import DialError, Reason, Stage


class WebSocketCarrier:
    """One WebSocket whose binary messages are records. Anything else on it ends it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, record: bytes) -> None:
        """As `Carrier.send`."""
        try:
            await self._socket.send_bytes(record)
        except (aiohttp.ClientError, OSError):
            raise DialError(Stage.HTTP, Reason.CLOSED) from None

    async def recv(self) -> bytes | None:
        """As `Carrier.recv`."""
        if self._socket.closed:
            return None
        message = await self._socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY and isinstance(message.data, bytes):
            return message.data
        await self.close()
        return None

    async def close(self) -> None:
        """As `Carrier.close`."""
        await self._socket.close()
