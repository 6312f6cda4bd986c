"""What an HTTP/2 server says in its header blocks (RFC 7541). Reads only; written for probes of our own edges.

Our probes send literal fields without Huffman coding and without a table, which needs four bytes of code; a server
answers as it likes, so reading takes the whole of it.
"""

from __future__ import annotations

from typing import Final

# Appendix A: `name` or `name|value`, from index 1.
_STATIC: Final = """
:authority
:method|GET
:method|POST
:path|/
:path|/index.html
:scheme|http
:scheme|https
:status|200
:status|204
:status|206
:status|304
:status|400
:status|404
:status|500
accept-charset
accept-encoding|gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate
"""
# Appendix B is a canonical Huffman code (symbols of one length in increasing order), so its code lengths say all of it;
# one byte each, the last for the end-of-string symbol.
_LENGTHS: Final = bytes.fromhex(
    "0d171c1c1c1c1c1c1c181e1c1c1e1c1c1c1c1c1c1c1c1e1c1c1c1c1c1c1c1c1c060a0a0c0d06080b0a0a080b080606060505"
    "050606060606060607080f060c0a0d06070707070707070707070707070707070707070707070807080d130d0e060f050605"
    "06050606060507070606060506070605050607070707070f0b0e0d1c14161414161616171617171717171817181816171817"
    "1717171516171617171816151416161717151716161815161717151516151716171714161616171616171a1a141316171619"
    "1a1a1a1b1b1a181913151a1b1b1a1b1815151a1a1c1b1b1b14181415161515171616191918181a171a1b1a1a1b1b1b1b1b1c"
    "1b1b1b1b1b1a1e"
)
_ENTRY_OVERHEAD: Final = 32
_TABLE_BYTES: Final = 4096
Field = tuple[str, str]


def _canonical_codes() -> dict[tuple[int, int], int]:
    codes: dict[tuple[int, int], int] = {}
    code = length = 0
    for symbol in sorted(range(len(_LENGTHS)), key=lambda each: (_LENGTHS[each], each)):
        code <<= _LENGTHS[symbol] - length
        length = _LENGTHS[symbol]
        codes[length, code] = symbol
        code += 1
    return codes


_CODES: Final = _canonical_codes()
_FIXED: Final[tuple[Field, ...]] = tuple(
    (name, value) for name, _, value in (line.partition("|") for line in _STATIC.split("\n") if line)
)


def encode_block(fields: list[Field]) -> bytes:
    """A header block of literal fields that leave no trace in any table. Names and values under 127 bytes."""
    block = bytearray()
    for name, value in fields:
        block.append(0)
        for raw in (name.encode("latin-1"), value.encode("latin-1")):
            if len(raw) > 126:
                raise ValueError("too long for a length of one byte")
            block += bytes([len(raw)]) + raw
    return bytes(block)


class HeaderReader:
    """The header blocks of one connection, in order: each may refer to what earlier ones put into the table."""

    def __init__(self) -> None:
        self._added: list[Field] = []
        self._room = _TABLE_BYTES

    def read(self, block: bytes) -> list[Field]:
        """The fields in order. Raises ValueError where the block breaks RFC 7541."""
        fields: list[Field] = []
        at = 0
        try:
            while at < len(block):
                first = block[at]
                if first & 0x80:
                    index, at = _integer(block, at, 7)
                    fields.append(self._find(index))
                elif first & 0xE0 == 0x20:
                    self._room, at = _integer(block, at, 5)
                    self._evict()
                else:
                    bits = 6 if first & 0x40 else 4
                    index, at = _integer(block, at, bits)
                    name, at = (self._find(index)[0], at) if index else _text(block, at)
                    value, at = _text(block, at)
                    fields.append((name, value))
                    if bits == 6:
                        self._added.insert(0, (name, value))
                        self._evict()
        except IndexError:
            raise ValueError("the header block ends early") from None
        return fields

    def _find(self, index: int) -> Field:
        return _FIXED[index - 1] if 0 < index <= len(_FIXED) else self._added[index - len(_FIXED) - 1]

    def _evict(self) -> None:
        while self._added and sum(len(a) + len(b) + _ENTRY_OVERHEAD for a, b in self._added) > self._room:
            self._added.pop()


def _integer(data: bytes, at: int, bits: int) -> tuple[int, int]:
    """An integer with a prefix of so many bits, and where it ends. Raises IndexError, ValueError."""
    most = (1 << bits) - 1
    value = data[at] & most
    at += 1
    if value < most:
        return value, at
    for shift in range(0, 28, 7):
        value += (data[at] & 0x7F) << shift
        at += 1
        if not data[at - 1] & 0x80:
            return value, at
    raise ValueError("an integer of five bytes")


def _text(data: bytes, at: int) -> tuple[str, int]:
    packed = bool(data[at] & 0x80)
    length, at = _integer(data, at, 7)
    raw = data[at : at + length]
    if len(raw) < length:
        raise ValueError("a string ends early")
    return (_unpack(raw) if packed else raw).decode("latin-1"), at + length


def _unpack(raw: bytes) -> bytes:
    """Huffman coding undone; up to 7 bits of padding remain. Raises ValueError."""
    found = bytearray()
    code = length = 0
    for bit in (byte >> shift & 1 for byte in raw for shift in range(7, -1, -1)):
        code, length = code << 1 | bit, length + 1
        symbol = _CODES.get((length, code))
        if symbol is not None:
            if symbol > 0xFF:
                raise ValueError("end of string inside a string")
            found.append(symbol)
            code = length = 0
        elif length > 30:
            raise ValueError("no such code")
    if length > 7 or code != (1 << length) - 1:
        raise ValueError("wrong padding")
    return bytes(found)
