"""What a server answered, as lines that two servers can be compared by: HTTP/1, HTTP/2, and the TLS 1.2 handshake.

Everything a prober could tell apart stays: names, case, order and values of headers, reason phrases, bodies, frames.
Only the time of day goes.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from zajil.bridges.edge.probes.hpack import HeaderReader

_HEAD_END: Final = b"\r\n\r\n"
_BODILESS: Final = (204, 304)
_DATA, _HEADERS, _RST, _SETTINGS, _PUSH, _GOAWAY, _CONTINUATION = 0, 1, 3, 4, 5, 7, 9
_FRAME_NAMES: Final = {
    _DATA: "DATA",
    _HEADERS: "HEADERS",
    2: "PRIORITY",
    _RST: "RST_STREAM",
    _SETTINGS: "SETTINGS",
    _PUSH: "PUSH_PROMISE",
    6: "PING",
    _GOAWAY: "GOAWAY",
    8: "WINDOW_UPDATE",
    _CONTINUATION: "CONTINUATION",
}
_END_STREAM, _END_HEADERS, _PADDED, _PRIORITY = 1, 4, 8, 0x20
_FRAME_HEAD: Final = 9
_CHUNK_SIZE: Final = re.compile(rb"[0-9A-Fa-f]{1,16}(?=\s*(;|$))")
_HANDSHAKE: Final = 22
_SERVER_HELLO, _CERTIFICATE, _SERVER_KEY = 2, 11, 12
_RANDOM_BYTES: Final = 34
"""Version and random of a ServerHello."""


def describe_bytes(data: bytes) -> str:
    """Length, digest and beginning of a body: equal exactly for equal bodies."""
    if not data:
        return "0 bytes"
    return f"{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()[:16]}, {data[:24]!r}"


def read_http1(data: bytes, methods: Sequence[str]) -> tuple[str, ...]:
    """One line for each part of the answers to requests of these methods, the body by length and digest.

    Bytes that are no answer come last, as they are.
    """
    lines: list[str] = []
    asked = list(methods)
    while data:
        head, found, rest = data.partition(_HEAD_END)
        if not found or not head.startswith(b"HTTP/"):
            lines.append(f"bytes: {describe_bytes(data)}")
            break
        status, *fields = head.decode("latin-1").split("\r\n")
        lines.append(status)
        lines += (_without_time(each) for each in fields)
        code = _number(status.split(" ")[1] if " " in status else "", digits=3) or 0
        if code == 101:
            lines.append(f"bytes: {describe_bytes(rest)}")
            break
        if code < 200:
            data = rest
            continue
        method = asked.pop(0) if asked else "?"
        body, data = (b"", rest) if method == "HEAD" or code in _BODILESS else _body(fields, rest)
        lines.append(f"body: {describe_bytes(body)}")
    return tuple(lines)


def _without_time(line: str) -> str:
    name, _, _ = line.partition(":")
    return f"{name}: *" if name.lower() == "date" else line


def _body(fields: Sequence[str], rest: bytes) -> tuple[bytes, bytes]:
    """The body by its announced length, and what follows it."""
    found = {name.strip().lower(): value.strip() for name, _, value in (each.partition(":") for each in fields)}
    if found.get("transfer-encoding", "").lower() == "chunked":
        return _chunks(rest)
    announced = _number(found.get("content-length", ""), digits=18)
    size = len(rest) if announced is None else announced
    return rest[:size], rest[size:]


def _number(text: str, *, digits: int) -> int | None:
    """None for anything but so many digits of ASCII: `int` also takes signs, other scripts' digits and underlines."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= digits else None


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """Chunks joined; how a server cuts them depends on timing."""
    body = b""
    while True:
        size_text, found, after = data.partition(b"\r\n")
        digits = _CHUNK_SIZE.match(size_text)
        if digits is None or not found:
            return body, data
        size = int(digits[0], 16)
        if size == 0:
            return body, after.partition(b"\r\n")[2]
        body += after[:size]
        data = after[size + 2 :]


def read_http2(data: bytes) -> tuple[str, ...]:
    """One line for each frame, stream by stream. DATA of a stream is one line: how it is cut depends on timing."""
    streams: dict[int, list[str]] = defaultdict(list)
    bodies: dict[int, bytes] = defaultdict(bytes)
    reader = HeaderReader()
    block = b""
    at = 0
    while at + _FRAME_HEAD <= len(data):
        length = int.from_bytes(data[at : at + 3])
        kind, flags = data[at + 3], data[at + 4]
        stream = int.from_bytes(data[at + 5 : at + 9]) & 0x7FFFFFFF
        payload = data[at + _FRAME_HEAD : at + _FRAME_HEAD + length]
        if kind not in _FRAME_NAMES or len(payload) < length:
            break
        at += _FRAME_HEAD + length
        if kind == _DATA:
            bodies[stream] += _unpadded(payload, flags)
            streams[stream] += ["END_STREAM"] if flags & _END_STREAM else []
        elif kind in (_HEADERS, _CONTINUATION):
            block += _unpadded(payload, flags)[5 if kind == _HEADERS and flags & _PRIORITY else 0 :]
            if flags & _END_HEADERS:
                streams[stream] += _fields(reader, block)
                block = b""
            streams[stream] += ["END_STREAM"] if kind == _HEADERS and flags & _END_STREAM else []
        else:
            streams[stream].append(f"{_FRAME_NAMES[kind]} flags={flags} {_payload(kind, payload)}")
    lines = [f"{stream}: {line}" for stream in sorted(streams) for line in streams[stream]]
    lines += [f"{stream}: body {describe_bytes(bodies[stream])}" for stream in sorted(bodies)]
    if at < len(data):
        lines.append(f"bytes: {describe_bytes(data[at:])}")
    return tuple(lines)


def _unpadded(payload: bytes, flags: int) -> bytes:
    return payload[1 : len(payload) - payload[0]] if flags & _PADDED and payload else payload


def _fields(reader: HeaderReader, block: bytes) -> list[str]:
    try:
        return [f"{name}: *" if name == "date" else f"{name}: {value}" for name, value in reader.read(block)]
    except ValueError as failure:
        return [f"unreadable headers: {failure}"]


def _payload(kind: int, payload: bytes) -> str:
    if kind == _SETTINGS:
        pairs = [payload[at : at + 6] for at in range(0, len(payload), 6)]
        return " ".join(f"{int.from_bytes(each[:2])}={int.from_bytes(each[2:])}" for each in pairs)
    if kind == _GOAWAY:
        last, code = int.from_bytes(payload[:4]) & 0x7FFFFFFF, int.from_bytes(payload[4:8])
        return f"last={last} code={code} {payload[8:]!r}"
    return payload.hex()


def read_handshake(raw: bytes) -> tuple[str, ...]:
    """What a TLS 1.2 server says in clear: its ServerHello, the lengths of its certificates, its key exchange group."""
    lines: list[str] = []
    for kind, body in _handshake_messages(raw):
        if kind == _SERVER_HELLO and len(body) > _RANDOM_BYTES:
            session = body[_RANDOM_BYTES]
            after = body[_RANDOM_BYTES + 1 + session :]
            lines.append(
                f"ServerHello {body[:2].hex()} session {session} cipher {after[:2].hex()} {_extensions(after[5:])}"
            )
        elif kind == _CERTIFICATE:
            lines.append(f"Certificate {_certificate_lengths(body)}")
        elif kind == _SERVER_KEY:
            lines.append(f"ServerKeyExchange group {body[:3].hex()} signed {_signature_scheme(body)}")
        else:
            lines.append(f"handshake {kind} {len(body)} bytes")
    return tuple(lines)


def _handshake_messages(raw: bytes) -> list[tuple[int, bytes]]:
    flight = b""
    at = 0
    while at + 5 <= len(raw) and raw[at] == _HANDSHAKE:
        length = int.from_bytes(raw[at + 3 : at + 5])
        flight += raw[at + 5 : at + 5 + length]
        at += 5 + length
    messages: list[tuple[int, bytes]] = []
    at = 0
    while at + 4 <= len(flight) and len(messages) < 5:
        kind, length = flight[at], int.from_bytes(flight[at + 1 : at + 4])
        if kind not in (_SERVER_HELLO, _CERTIFICATE, _SERVER_KEY, 14, 22):
            break  # a ticket, or what is encrypted already
        messages.append((kind, flight[at + 4 : at + 4 + length]))
        at += 4 + length
    return messages


def _extensions(data: bytes) -> str:
    found = []
    at = 0
    while at + 4 <= len(data):
        length = int.from_bytes(data[at + 2 : at + 4])
        found.append(f"{int.from_bytes(data[at : at + 2])}:{data[at + 4 : at + 4 + length].hex()}")
        at += 4 + length
    return " ".join(found)


def _certificate_lengths(body: bytes) -> str:
    found = []
    at = 3
    while at + 3 <= len(body):
        length = int.from_bytes(body[at : at + 3])
        found.append(str(length))
        at += 3 + length
    return " ".join(found)


def _signature_scheme(body: bytes) -> str:
    """The scheme that follows a named curve and its public point."""
    at = 4 + body[3] if len(body) > 3 else 0
    return body[at : at + 2].hex()
