"""A relay as we configure it, on this machine's own address, over UDP, TCP and TLS."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from tests.calls.relay.turn import free_port, until_up
from tests.transports.authority import Authority

from zajil.calls.credentials import make_credential
from zajil.calls.relay.conf import FIRST_PORT, LAST_PORT, RelayPlan
from zajil.calls.relay.turnserver import Turnserver

NAME = "relay.zajil.example"
SECRET = "north-wind"


class NoRelay(Exception):
    """There can be none here; the text says why."""


class IceServer(NamedTuple):
    """As a page takes it."""

    urls: list[str]
    username: str
    credential: str


class RunningRelay(NamedTuple):
    """A relay on this machine's own address. flags: what a browser needs to find and trust it."""

    address: str
    port: int
    tls_port: int
    flags: tuple[str, ...]

    def server(self, rung: str, *, life_s: int = 600) -> IceServer:
        """With a fresh credential, over the transport of a rung."""
        username, credential = make_credential(SECRET, now_s=time.time(), random=os.urandom, ttl_s=life_s)
        url = {
            "relay-udp": f"turn:{self.address}:{self.port}?transport=udp",
            "relay-tcp": f"turn:{self.address}:{self.port}?transport=tcp",
            "relay-tls": f"turns:{NAME}:{self.tls_port}?transport=tcp",
        }[rung]
        return IceServer([url], username, credential)

    def is_relayed(self, host: str, port: int) -> bool:
        """Whether this is an address that it gives out."""
        return host == self.address and FIRST_PORT <= port <= LAST_PORT


@asynccontextmanager
async def running_relay(folder: Path) -> AsyncIterator[RunningRelay]:
    """coturn with our own configuration, until the end of the block. Raises NoRelay."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # sends nothing
        except OSError:
            raise NoRelay("this machine has no address but loopback") from None
        own = str(probe.getsockname()[0])
    Authority(folder).server(NAME)
    file = folder / NAME
    port, tls_port = free_port(), free_port()
    plan = RelayPlan("zajil.example", SECRET, own, port=port, tls_port=tls_port, cert=str(file), key=str(file))
    server = Turnserver(folder / "relay", plan)
    if not server.start():
        raise NoRelay("no coturn: apt-get install coturn")
    try:
        await until_up(port, own)
        await until_up(tls_port, own)
        trust = f"--ignore-certificate-errors-spki-list={_pin(file)}"
        yield RunningRelay(own, port, tls_port, (trust, f"--host-resolver-rules=MAP {NAME} {own}"))
    finally:
        await server.stop()


def _pin(file: Path) -> str:
    """What Chromium calls the key of a certificate."""
    key = x509.load_pem_x509_certificate(file.read_bytes()).public_key()
    info = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(info).digest()).decode()
