"""The TLS presentation language with RFC 9420's variable-size vectors: strict reader, plain writers.

The reader raises DecodeError alone, on whatever bytes it is given. Writers raise ValueError on a value
that does not fit, which is a bug of ours and never caused by the network.
Source: RFC 8446 3, RFC 9420 2.1 (minimal lengths, optional presence octet).
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from zajil.mls.errors import DecodeError

T = TypeVar("T")

MAX_VECTOR_BYTES = (1 << 30) - 1
_VARINT_MINIMUM = {1: 0, 2: 1 << 6, 4: 1 << 14}


class Reader:
    """A cursor over bytes. Each method consumes what it returns and raises DecodeError if it is not there.

    start, end: the slice of data to read; end defaults to len(data).
    """

    __slots__ = ("_data", "_end", "_position")

    def __init__(self, data: bytes, *, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._position = start
        self._end = len(data) if end is None else end

    def _take(self, size: int) -> int:
        start = self._position
        if size > self._end - start:
            raise DecodeError("truncated")
        self._position = start + size
        return start

    @property
    def position(self) -> int:
        """Offset of the next byte in the data this reader was made over."""
        return self._position

    def since(self, position: int) -> bytes:
        """The bytes consumed since an earlier `position`: an encoding as it came."""
        return self._data[position : self._position]

    def at_end(self) -> bool:
        """Whether every byte is consumed."""
        return self._position >= self._end

    def check_end(self) -> None:
        """Raises DecodeError if bytes are left."""
        if self._position < self._end:
            raise DecodeError("trailing bytes")

    def u8(self) -> int:
        """uint8."""
        return self._data[self._take(1)]

    def u16(self) -> int:
        """uint16, big endian."""
        return int.from_bytes(self.fixed(2), "big")

    def u32(self) -> int:
        """uint32, big endian."""
        return int.from_bytes(self.fixed(4), "big")

    def u64(self) -> int:
        """uint64, big endian."""
        return int.from_bytes(self.fixed(8), "big")

    def fixed(self, size: int) -> bytes:
        """opaque[size]."""
        start = self._take(size)
        return self._data[start : start + size]

    def rest(self) -> bytes:
        """Every byte left."""
        return self.fixed(self._end - self._position)

    def varint(self) -> int:
        """A variable-size length, 0 to 2^30 - 1; only its shortest encoding is accepted."""
        first = self.u8()
        prefix = first >> 6
        if prefix == 0:
            return first
        if prefix == 3:
            raise DecodeError("invalid length prefix")
        size = 1 << prefix
        value = int.from_bytes(bytes([first & 0x3F]) + self.fixed(size - 1), "big")
        if value < _VARINT_MINIMUM[size]:
            raise DecodeError("length not minimal")
        return value

    def opaque(self) -> bytes:
        """opaque<V>."""
        return self.fixed(self.varint())

    def sub(self) -> "Reader":
        """A reader over the bytes of the next <V>; the caller checks its end."""
        size = self.varint()
        start = self._take(size)
        return Reader(self._data, start=start, end=start + size)

    def vector(self, parse: Callable[["Reader"], T]) -> tuple[T, ...]:
        """T<V>: items until the vector's last byte. parse must consume at least one byte."""
        inner = self.sub()
        items: list[T] = []
        while not inner.at_end():
            before = inner.position
            items.append(parse(inner))
            if inner.position == before:
                raise DecodeError("empty item in a vector")
        return tuple(items)

    def optional(self, parse: Callable[["Reader"], T]) -> T | None:
        """optional<T>: None, or what parse returns. Presence octets other than 0 and 1 are refused."""
        present = self.u8()
        if present > 1:
            raise DecodeError("invalid presence octet")
        return parse(self) if present else None


def parse_all(data: bytes, parse: Callable[[Reader], T]) -> T:
    """What parse returns for data; raises DecodeError if bytes are left."""
    reader = Reader(data)
    value = parse(reader)
    reader.check_end()
    return value


def read_u16(reader: Reader) -> int:
    """One uint16; for `Reader.vector`."""
    return reader.u16()


def read_u32(reader: Reader) -> int:
    """One uint32; for `Reader.vector`."""
    return reader.u32()


def read_opaque(reader: Reader) -> bytes:
    """One opaque<V>; for `Reader.vector` and `Reader.optional`."""
    return reader.opaque()


def encode_u8(value: int) -> bytes:
    """uint8."""
    return value.to_bytes(1, "big")


def encode_u16(value: int) -> bytes:
    """uint16, big endian."""
    return value.to_bytes(2, "big")


def encode_u32(value: int) -> bytes:
    """uint32, big endian."""
    return value.to_bytes(4, "big")


def encode_u64(value: int) -> bytes:
    """uint64, big endian."""
    return value.to_bytes(8, "big")


def encode_varint(value: int) -> bytes:
    """The shortest length encoding of 0 to 2^30 - 1; ValueError outside of it."""
    if not 0 <= value <= MAX_VECTOR_BYTES:
        raise ValueError("vector too long")
    if value < 1 << 6:
        return value.to_bytes(1, "big")
    if value < 1 << 14:
        return (value | 1 << 14).to_bytes(2, "big")
    return (value | 2 << 30).to_bytes(4, "big")


def encode_opaque(data: bytes) -> bytes:
    """opaque<V>."""
    return encode_varint(len(data)) + data


def encode_vector(items: Iterable[bytes]) -> bytes:
    """T<V> from the encodings of its items."""
    return encode_opaque(b"".join(items))


def encode_optional(item: bytes | None) -> bytes:
    """optional<T> from the encoding of T, or None when absent."""
    return b"\x00" if item is None else b"\x01" + item
