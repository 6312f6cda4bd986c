"""Deterministic CBOR: one value has exactly one encoding, and only that one is read.

Source: RFC 8949 section 4.2.1 (shortest heads, definite lengths, map keys in bytewise order of their encodings).
The kinds of value are those our formats use: integers of 64 bits, bytes, text, arrays, maps, true, false, nil.
Tags, floats and indefinite lengths are refused. Own code, because `cbor2` sorts keys by length first (RFC 7049) and
decodes tags into objects, which is more than hostile input should reach.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from zajil.protocol.errors import error
from zajil.protocol.limits import CBOR_DEPTH

Key: TypeAlias = int | str | bytes
Value: TypeAlias = "int | bytes | str | bool | Sequence[Value] | Mapping[Key, Value] | None"
Parsed: TypeAlias = "int | bytes | str | bool | list[Parsed] | dict[Key, Parsed] | None"

_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP = range(6)
_SIMPLE: Final = {0xF4: False, 0xF5: True, 0xF6: None}
_MAX: Final = (1 << 64) - 1


def encode(value: Value) -> bytes:
    """The one deterministic encoding of a value. Raises LocalProtocolError for a kind or number CBOR here lacks."""
    return _encode(value, 0)


def _head(major: int, number: int) -> bytes:
    if number < _SHORT:
        return _HEADS[major][number]
    top = major << 5
    for code, size in ((25, 2), (26, 4), (27, 8)):
        if number < 1 << (8 * size):
            return bytes((top | code,)) + number.to_bytes(size, "big")
    raise error("wrong-call", "integer beyond 64 bits")


_SHORT: Final = 1 << 8
# Nearly every head is one of these.
_HEADS: Final = [
    [bytes((major << 5 | number,)) if number < 24 else bytes((major << 5 | 24, number)) for number in range(_SHORT)]
    for major in range(6)
]


def _encode(value: Value, depth: int) -> bytes:
    if depth > CBOR_DEPTH:
        raise error("wrong-call", "nested too deep")
    if isinstance(value, str):
        return _encode_text(value)
    if isinstance(value, bytes):
        return _head(_BYTES, len(value)) + value
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, int):
        return _head(_UINT, value) if value >= 0 else _head(_NINT, -1 - value)
    if isinstance(value, dict | Mapping):
        items = sorted([(_encode(k, depth + 1), _encode(v, depth + 1)) for k, v in value.items()])
        return _head(_MAP, len(items)) + b"".join([part for item in items for part in item])
    if isinstance(value, Sequence):
        return _head(_ARRAY, len(value)) + b"".join([_encode(item, depth + 1) for item in value])
    raise error("wrong-call", "no CBOR for this kind of value")


def _encode_text(value: str) -> bytes:
    try:
        data = value.encode("utf-8")
    except UnicodeEncodeError:
        raise error("wrong-call", "text with a lone surrogate") from None
    return _head(_TEXT, len(data)) + data


def parse(data: bytes) -> Parsed:
    """The value of one deterministic encoding, nothing before or after it.

    Arrays come as lists, maps as dicts with int, str or bytes keys. At most 16 levels of nesting.
    Raises Malformed for anything another encoder could have written otherwise, trailing bytes, tags and floats.
    """
    value, end = _parse(data, 0, 0)
    if end != len(data):
        raise error("malformed", "CBOR with trailing bytes")
    return value


def _parse_head(data: bytes, at: int) -> tuple[int, int, int]:
    """Major type, number, next position."""
    if at >= len(data):
        raise error("malformed", "CBOR ends early")
    major, info = data[at] >> 5, data[at] & 31
    if info < 24:
        return major, info, at + 1
    if info > 27:
        raise error("malformed", "CBOR of indefinite length or reserved form")
    size = 1 << (info - 24)
    end = at + 1 + size
    if end > len(data):
        raise error("malformed", "CBOR ends early")
    number = int.from_bytes(data[at + 1 : end], "big")
    if number < (24 if size == 1 else 1 << (4 * size)):
        raise error("malformed", "CBOR number not in its shortest form")
    return major, number, end


def _parse(data: bytes, at: int, depth: int) -> tuple[Parsed, int]:
    if depth > CBOR_DEPTH:
        raise error("malformed", "CBOR nested too deep")
    if at < len(data) and data[at] in _SIMPLE:
        return _SIMPLE[data[at]], at + 1
    major, number, at = _parse_head(data, at)
    if major == _UINT:
        return number, at
    if major == _NINT:
        return -1 - number, at
    if major in (_BYTES, _TEXT):
        return _parse_string(data, at, number, major)
    # Every item takes at least one byte, so a huge count fails here before anything is built.
    if major in (_ARRAY, _MAP) and number > len(data) - at:
        raise error("malformed", "CBOR ends early")
    if major == _ARRAY:
        items: list[Parsed] = []
        for _ in range(number):
            item, at = _parse(data, at, depth + 1)
            items.append(item)
        return items, at
    if major == _MAP:
        return _parse_map(data, at, number, depth)
    raise error("malformed", "CBOR tag, float or unknown simple value")


def _parse_string(data: bytes, at: int, size: int, major: int) -> tuple[bytes | str, int]:
    if size > len(data) - at:
        raise error("malformed", "CBOR ends early")
    raw = data[at : at + size]
    if major == _BYTES:
        return raw, at + size
    try:
        return raw.decode("utf-8"), at + size
    except UnicodeDecodeError:
        raise error("malformed", "CBOR text is not UTF-8") from None


def _parse_map(data: bytes, at: int, count: int, depth: int) -> tuple[dict[Key, Parsed], int]:
    found: dict[Key, Parsed] = {}
    last = b""
    for _ in range(count):
        start = at
        key, at = _parse(data, at, depth + 1)
        if isinstance(key, bool) or not isinstance(key, int | str | bytes):
            raise error("malformed", "CBOR map key of this kind")
        raw = data[start:at]
        if raw <= last:
            raise error("malformed", "CBOR map keys doubled or out of order")
        last = raw
        found[key], at = _parse(data, at, depth + 1)
    return found, at
