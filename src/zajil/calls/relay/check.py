"""Whether a relay works: an allocation over each of its addresses, as a client would make it. Needs `zajil[calls]`."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import parse_qs

PATIENCE_S: Final = 5.0


class RelayAddress(NamedTuple):
    """A URL of RFC 7065, taken apart."""

    host: str
    port: int
    transport: str
    is_tls: bool


class Checked(NamedTuple):
    """One URL. ms: until the allocation was there. trouble: "" where it worked, else `unreachable`, `refused CODE`,
    `certificate` or `no-answer`."""

    url: str
    ms: int
    trouble: str


class MissingExtra(Exception):
    """`zajil[calls]` is not installed."""


def parse_relay_url(url: str) -> RelayAddress:
    """Raises ValueError for what `relay_urls` does not write."""
    scheme, _, rest = url.partition(":")
    place, _, query = rest.partition("?")
    host, _, port = place.rpartition(":")
    transport = parse_qs(query).get("transport", ["udp"])[0]
    if scheme not in ("turn", "turns") or transport not in ("udp", "tcp"):
        raise ValueError(url)
    return RelayAddress(host.strip("[]"), int(port), transport, scheme == "turns")


async def check_relay(
    urls: Sequence[str], username: str, credential: str, *, tls: ssl.SSLContext | None = None
) -> list[Checked]:
    """Every URL, one after the other. tls: whom to trust, None for the system's. Raises MissingExtra."""
    return [await _check(url, username, credential, tls or ssl.create_default_context()) for url in urls]


async def _check(url: str, username: str, credential: str, tls: ssl.SSLContext) -> Checked:
    try:
        from aioice.stun import TransactionFailed, TransactionTimeout
    except ImportError:
        raise MissingExtra from None
    began = time.monotonic()
    trouble = ""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await _allocate(parse_relay_url(url), username, credential, tls)
    except TransactionFailed as refusal:
        trouble = f"refused {refusal.response.error_code}"
    except ssl.SSLCertVerificationError:
        trouble = "certificate"
    except (TransactionTimeout, TimeoutError):
        trouble = "no-answer"
    except OSError:
        trouble = "unreachable"
    return Checked(url, round((time.monotonic() - began) * 1000), trouble)


async def _allocate(place: RelayAddress, username: str, credential: str, tls: ssl.SSLContext) -> None:
    from aioice.turn import TurnClientTcpProtocol, TurnClientUdpProtocol

    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    address: tuple[str, int] = found[0][4][:2]  # type: ignore[assignment]  # of IP, so host and port
    protocol: TurnClientTcpProtocol | TurnClientUdpProtocol
    if place.transport == "udp":
        _, protocol = await loop.create_datagram_endpoint(
            lambda: TurnClientUdpProtocol(address, username, credential, 600, 500), remote_addr=address
        )
    else:
        # Not through `create_turn_endpoint`: it knows no name that the certificate should be of.
        _, protocol = await loop.create_connection(
            lambda: TurnClientTcpProtocol(address, username, credential, 600, 500),
            *address,
            ssl=tls if place.is_tls else None,
            server_hostname=place.host if place.is_tls else None,
        )
    try:
        await protocol.connect()
        await protocol.delete()
    finally:
        protocol.transport.close()
