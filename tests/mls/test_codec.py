"""The TLS presentation language: round trips, and DecodeError alone on everything else (rule D1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.mls.errors import DecodeError
from zajil.mls.primitives import codec
from zajil.mls.primitives.codec import Reader, parse_all

READERS = [
    Reader.u8,
    Reader.u16,
    Reader.u32,
    Reader.u64,
    Reader.varint,
    Reader.opaque,
    lambda reader: reader.vector(codec.read_u16),
    lambda reader: reader.vector(codec.read_opaque),
    lambda reader: reader.optional(codec.read_u32),
]


@given(st.integers(0, codec.MAX_VECTOR_BYTES))
def test_varint_round_trip_is_minimal(value: int) -> None:
    encoded = codec.encode_varint(value)
    assert parse_all(encoded, Reader.varint) == value
    assert len(encoded) == (1 if value < 64 else 2 if value < 16384 else 4)


@pytest.mark.parametrize(
    "encoded", ["403f", "8000003f", "80003fff", "80000000", "c000000000000000", "ff"], ids=lambda text: text
)
def test_longer_or_unknown_length_is_refused(encoded: str) -> None:
    with pytest.raises(DecodeError):
        parse_all(bytes.fromhex(encoded), Reader.varint)


@pytest.mark.parametrize("value", [-1, codec.MAX_VECTOR_BYTES + 1])
def test_length_out_of_range_is_our_bug(value: int) -> None:
    with pytest.raises(ValueError, match="vector too long"):
        codec.encode_varint(value)


@given(st.lists(st.binary(max_size=200), max_size=20), st.none() | st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_structure_round_trip_and_every_truncation(items: list[bytes], number: int | None, long: int) -> None:
    def parse(reader: Reader) -> tuple[tuple[bytes, ...], int | None, int]:
        return reader.vector(codec.read_opaque), reader.optional(codec.read_u32), reader.u64()

    encoded = codec.encode_vector(codec.encode_opaque(item) for item in items)
    encoded += codec.encode_optional(None if number is None else codec.encode_u32(number)) + codec.encode_u64(long)
    assert parse_all(encoded, parse) == (tuple(items), number, long)
    for cut in {*range(min(len(encoded), 80)), len(encoded) - 1}:
        with pytest.raises(DecodeError):
            parse_all(encoded[:cut], parse)
    with pytest.raises(DecodeError):
        parse_all(encoded + b"\0", parse)


@given(st.binary(max_size=80))
def test_any_bytes_parse_or_raise_decode_error(data: bytes) -> None:
    for read in READERS:
        try:
            parse_all(data, read)
        except DecodeError:
            continue


@pytest.mark.parametrize("octet", [2, 3, 0x80, 0xFF])
def test_presence_octet_is_zero_or_one(octet: int) -> None:
    with pytest.raises(DecodeError):
        parse_all(bytes([octet]) + bytes(4), lambda reader: reader.optional(codec.read_u32))


def test_vector_of_nothing_ends() -> None:
    with pytest.raises(DecodeError):
        parse_all(b"\x01\x00", lambda reader: reader.vector(lambda _: None))


def test_item_may_not_reach_beyond_its_vector() -> None:
    with pytest.raises(DecodeError):
        parse_all(b"\x01\x00\x00", lambda reader: reader.vector(codec.read_u16))
