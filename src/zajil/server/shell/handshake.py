"""The plainest handshake of a WebSocket (RFC 6455 4.2), read and answered in one go.

It is what our clients and browsers send: whole, of header fields that are known here, each once and in printable
ASCII. Whatever else comes is nothing that this module knows, and aiohttp's to judge: so no fault is found here, and
nobody is refused.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from aiohttp.helpers import rfc822_formatted_time

_HEAD_BYTES: Final = 4096
_REQUEST: Final = re.compile(r"GET (/[a-z0-9/]+)(?:\?r=[A-Za-z0-9_-]*)? HTTP/1\.1")
_HOST: Final = re.compile(r"[A-Za-z0-9.:\[\]-]+")
_KEY: Final = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")
_NEEDED: Final = frozenset({"host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version"})
_KNOWN: Final = _NEEDED | {
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "dnt",
    "origin",
    "pragma",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-gpc",
    "sec-websocket-extensions",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
}
_UPGRADES: Final = frozenset({"upgrade", "keep-alive, upgrade"})
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Handshake(NamedTuple):
    """Somebody asks for a WebSocket. headers: by their names in small letters. rest: what came behind the head."""

    path: str
    headers: Mapping[str, str]
    rest: bytes


def find_handshake(data: bytes) -> Handshake | None:
    """The handshake that these first bytes of a connection are; None where they are anything else."""
    end = data.find(b"\r\n\r\n", 0, _HEAD_BYTES)
    if end < 0:
        return None
    first, *fields = data[:end].decode("latin-1").split("\r\n")
    request = _REQUEST.fullmatch(first)
    if request is None:
        return None
    headers: dict[str, str] = {}
    for field in fields:
        name, colon, value = field.partition(":")
        name = name.lower()
        if not colon or name not in _KNOWN or name in headers:
            return None
        if not (value.isascii() and value.isprintable()):
            return None
        headers[name] = value.strip(" ")
    if (
        not headers.keys() >= _NEEDED
        or headers["upgrade"].lower() != "websocket"
        or headers["connection"].lower() not in _UPGRADES
        or headers["sec-websocket-version"] != "13"
        or not _KEY.fullmatch(headers["sec-websocket-key"])
        or not _HOST.fullmatch(headers["host"])
    ):
        return None
    return Handshake(request[1], headers, data[end + 4 :])


def accept_of(key: str) -> str:
    """What Sec-WebSocket-Accept says to this key."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def answer_of(key: str, headers: Mapping[str, str]) -> bytes:
    """The head of the answer, byte for byte as aiohttp writes it. headers: that every answer of ours has."""
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: upgrade",
        f"Sec-WebSocket-Accept: {accept_of(key)}",
        f"Date: {rfc822_formatted_time()}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
