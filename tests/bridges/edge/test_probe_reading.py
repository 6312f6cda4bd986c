"""The prober's own reading: header blocks against RFC 7541, answers and handshakes as comparable lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.bridges.edge.probes.answers import read_handshake, read_http1, read_http2
from zajil.bridges.edge.probes.hpack import HeaderReader, encode_block

# RFC 7541 C.6: three responses on one connection, Huffman coded, with evictions from a table of 256 bytes.
RFC_BLOCKS = (
    "3fe101"
    + "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
    "4883640effc1c0bf",
    "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab"
    "270fb5291f9587316065c003ed4ee5b1063d5007",
)
DATE = ("date", "Mon, 21 Oct 2013 20:13:21 GMT")
RFC_FIELDS = (
    [(":status", "302"), ("cache-control", "private"), DATE, ("location", "https://www.example.com")],
    [(":status", "307"), ("cache-control", "private"), DATE, ("location", "https://www.example.com")],
    [
        (":status", "200"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
        ("location", "https://www.example.com"),
        ("content-encoding", "gzip"),
        ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
    ],
)


def test_header_blocks_of_the_rfc_are_read() -> None:
    reader = HeaderReader()
    for block, fields in zip(RFC_BLOCKS, RFC_FIELDS, strict=True):
        assert reader.read(bytes.fromhex(block)) == fields


def test_our_own_blocks_are_read_and_leave_no_trace() -> None:
    fields = [(":method", "GET"), (":path", "/" + "a" * 120), ("x", "")]
    reader = HeaderReader()
    assert reader.read(encode_block(fields)) == fields
    with pytest.raises(ValueError, match="ends early"):
        reader.read(b"\xbe")
    with pytest.raises(ValueError, match="too long"):
        encode_block([("x", "a" * 127)])


@given(st.binary(max_size=120))
def test_foreign_blocks_end_in_fields_or_a_refusal(block: bytes) -> None:
    try:
        fields = HeaderReader().read(block)
    except ValueError:
        return
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in fields)


@given(st.integers(0, 24), st.binary(max_size=80))
def test_every_handshake_message_becomes_lines(kind: int, body: bytes) -> None:
    message = bytes([kind]) + len(body).to_bytes(3) + body
    record = b"\x16\x03\x03" + len(message).to_bytes(2) + message
    assert all(isinstance(line, str) for line in read_handshake(record))


@given(st.binary(max_size=300))
def test_whatever_a_server_sends_becomes_lines(data: bytes) -> None:
    for lines in (
        read_http1(b"HTTP/" + data, ("GET", "HEAD")),
        read_http2(data),
        read_handshake(b"\x16\x03\x03" + data),
    ):
        assert all(isinstance(line, str) for line in lines)


def test_lines_keep_order_and_case_and_lose_the_time_of_day() -> None:
    one = b"HTTP/1.1 404 Not Found\r\nServer: a\r\nDate: now\r\nContent-Length: 2\r\n\r\nhi"
    assert read_http1(one * 2, ("GET", "GET"))[:5] == (
        "HTTP/1.1 404 Not Found",
        "Server: a",
        "Date: *",
        "Content-Length: 2",
        read_http1(one, ("GET",))[4],
    )
    assert read_http1(one.replace(b"Server: a\r\nDate: now", b"Date: now\r\nServer: a"), ("GET",)) != read_http1(
        one, ("GET",)
    )
    assert read_http1(one.replace(b"now", b"later"), ("GET",)) == read_http1(one, ("GET",))
    assert read_http1(one[:-2], ("HEAD",))[-1] == "body: 0 bytes"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"
    assert read_http1(chunked, ("GET",))[-1] == read_http1(one, ("GET",))[-1]
    assert read_http1(b"HTTP/1.1 100 Continue\r\n\r\n" + one, ("POST",))[0] == "HTTP/1.1 100 Continue"
    assert read_http1(one + b"\x00\x01", ("GET",))[-1].startswith("bytes: 2 bytes")
    for number in (b"\xb2", b"9" * 5000, b"-1", b"1_0"):
        assert read_http1(one.replace(b": 2", b": " + number), ("GET",))[-1] == read_http1(one, ("GET",))[-1]
        assert read_http1(b"HTTP/1.1 " + number + b" x\r\n\r\nhi", ("GET",))[-1].startswith("bytes: 2 bytes")
    negative = chunked.replace(b"1\r\nh", b"-1\r\nh")
    assert read_http1(negative, ("GET",))[-1].startswith("bytes: ")


def test_frames_are_told_stream_by_stream() -> None:
    block = encode_block([(":status", "404"), ("date", "now")])
    frames = (
        b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + bytes.fromhex("000300000080"),
        len(block).to_bytes(3) + b"\x01\x04\x00\x00\x00\x01" + block,
        b"\x00\x00\x01\x00\x00\x00\x00\x00\x01h",
        b"\x00\x00\x01\x00\x01\x00\x00\x00\x01i",
    )
    lines = read_http2(b"".join(frames))
    assert lines[:4] == ("0: SETTINGS flags=0 3=128", "1: :status: 404", "1: date: *", "1: END_STREAM")
    assert lines[4].startswith("1: body 2 bytes")
    assert read_http2(frames[0] + b"\x00\x00")[-1].startswith("bytes: 2 bytes")
