"""A real TURN server on this machine: Debian's coturn, for one test session."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import shutil
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

from zajil.client.calls.media.rtc import Relay

PROGRAM = shutil.which("turnserver")
SECRET = "of-this-test-alone"
CONFIG = """\
listening-ip=127.0.0.1
listening-port={port}
relay-ip=127.0.0.1
min-port=49160
max-port=49259
use-auth-secret
static-auth-secret={secret}
realm=zajil.example
fingerprint
no-tls
no-dtls
no-cli
no-multicast-peers
allow-loopback-peers
userdb=:memory:
log-file={folder}/coturn.log
simple-log
pidfile={folder}/coturn.pid
"""


def credentials(*, life_s: int = 600) -> tuple[str, str]:
    """User name and password of the REST scheme (draft-uberti-behave-turn-rest-00)."""
    username = f"{int(time.time()) + life_s}:zajil"
    digest = hmac.new(SECRET.encode(), username.encode(), hashlib.sha1).digest()
    return username, base64.b64encode(digest).decode()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def coturn(folder: Path) -> AsyncIterator[tuple[Relay, Relay]]:
    """The relay, over UDP and over TCP."""
    port = free_port()
    config = folder / "coturn.conf"
    config.write_text(CONFIG.format(port=port, secret=SECRET, folder=folder), encoding="utf-8")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        PROGRAM or "turnserver", "-c", str(config), stdout=quiet, stderr=quiet
    )
    try:
        await _until_listening(port)
        username, credential = credentials()
        yield (
            Relay(f"turn:127.0.0.1:{port}?transport=udp", username, credential),
            Relay(f"turn:127.0.0.1:{port}?transport=tcp", username, credential),
        )
    finally:
        process.terminate()
        await process.wait()


async def _until_listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(0.05)
