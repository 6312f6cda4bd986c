"""The body of an answer from a file: from the system's memory into the socket, past the transport.

uvloop has no `sendfile`. So we call it on the transport's own socket, which is safe while the transport has nothing to
write and does not close: nobody else writes to this connection before its answer is whole (HTTP/1.1 answers in order),
and only the event loop, on which we run, closes the descriptor. What the socket does not take is written through the
transport, a piece at a time, which waits for the reader, hears of his end, and is done when the socket takes more.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp import web

from zajil.engine.blobs import BlobPart

_PIECE_BYTES: Final = 1 << 16
_NO_SOCKET: Final = -1
_READERS: Final = ThreadPoolExecutor(4, thread_name_prefix="parts")
"""Not those by which large messages and all else leave the event loop: a disk that is slow holds up none of it."""


async def send_part(request: web.Request, part: BlobPart) -> None:
    """Send it as the rest of the answer to this request, whose head went to the transport.

    What is in memory now goes without another thread, the rest comes through one. Raises OSError: ConnectionError where
    the peer has gone, any where the file fails. The answer is not whole then, and its connection is no good.
    """
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    transport.set_write_buffer_limits(high=0)  # `drain` returns when nothing is left
    try:
        at, is_near = 0, True  # else it would not have been opened
        while at < len(part):
            _check_open(transport)
            sent = _send(transport, part, at) if is_near or part.is_near(at, len(part)) else 0
            if not sent:
                is_near = False
                piece = await _read(part, at)
                _check_open(transport)  # uvloop says of one that is closed that whoever writes has a bug
                transport.write(piece)
                await request.writer.drain()
                sent = len(piece)
            at += sent
    finally:
        if not transport.is_closing():
            transport.set_write_buffer_limits()


def _check_open(transport: asyncio.Transport) -> None:
    if transport.is_closing():
        raise ConnectionResetError


def _send(transport: asyncio.Transport, part: BlobPart, at: int) -> int:
    socket = _find_socket(transport)
    if socket == _NO_SOCKET or transport.get_write_buffer_size():
        return 0
    return part.send(socket, at)


def _find_socket(transport: asyncio.Transport) -> int:
    """The descriptor that takes bytes as they are; none where TLS ends in this process."""
    if transport.get_extra_info("sslcontext") is not None:
        return _NO_SOCKET
    socket = transport.get_extra_info("socket")
    return _NO_SOCKET if socket is None else int(socket.fileno())


async def _read(part: BlobPart, at: int) -> bytes:
    if part.is_near(at, _PIECE_BYTES):
        piece = part.read(at, _PIECE_BYTES)
    else:
        piece = await asyncio.get_running_loop().run_in_executor(_READERS, part.read, at, _PIECE_BYTES)
    if not piece:
        raise OSError("a file is shorter than it was")
    return piece
