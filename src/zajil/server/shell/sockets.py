"""A WebSocket as a carrier: one binary message is one record, both ways."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from aiohttp import WSMessage, WSMsgType, web

from zajil.server.gateway.lines import Line

_LOG = logging.getLogger(__name__)
CLOSE_S: Final = 2.0
"""For the peer's answer to a close."""
UNSENT_BYTES: Final = 16 * 1024
"""Of one connection, between us and the system."""
# Frames of WebSocket itself that carry no record. They are answered, but one by one, and only so many.
_PLUMBING = {WSMsgType.PING, WSMsgType.PONG}
_BINARY: Final = 0x82
_BINARY_16: Final = bytes((_BINARY, 126))
_BINARY_64: Final = bytes((_BINARY, 127))
_LONG: Final = 126
_LONGER: Final = 1 << 16
PLUMBING_COST: Final = 4096
"""What such a frame is charged, in bytes: a connection has some thousand, and then 64 a second."""


class Goer(Protocol):
    """A carrier that may have something to send."""

    def go_on(self) -> None:
        """Send what there is."""

    def abort(self) -> None:
        """Close without a word."""


class Due:
    """Carriers that were kicked. All of one turn of the event loop go on at its end, by one callback for all."""

    def __init__(self) -> None:
        self._carriers: list[Goer] = []

    def add(self, carrier: Goer) -> None:
        """Have it go on soon, once."""
        if not self._carriers:
            asyncio.get_running_loop().call_soon(self._go_on)
        self._carriers.append(carrier)

    def _go_on(self) -> None:
        carriers, self._carriers = self._carriers, []
        for carrier in carriers:
            try:
                carrier.go_on()
            except Exception:  # noqa: BLE001  # one that fails keeps nobody else from theirs
                _LOG.exception("a WebSocket failed")
                with suppress(Exception):  # those behind it would never be asked again
                    carrier.abort()


class SocketCarrier:
    """One WebSocket and its line."""

    def __init__(self, make_line: Callable[[Callable[[], None]], Line], *, most_bytes: int, due: Due) -> None:
        """make_line: a line that kicks as given; what it raises passes through. most_bytes: of one record.

        due: of the shell.
        """
        self._due = due
        self._line = make_line(self._kick)
        self._socket = web.WebSocketResponse(
            compress=False,
            timeout=CLOSE_S,
            max_msg_size=most_bytes + 1,
            autoping=False,
            writer_limit=UNSENT_BYTES,
        )
        self._transport: asyncio.Transport | None = None
        self._is_hurried = False
        self._sending: asyncio.Task[None] | None = None
        self._is_called = False
        self._loop = asyncio.get_running_loop()
        self._calm: asyncio.Future[None] | None = None
        """Waits for the line to be crowded no more."""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Feed the line until one side ends."""
        try:
            await self._socket.prepare(request)
            self._transport, line = request.transport, self._line
            async for message in self._socket:
                if message.type is not WSMsgType.BINARY:
                    if message.type in _PLUMBING:
                        await self._answer_plumbing(message)
                        continue
                    await self._socket.close(code=1003)
                    break
                line.feed(message.data)
                if not self._is_hurried and line.is_live:
                    self._is_hurried = True
                    if self._transport is not None:
                        keep_little_unsent(self._transport)
                while line.crowded:
                    self._calm = self._loop.create_future()
                    await self._calm
        finally:
            self._line.lost()
            self._transport = None
        return self._socket

    async def _answer_plumbing(self, message: WSMessage) -> None:
        """A PONG for a PING (RFC 6455 5.5.2). A flood of either is charged like records and lets others run between."""
        self._line.charge(PLUMBING_COST)
        if message.type is WSMsgType.PING and not self._line.done:
            with suppress(ConnectionError):
                await self._socket.pong(message.data)
        await asyncio.sleep(0)

    def _kick(self) -> None:
        """Records may be there to send, the connection may be over, or it may be read again."""
        if self._calm is not None and not self._calm.done():
            self._calm.set_result(None)
        if self._transport is None or self._is_called:
            return
        if self._sending is None or self._line.dropped:
            self._is_called = True
            self._due.add(self)

    def abort(self) -> None:
        """Close without a word."""
        if self._transport is not None:
            self._transport.abort()

    def go_on(self) -> None:
        """Write what there is in one piece, without a task, where the peer has read everything before.

        A live line gives a little at a time, so it is asked until it has no more; else once is enough.
        """
        self._is_called = False
        transport, line = self._transport, self._line
        if transport is None or transport.is_closing():
            return
        if line.dropped:
            transport.abort()
            return
        if self._sending is not None or self._socket.closed:
            return
        unsent = transport.get_write_buffer_size()
        while not unsent and (records := line.pull()):
            transport.write(b"".join([part for record in records for part in (head_of(len(record)), record)]))
            unsent = transport.get_write_buffer_size()
            if not line.is_live:
                break
        if unsent or line.done:
            self._sending = self._loop.create_task(self._send())

    async def _send(self) -> None:
        """Write the rest as the peer reads it; then close, if the line is done."""
        try:
            while records := self._line.pull():
                for record in records:
                    await self._socket.send_bytes(record)
            if self._line.done:
                await self._socket.close(code=self._line.close_code)
        except (ConnectionError, RuntimeError):
            pass  # the peer is gone; the reader notices and reports it
        finally:
            self._sending = None


def head_of(size: int) -> bytes:
    """Of a binary frame from the server, whole and not masked (RFC 6455 5.2)."""
    if size < _LONG:
        return bytes((_BINARY, size))
    return _BINARY_16 + size.to_bytes(2, "big") if size < _LONGER else _BINARY_64 + size.to_bytes(8, "big")


def keep_little_unsent(transport: asyncio.Transport) -> None:
    """Keep little between the line, which knows what to drop, and the wire.

    Else the system takes megabytes for a receiver that is slow, and it hears everything minutes late.
    """
    transport.set_write_buffer_limits(high=UNSENT_BYTES)
    system_socket = transport.get_extra_info("socket")
    if system_socket is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        with suppress(OSError):  # a Unix socket has no such thing
            system_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
