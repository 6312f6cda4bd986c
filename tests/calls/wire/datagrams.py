"""Every datagram of this machine, as its network cards and loopback see them. Needs root."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

_ALL: Final = 0x0003
_UDP: Final = 17


class Datagram(NamedTuple):
    """Where a UDP datagram came from and went to."""

    source: tuple[str, int]
    target: tuple[str, int]


def parse_datagram(packet: bytes) -> Datagram | None:
    """Of an IPv4 or IPv6 packet; None for anything else. Source: RFC 791 3.1, RFC 8200 3, RFC 768."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 28 and packet[9] == _UDP:
        hosts, body = (packet[12:16], packet[16:20]), packet[4 * (packet[0] & 15) :]
    elif version == 6 and len(packet) >= 48 and packet[6] == _UDP:
        hosts, body = (packet[8:24], packet[24:40]), packet[40:]
    else:
        return None
    source, target = (str(ipaddress.ip_address(host)) for host in hosts)
    return Datagram((source, int.from_bytes(body[:2], "big")), (target, int.from_bytes(body[2:4], "big")))


@contextmanager
def captured() -> Iterator[set[Datagram] | None]:
    """All datagrams during the block, each pair of ends once; None without the right to look."""
    try:
        raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL))
    except PermissionError:
        yield None
        return
    seen: set[Datagram] = set()

    def read() -> None:
        datagram = parse_datagram(raw.recv(128))
        if datagram is not None:
            seen.add(datagram)

    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    loop.add_reader(raw, read)
    try:
        yield seen
    finally:
        loop.remove_reader(raw)
        raw.close()
