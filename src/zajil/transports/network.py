"""Which network this machine is on, told by nothing that leaves it."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from pathlib import Path
from typing import Final

ROUTES: Final = Path("/proc/net/route")
ROUTES_V6: Final = Path("/proc/net/ipv6_route")
NEIGHBOURS: Final = Path("/proc/net/arp")
_UP: Final = 1
_NO_MAC: Final = "00:00:00:00:00:00"
_FAR: Final = ("192.0.2.1", 9)
"""An address of documentation: connecting a UDP socket to it sends nothing."""


def network_key(salt: bytes) -> str:
    """32 hex digits that stay the same on one network and say nothing without the salt."""
    return hmac.digest(salt, b"zajil/network/1" + hashlib.sha256(_place()).digest(), "sha256")[:16].hex()


def is_online() -> bool | None:
    """Whether there is a default route; None where nobody knows."""
    try:
        if _gateway() is not None:
            return True
        zeros = "0" * 32
        lines = [line.split() for line in ROUTES_V6.read_text().splitlines()]
        return any(line[0] == zeros and line[1] == "00" and line[9] != "lo" for line in lines if len(line) == 10)
    except OSError:
        return None


def _place() -> bytes:
    """The gateway's hardware address, or the prefix of our own address, or nothing."""
    try:
        gateway = _gateway()
        if gateway is not None and (mac := _mac_of(gateway)) is not None:
            return b"mac " + mac.encode()
    except OSError:
        pass
    return b"prefix " + _own_prefix()


def _gateway() -> str | None:
    """The IPv4 address of the default gateway. Raises OSError where the system has no such file."""
    for line in ROUTES.read_text().splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[1] == "00000000" and fields[7] == "00000000" and int(fields[3], 16) & _UP:
            return str(ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(fields[2]), "little")))
    return None


def _mac_of(address: str) -> str | None:
    for line in NEIGHBOURS.read_text().splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[0] == address and fields[3] != _NO_MAC:
            return fields[3].lower()
    return None


def _own_prefix() -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_FAR)
            return socket.inet_aton(str(probe.getsockname()[0]))[:3]
        except OSError:
            return b""
