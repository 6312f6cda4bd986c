"""The shell on picows: WebSockets in less memory, and without a task for each (docs/decisions/0017-picows.md).

A handshake as our clients and browsers send it, which may begin, is answered here by what aiohttp would say. aiohttp
takes every other connection, and answers as in its own shell: who may not begin, and what is wrong with a handshake, is
decided there alone. Once it has said 101 the connection is handed to picows, and what aiohttp held for it is let go. So
neither a prober nor a browser sees on HTTP which of the two shells it met.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

from aiohttp import web
from picows import (
    WSAutoPingStrategy,
    WSCloseCode,
    WSFrame,
    WSListener,
    WSMsgType,
    WSTransport,
    WSUpgradeRequest,
    WSUpgradeResponse,
    WSUpgradeResponseWithListener,
)
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # what picows's own servers are made of; no stub has it

from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.server.gateway.lines import Line
from zajil.server.shell.aiohttp_shell import DEFAULT_HEADERS, AiohttpShell
from zajil.server.shell.base import SEALED_PATH
from zajil.server.shell.doorstep import Doorstep
from zajil.server.shell.handshake import accept_of, answer_of, find_handshake
from zajil.server.shell.sockets import CLOSE_S, PLUMBING_COST, UNSENT_BYTES, Due, head_of, keep_little_unsent

_LOG = logging.getLogger(__name__)
_READ_BYTES: Final = 1024
"""Of a connection's buffer at first. It doubles as records need it, up to twice the largest, and stays so."""
_COPIED_BYTES: Final = 8192
"""picows copies what it sends up to here. Beyond, and where it cannot send at once, uvloop would be left with a view of
a header that the next record overwrites."""
_HEADER_ROOM: Final = 14
_LINGER_S: Final = 30.0
"""For what a connection that ends has not sent; then it is forgotten."""
_STOP_S: Final = 3.0
_UPGRADE: Final = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
"""What picows is told: the handshake itself is over by then."""
_PATHS: Final = frozenset({*(role.path for role in Role), SEALED_PATH})
_NOBODY: Final = asyncio.Protocol()
"""Makes uvloop forget the handler before, of which it keeps a method where a protocol of picows's kind follows."""
_BINARY: Final = WSMsgType.BINARY
_CONTROL: Final = frozenset({WSMsgType.PING, WSMsgType.PONG, WSMsgType.CLOSE})
_PROTOCOL_ERROR: Final = 1002
_NO_TEXT: Final = 1003
_TOO_BIG: Final = 1009


class PicowsShell(AiohttpShell):
    """See `shell.Shell`."""

    _open: set[LeanCarrier]
    _doors: set[Doorstep]

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> int:
        """See Shell."""
        self._open = set()
        self._doors = set()
        found = await super().start(host, port, reuse_port=reuse_port)
        for each in self._listener.sockets if self._listener is not None else ():
            # aiohttp sets it for each of its own: by it the system finds peers that went without a word. Inherited.
            each.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return found

    async def stop(self) -> None:
        """See Shell."""
        if self._listener is not None:
            self._listener.close()
        for door in list(self._doors):  # before aiohttp is gone, which would take them
            door.close()
        await super().stop()
        for carrier in list(self._open):
            carrier.end()
        try:
            async with asyncio.timeout(_STOP_S):
                for carrier in list(self._open):
                    await carrier.gone()
        except TimeoutError:
            for carrier in list(self._open):
                carrier.abort()

    def _protocols(self, server: web.Server) -> Callable[[], asyncio.Protocol]:
        return lambda: Doorstep(self._doors, begin=self._begin_plainly, make=server)

    def _begin_plainly(self, transport: asyncio.Transport, first: bytes) -> bool:
        """Whether these first bytes of a connection are a handshake that needs no judge, and a WebSocket began."""
        asked = find_handshake(first)
        if asked is None or asked.path not in _PATHS or transport.is_closing():
            return False
        remote = (transport.get_extra_info("peername") or (None,))[0]
        try:
            peer = self._admit_from(remote, asked.headers)
            make_line = partial(self._make_line, asked.path, peer, silent_s=None)
            carrier = self._make_carrier(make_line, most_bytes=self._most_bytes(asked.path))
        except ZajilError:
            return False  # aiohttp comes to the same, and says so
        try:
            transport.write(answer_of(asked.headers["sec-websocket-key"], DEFAULT_HEADERS))
            carrier.begin(transport, asked.rest)
        except BaseException:
            carrier.lost()
            raise
        return True

    def _make_carrier(self, make_line: Callable[[Callable[[], None]], Line], *, most_bytes: int) -> LeanCarrier:
        carrier = LeanCarrier(make_line, most_bytes=most_bytes, due=self._due, forget=self._open.discard)
        self._open.add(carrier)
        return carrier

    async def _carry(
        self, request: web.Request, make_line: Callable[[Callable[[], None]], Line], *, most_bytes: int
    ) -> web.StreamResponse:
        carrier = self._make_carrier(make_line, most_bytes=most_bytes)
        try:
            answer = await _accept(request)
            carrier.take_over(request)
        except BaseException:
            carrier.lost()
            raise
        return answer


async def _accept(request: web.Request) -> web.StreamResponse:
    """Say 101. Raises HTTPBadRequest for a handshake that is none, ConnectionError where the peer has gone."""
    judge = web.WebSocketResponse(compress=False)
    if not judge.can_prepare(request).ok:
        await judge.prepare(request)  # raises what is wrong
    accept = accept_of(request.headers["sec-websocket-key"])
    answer = web.StreamResponse(
        status=101, headers={"Upgrade": "websocket", "Connection": "upgrade", "Sec-WebSocket-Accept": accept}
    )
    await answer.prepare(request)
    return answer


class _Told(WSUpgradeResponse):
    """The 101 that picows would send: it was sent."""

    def __init__(self) -> None:
        made = WSUpgradeResponse.create_101_response()
        self.version, self.status, self.headers, self.body = made.version, made.status, made.headers, None

    def to_bytes(self) -> bytearray:
        """Nothing more."""
        return bytearray()


_TOLD: Final = _Told()


class _Complaints:
    """What picows takes for its logger. It quotes peers, and names their addresses: none of that reaches a log."""

    __slots__ = ("_carrier",)

    def __init__(self, carrier: LeanCarrier) -> None:
        self._carrier = carrier

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802  # logging's name
        return False

    def debug(self, *_words: object) -> None:
        pass

    log = info = warning = debug

    def error(self, _text: str, *about: object) -> None:
        """A peer broke the protocol; picows is about to say why, in words of its own, and to close."""
        code = about[0][0] if about and isinstance(about[0], tuple) and about[0] else _PROTOCOL_ERROR
        self._carrier.give_up(int(cast(int, code)))

    def exception(self, *_words: object) -> None:
        """A fault of ours, or of picows."""
        _LOG.exception("a WebSocket failed")
        self._carrier.give_up(WSCloseCode.INTERNAL_ERROR.value)


class _Below:
    """What picows takes for the transport: the same, but for the socket, of which it would set and ask six options.

    The loop has set what matters of them, they are asked for a line that nobody logs, and for each uvloop makes a
    socket anew: 50 us a connection.
    """

    __slots__ = ("_transport",)

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:  # Any: whatever the transport has by this name
        return getattr(self._transport, name)  # its own methods, which picows keeps the two frequent ones of

    def get_extra_info(self, name: str) -> _Below | None:
        """Itself for the socket."""
        return self if name == "socket" else None

    def fileno(self) -> int:
        """What picows writes to."""
        return int(self._transport.get_extra_info("socket").fileno())

    def setsockopt(self, *_: int) -> None:
        """Nothing."""

    def getsockopt(self, *_: int) -> int:
        """Nothing of interest."""
        return 0


class LeanCarrier(WSListener):
    """One WebSocket on picows and its line. No task, no timer while it lives, and a buffer of 2 KiB."""

    __slots__ = (
        "_below",
        "_due",
        "_end_handle",
        "_forget",
        "_gone",
        "_held",
        "_is_called",
        "_is_ended",
        "_is_full",
        "_is_hurried",
        "_is_lost",
        "_is_stopped",
        "_line",
        "_loop",
        "_most_bytes",
        "_parts",
        "_records",
        "_transport",
    )

    def __init__(
        self,
        make_line: Callable[[Callable[[], None]], Line],
        *,
        most_bytes: int,
        due: Due,
        forget: Callable[[LeanCarrier], None],
    ) -> None:
        """make_line: a line that kicks as given; what it raises passes through. most_bytes: of one record.

        due: of the shell. forget: called with this carrier once it is gone.
        """
        self._transport: WSTransport | None = None
        self._below: asyncio.Transport | None = None
        """What picows's transport lies on."""
        self._is_called = self._is_ended = self._is_full = False
        self._is_hurried = self._is_lost = self._is_stopped = False
        self._due = due
        self._forget = forget
        self._gone: asyncio.Future[None] | None = None
        self._most_bytes = most_bytes
        self._held: deque[tuple[WSMsgType, bool, bytes]] | None = None
        self._parts: bytearray | None = None
        self._records: list[bytes] = []
        self._end_handle: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._line = make_line(self._kick)

    def take_over(self, request: web.Request) -> None:
        """Have picows read and write this connection from now on. Raises ConnectionError where it is gone."""
        handler, transport = request.protocol, request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        early = bytes(handler._message_tail)  # noqa: SLF001  # nothing else gives it out
        handler.transport = None  # else its end would close the connection
        handler.connection_lost(None)
        self.begin(transport, early)

    def begin(self, transport: asyncio.Transport, early: bytes) -> None:
        """Have picows read and write from now on, behind a handshake that was answered.

        early: what came with it, before its answer: RFC 6455 forbids it, aiohttp reads it.
        """
        transport.pause_reading()
        transport.set_write_buffer_limits(high=UNSENT_BYTES)
        protocol = WSProtocol(
            None,
            None,
            False,  # a server
            self._begin,
            _Complaints(self),
            True,  # a fault of ours closes
            None,  # no time limit for the handshake, which is over
            False,
            20,
            20,
            WSAutoPingStrategy.PING_WHEN_IDLE,
            False,  # PINGs are answered here, and charged
            self._most_bytes,
            None,
            _READ_BYTES,
        )
        transport.set_protocol(_NOBODY)
        transport.set_protocol(protocol)
        self._below = transport
        protocol.connection_made(_Below(transport))
        _give(protocol, _UPGRADE)
        _give(protocol, early)
        if not self._is_stopped:
            transport.resume_reading()
        self._kick()

    def _begin(self, _request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        return WSUpgradeResponseWithListener(_TOLD, self)

    # What picows calls

    def on_ws_connected(self, transport: WSTransport) -> None:
        """See WSListener."""
        self._transport = transport
        transport.request.headers = _TOLD.headers  # it keeps our own handshake, 1 KiB of it, as long as it lives

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        """See WSListener."""
        kind = frame.msg_type
        if self._is_ended and kind != WSMsgType.CLOSE:
            return
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            self._close(_PROTOCOL_ERROR)
        elif self._is_stopped:
            self._hold(frame)
        else:
            self._take(kind, bool(frame.fin), frame.get_payload_as_bytes())

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        """See WSListener."""
        self.lost()

    def pause_writing(self) -> None:
        """See WSListener."""
        self._is_full = True

    def resume_writing(self) -> None:
        """See WSListener."""
        self._is_full = False
        self._kick()

    # In

    def _take(self, kind: WSMsgType, fin: bool, payload: bytes) -> None:
        if kind == _BINARY and fin and self._parts is None:
            self._feed(payload)
        elif kind in _CONTROL:
            self._take_control(kind, payload)
        elif kind == WSMsgType.TEXT:
            self._close(_NO_TEXT)
        elif (kind == WSMsgType.BINARY) != (self._parts is None):
            self._close(_PROTOCOL_ERROR)  # a message within a message, or a part of none
        else:
            self._take_part(fin, payload)

    def _take_part(self, fin: bool, payload: bytes) -> None:
        """A part of a message that comes in several; each costs what it costs to look at."""
        if self._parts is None:
            self._parts = bytearray()
        self._parts += payload
        if len(self._parts) > self._most_bytes:
            self._close(_TOO_BIG)
        elif fin:
            record, self._parts = bytes(self._parts), None
            self._feed(record)
        else:
            self._charge()

    def _take_control(self, kind: WSMsgType, payload: bytes) -> None:
        transport = self._transport
        if transport is None:
            return
        if kind == WSMsgType.CLOSE:
            if not self._is_ended:
                self._is_ended = True
                transport.send_close(WSCloseCode.OK)
            self._leave()
            return
        self._charge()
        # One that reads no answers gets none: RFC 6455 5.5.3 asks for the newest alone.
        if kind == WSMsgType.PING and not self._is_full and not self._line.done:
            transport.send_pong(payload)

    def _feed(self, record: bytes) -> None:
        line = self._line
        line.feed(record)
        if not self._is_hurried and line.is_live and self._below is not None:
            self._is_hurried = True
            keep_little_unsent(self._below)
        if line.crowded:
            self._stop_reading()

    def _charge(self) -> None:
        self._line.charge(PLUMBING_COST)

    def _stop_reading(self) -> None:
        """TCP pushes back; what is in the buffer already waits here, at most twice a record."""
        if not self._is_stopped and self._below is not None:
            self._is_stopped = True
            self._below.pause_reading()

    def _hold(self, frame: WSFrame) -> None:
        if self._held is None:
            self._held = deque()
        self._held.append((frame.msg_type, bool(frame.fin), frame.get_payload_as_bytes()))

    def _read_on(self) -> None:
        while self._held and not self._line.crowded and not self._is_ended:
            self._take(*self._held.popleft())
        if self._held or self._line.crowded or self._is_ended or self._below is None:
            return
        self._held, self._is_stopped = None, False
        self._below.resume_reading()

    # Out

    def _kick(self) -> None:
        """Records may be there to send, the connection may be over, or it may be read again."""
        if not self._is_called and self._transport is not None:
            self._is_called = True
            self._due.add(self)

    def go_on(self) -> None:
        """Send and read what there is, since it was kicked."""
        self._is_called = False
        transport, below = self._transport, self._below
        if transport is None or below is None or below.is_closing():
            return
        if self._line.dropped:
            self.abort()
            return
        if not self._is_ended:
            self._send(transport, below)
        if self._is_stopped:
            self._read_on()

    def _send(self, transport: WSTransport, below: asyncio.Transport) -> None:
        line, is_pulled = self._line, False
        while not self._is_full:
            if not self._records and (not is_pulled or line.is_live):
                self._records, is_pulled = line.pull()[::-1], True
            if not self._records:
                if line.done:
                    self._close(line.close_code)
                return
            record = self._records.pop()
            if len(record) <= _COPIED_BYTES:
                if self._records and len(record) + len(self._records[-1]) <= UNSENT_BYTES:
                    below.write(self._join(record))
                else:
                    transport.send(_BINARY, record)
            else:
                whole = bytearray(_HEADER_ROOM) + record
                transport.send_reuse_external_bytearray(_BINARY, whole, _HEADER_ROOM)

    def _join(self, record: bytes) -> bytes:
        """The frames of this record and those behind it that are small: picows asks the system once for each."""
        parts, room = [head_of(len(record)), record], UNSENT_BYTES - len(record)
        while self._records and len(self._records[-1]) <= room:
            record = self._records.pop()
            parts += head_of(len(record)), record
            room -= len(record)
        return b"".join(parts)

    # The end

    def _close(self, code: int) -> None:
        """Say so, and leave when the peer has, or after a while. What it sends until then is not looked at."""
        transport, below = self._transport, self._below
        if transport is None or below is None or self._is_ended or below.is_closing():
            return
        self._is_ended = True
        transport.send_close(cast(WSCloseCode, code))  # any number is taken
        self._end_handle = self._loop.call_later(CLOSE_S, self._leave)

    def give_up(self, code: int) -> None:
        """picows cannot read on, and would keep whatever came: nothing more may."""
        self._close(code)
        if self._below is not None and not self._below.is_closing():
            self._is_stopped = True
            self._below.pause_reading()

    def _leave(self) -> None:
        """Close once everything is sent."""
        if self._end_handle is not None:
            self._end_handle.cancel()
        if self._transport is not None:
            self._transport.disconnect()
            self._end_handle = self._loop.call_later(_LINGER_S, self.abort)

    def end(self) -> None:
        """The server stops."""
        self._close(WSCloseCode.GOING_AWAY.value)
        self._leave()

    def abort(self) -> None:
        """Close without a word."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    async def gone(self) -> None:
        """Returns once the connection is."""
        if self._transport is not None:
            self._gone = self._loop.create_future()
            await self._gone

    def lost(self) -> None:
        """The connection is gone, or never was."""
        if self._is_lost:
            return
        self._is_lost = True
        if self._end_handle is not None:
            self._end_handle.cancel()
        self._transport = self._below = self._held = self._parts = None
        self._records = []
        self._forget(self)
        self._line.lost()
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)


def _give(protocol: WSProtocol, data: bytes) -> None:
    """Have picows read these bytes."""
    while data:
        room = protocol.get_buffer(-1)
        taken = min(len(room), len(data))
        room[:taken] = data[:taken]
        protocol.buffer_updated(taken)
        data = data[taken:]
