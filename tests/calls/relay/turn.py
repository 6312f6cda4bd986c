"""Real relays for tests: coturn on a free port of loopback, and allocations on it."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Callable
from contextlib import closing, suppress

import pytest

with suppress(ImportError):  # where the extra is not installed, `needs_aioice` skips
    from aioice.turn import TurnTransport, create_turn_endpoint

NEEDS_COTURN = pytest.mark.skipif(shutil.which("turnserver") is None, reason="no coturn: apt-get install coturn")


def needs_aioice() -> None:
    """Skips the module without the extra."""
    pytest.importorskip("aioice", reason="no aioice: pip install 'zajil[calls]'")


def free_port() -> int:
    """One that nobody has on loopback now, for TCP and UDP."""
    while True:
        with (
            closing(socket.socket(type=socket.SOCK_STREAM)) as tcp,
            closing(socket.socket(type=socket.SOCK_DGRAM)) as udp,
        ):
            tcp.bind(("127.0.0.1", 0))
            port = int(tcp.getsockname()[1])
            with suppress(OSError):
                udp.bind(("127.0.0.1", port))
                return port


async def until_true(holds: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110  # of another process there is no event to wait on
            await asyncio.sleep(0.02)


async def until_up(port: int, host: str = "127.0.0.1") -> None:
    """The relay accepts connections."""
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            return


class Heard(asyncio.DatagramProtocol):
    """What a peer receives."""

    def __init__(self) -> None:
        self.data: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()
        self.errors: asyncio.Queue[Exception] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.data.put_nowait((data, addr))

    def error_received(self, exc: Exception) -> None:
        self.errors.put_nowait(exc)


async def allocate(
    port: int, username: str, credential: str, *, host: str = "127.0.0.1"
) -> tuple[TurnTransport, Heard]:
    """A relayed address of one's own, over UDP."""
    return await create_turn_endpoint(Heard, (host, port), username, credential)


async def let_go(*transports: TurnTransport) -> None:
    """The allocations are gone, before the loop is."""
    for transport in transports:
        transport.close()
        await transport._TurnTransport__close_task  # type: ignore[attr-defined]  # the only way to wait for it
