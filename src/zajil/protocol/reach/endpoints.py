"""Where a server can be reached: endpoints, and the private bridges that an invite or a bridge link carries.

Field 7 of a contact link and the bridge link hold the same deterministic CBOR, under 300 bytes:
`{1: SHA-256 of the root document's body, 2: token id (8), 3: token (32), 4: [[host, port, dir], 1 to 3 of them]}`.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from zajil.protocol import cbor
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.fields import Fields
from zajil.protocol.ids import parse_b64
from zajil.protocol.limits import SERVER_NAME_BYTES
from zajil.protocol.linktext import join_link, split_link

TOKEN_BYTES: Final = 32
TOKEN_ID_BYTES: Final = 8
PRIVATE_BRIDGES: Final = 3
"""Most bridges of one token."""
BRIDGE_ADDRESS_BYTES: Final = 64
"""Longest host and dir of a private bridge together: three of them fit into PRIVATE_BRIDGES_BYTES."""
PRIVATE_BRIDGES_BYTES: Final = 299
_DIR_BYTES: Final = 64
_SCHEME: Final = "zajil:"
_HOST = re.compile(
    r"(?=[a-z0-9.-]{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.ASCII
)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_DIR = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", re.ASCII)


class EndpointKind(StrEnum):
    """What ends TLS there: the home server itself, a CDN, a volunteer's bridge, or a pluggable transport."""

    ORIGIN = "origin"
    FRONT = "front"
    BRIDGE = "bridge"
    PT = "pt"


@dataclass(frozen=True, slots=True)
class PluggableTransport:
    """A transport program by its name, where its server listens, and its arguments in the order given."""

    name: str
    host: str
    port: int
    args: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way to a server. host: lower case. token: opens the secret path of a bridge. weight: 1 to 100.

    private: came from an invite or a bridge link, so it is tried later and its host is not shown to others.
    """

    id: str
    kind: EndpointKind
    host: str
    port: int = 443
    dir: str = ""
    ips: tuple[str, ...] = ()
    token: bytes | None = None
    pt: PluggableTransport | None = None
    weight: int = 10
    private: bool = False


@dataclass(frozen=True, slots=True)
class PrivateBridges:
    """A token and the bridges it opens. root_hash: pins the server's root. bridges: (host, port, dir), 1 to 3."""

    root_hash: bytes
    token_id: bytes
    token: bytes
    bridges: tuple[tuple[str, int, str], ...]

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The bridges in order, as `private-1` and so on."""
        return tuple(
            Endpoint(f"private-{at}", EndpointKind.BRIDGE, host, port, dir_, token=self.token, private=True)
            for at, (host, port, dir_) in enumerate(self.bridges, 1)
        )


def is_host(text: str) -> bool:
    """Whether this is a host name in lower case (letters, digits, hyphens, dots) or an IPv4 address.

    What URL parsers refuse is none: a label `xn--` that stands for nothing, a last label of digits in another address.
    """
    if _HOST.fullmatch(text) is None:
        return False
    try:
        if _NUMBER.fullmatch(text.rpartition(".")[2]):
            ipaddress.IPv4Address(text)
        text.encode().decode("idna")
    except ValueError:  # UnicodeError and AddressValueError among them
        return False
    return True


def is_dir(text: str) -> bool:
    """Whether this is a folder of a URL: no slash at either end, nothing that needs an escape, no dot file."""
    return len(text) <= _DIR_BYTES and _DIR.fullmatch(text) is not None


def encode_private_bridges(bridges: PrivateBridges) -> bytes:
    """The CBOR of field 7. Raises LocalProtocolError for what `parse_private_bridges` would refuse."""
    values: list[cbor.Value] = [[host, port, dir_] for host, port, dir_ in bridges.bridges]
    data = cbor.encode({1: bridges.root_hash, 2: bridges.token_id, 3: bridges.token, 4: values})
    try:
        parse_private_bridges(data)
    except ZajilError:
        raise error("wrong-call", "private bridges") from None
    return data


def parse_private_bridges(data: bytes) -> PrivateBridges:
    """The bridges of field 7. Raises HomeError `bad-link`."""
    try:
        if len(data) > PRIVATE_BRIDGES_BYTES:
            raise error("malformed", "private bridges of 300 bytes or more")
        fields = Fields.of_map(cbor.parse(data), range(1, 5))
        bridges = tuple(_parse_bridge(item) for item in fields.items(4, most=PRIVATE_BRIDGES))
        if not bridges:
            raise error("malformed", "no bridge")
        return PrivateBridges(
            root_hash=fields.blob(1, size=32),
            token_id=fields.blob(2, size=TOKEN_ID_BYTES),
            token=fields.blob(3, size=TOKEN_BYTES),
            bridges=bridges,
        )
    except ZajilError:
        raise error("bad-link") from None


def _parse_bridge(item: cbor.Parsed) -> tuple[str, int, str]:
    fields = Fields.of_array(item, 3)
    host, port, dir_ = (
        fields.text(0, most=SERVER_NAME_BYTES),
        fields.number(1, bits=16),
        fields.text(2, most=_DIR_BYTES),
    )
    if not is_host(host) or not port or not is_dir(dir_):
        raise error("malformed", "address of a bridge")
    return host, port, dir_


def encode_bridge_link(bridges: PrivateBridges, *, front: str = "") -> str:
    """`<front>/b#<base64url>` for a person to share, or `zajil:<base64url>` where front is empty."""
    data = encode_private_bridges(bridges)
    return join_link(front, "/b", data) if front else _SCHEME + join_link("", "", data)


def parse_bridge_link(text: str) -> PrivateBridges:
    """The bridges of a text a person pasted or scanned: either form, or the bare fragment.

    Whose server they lead to is for the caller (`root_hash`). Raises HomeError `bad-link`.
    """
    text = text.strip()
    fragment = text[len(_SCHEME) :] if text[: len(_SCHEME)].lower() == _SCHEME else split_link(text, "/b")[1]
    try:
        return parse_private_bridges(parse_b64(fragment))
    except ZajilError:
        raise error("bad-link") from None
