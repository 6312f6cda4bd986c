"""Who is calling, as far as limits and browsers need it: an address prefix, and whether the Origin is one of ours.

Addresses are never stored or logged. CGNAT puts many people behind one address, so prefixes only slow down.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from zajil.protocol.errors import error

_PREFIX_V4, _PREFIX_V6 = 24, 56


class PeerRules:
    """origins: web origins that may call. trusted_proxies: peers whose X-Forwarded-For is believed."""

    def __init__(self, *, origins: Iterable[str], trusted_proxies: Iterable[str]) -> None:
        self._origins = frozenset(origins)
        self._proxies = frozenset(trusted_proxies)

    def check_origin(self, origin: str | None, *, host: str | None = None, scheme: str | None = None) -> None:
        """Programs send no Origin; a browser's must be the page this server gave out, or be on the list.

        host: the Host header. scheme: by which the browser came, None if nobody says. Raises Refused `not-allowed`.
        """
        if origin is None or origin in self._origins:
            return
        schemes = ("http", "https") if scheme is None else (scheme,)
        if not host or origin.lower() not in {f"{each}://{host.lower()}" for each in schemes}:
            raise error("not-allowed", "origin")

    def scheme_of(self, address: str | None, forwarded: str | None) -> str | None:
        """`http` or `https` as a trusted proxy says; None without one: then TLS may or may not end before us."""
        if address not in self._proxies or forwarded is None:
            return None
        return forwarded.rsplit(",", 1)[-1].strip().lower()

    def prefix_of(self, address: str | None, forwarded: str | None) -> bytes:
        """The /24 (IPv4) or /56 (IPv6) of the peer; empty when there is none (a Unix socket)."""
        if address in self._proxies and forwarded:
            address = forwarded.rsplit(",", 1)[-1].strip()
        try:
            ip = ipaddress.ip_address(address or "")
        except ValueError:
            return b""
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        length = _PREFIX_V4 if ip.version == 4 else _PREFIX_V6
        return ip.packed[: length // 8]
