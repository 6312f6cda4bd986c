"""What PUT /v1/push carries, and which endpoints a server may be sent to. See docs/protocol/push.md."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Annotated, ClassVar, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from zajil.protocol.errors import error
from zajil.protocol.ids import B16, Blob

ENDPOINT_CHARACTERS: Final = 2000
_LABEL: Final = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.ASCII)
_PRINTABLE: Final = re.compile(r"[!-~]+", re.ASCII)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_CLOSED: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4"),
        *("::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)
"""Special-purpose blocks (RFC 6890 and its registries), whatever the Python in use says about them."""


class B65(Blob):
    """65 bytes: a point of P-256, uncompressed."""

    SIZE: ClassVar[int | None] = 65


class PutPush(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PUT /push: where this device is woken. p256dh, auth: of its subscription (RFC 8291 3.1 and 3.2)."""

    endpoint: Annotated[str, Meta(min_length=1, max_length=ENDPOINT_CHARACTERS)]
    p256dh: B65
    auth: B16


class PushRules(NamedTuple):
    """Where pushes may go. hosts: exact names, `*.name` for every name below it, `*` for any; none: no push at all.

    ports: besides it must be one of these. private: addresses that are not public are fine too, and http to loopback.
    """

    hosts: tuple[str, ...]
    ports: tuple[int, ...] = (443,)
    private: bool = False


class Target(NamedTuple):
    """An endpoint that passed: what to connect to and its origin, the audience of a VAPID token (RFC 8292 2)."""

    host: str
    port: int
    origin: str


def check_endpoint(text: str, rules: PushRules) -> Target:
    """Whether a server with these rules may post to this endpoint, as far as its text tells.

    Addresses behind a name are for `is_public`, at the moment of connecting. Raises Malformed for what is no plain
    https URL, Refused `push-refused` for a host, port or address outside of the rules.
    """
    if _PRINTABLE.fullmatch(text) is None or "\\" in text:
        raise error("malformed", "endpoint: characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise error("malformed", "endpoint") from None
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host or "@" in parts.netloc or "#" in text:
        raise error("malformed", "endpoint: not a plain https URL")
    is_literal = _is_address(host)
    if not is_literal and (_NAME.fullmatch(host) is None or len(host) > 253):
        raise error("malformed", "endpoint: host")
    is_loopback = host == "localhost" or (is_literal and ipaddress.ip_address(host).is_loopback)
    if parts.scheme == "http" and not (rules.private and is_loopback):
        raise error("malformed", "endpoint: https only")
    port = (443 if parts.scheme == "https" else 80) if port is None else port
    if is_literal and not is_public(host) and not rules.private:
        raise error("push-refused", "address")
    if port not in rules.ports and not (rules.private and is_loopback):
        raise error("push-refused", "port")
    if not any(_matches(host, pattern) for pattern in rules.hosts):
        raise error("push-refused", "host")
    shown = f"[{host}]" if ":" in host else host
    usual = port == (443 if parts.scheme == "https" else 80)
    return Target(host, port, f"{parts.scheme}://{shown}" + ("" if usual else f":{port}"))


def is_public(address: str) -> bool:
    """Whether this IP address is one of the open internet, also inside of an IPv6 address that carries an IPv4 one."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(found.packed[-4:])
        if inner is not None:
            return is_public(str(inner))
    closed = any(found in block for block in _CLOSED if block.version == found.version)
    return found.is_global and not found.is_multicast and not closed


def check_patterns(hosts: Sequence[str]) -> None:
    """Raises ValueError naming the first pattern that is none."""
    for pattern in hosts:
        name = pattern.removeprefix("*.")
        if pattern != "*" and not (_NAME.fullmatch(name) or _is_address(name)):
            raise ValueError(pattern)


def _matches(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return pattern in ("*", host)


def _is_address(host: str) -> bool:
    if "%" in host:
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
