"""The header parser against the official messages: all read, nothing else."""

from __future__ import annotations

import pytest
from tests.official import read_vectors

from zajil.protocol.errors import Malformed
from zajil.protocol.mlsheader import COMMIT, PrivateHeader, parse_header


def official() -> list[dict[str, str]]:
    found: list[dict[str, str]] = read_vectors("mls/messages")
    return found


def test_every_official_private_message_is_read() -> None:
    messages = [bytes.fromhex(case["private_message"]) for case in official()]
    assert len({parse_header(message) for message in messages}) > 100


def test_no_truncation_and_no_longer_form_is_read() -> None:
    for case in official()[:20]:
        message = bytes.fromhex(case["private_message"])
        for size in range(len(message)):
            with pytest.raises(Malformed):
                parse_header(message[:size])
        with pytest.raises(Malformed):
            parse_header(message + b"\x00")


def test_no_other_official_message_is_read() -> None:
    for case in official():
        for name in ("mls_welcome", "mls_group_info", "mls_key_package", "public_message_commit"):
            with pytest.raises(Malformed):
                parse_header(bytes.fromhex(case[name]))


def message(gid: bytes = b"\x02gi", kind: int = COMMIT, aad: bytes = b"\x01a", rest: bytes = b"\x01s\x01c") -> bytes:
    return b"\x00\x01\x00\x02" + gid + (7).to_bytes(8, "big") + bytes((kind,)) + aad + rest


def test_the_five_fields() -> None:
    assert parse_header(message()) == PrivateHeader(b"gi", 7, COMMIT, b"a")
    long = b"\x40\x40" + b"g" * 64
    assert parse_header(message(gid=long)).group_id == b"g" * 64
    longer = b"\x80\x00\x40\x00" + b"a" * 16384
    assert parse_header(message(aad=longer)).authenticated_data == b"a" * 16384


BAD = {
    "content type 0": message(kind=0),
    "content type 4": message(kind=4),
    "length in two bytes": message(gid=b"\x40\x02gi"),
    "length in four bytes": message(gid=b"\x80\x00\x00\x02gi"),
    "length of 2^14 - 1 in four": message(aad=b"\x80\x00\x3f\xff" + bytes(0x3FFF)),
    "length form 11": message(gid=b"\xc0" + bytes(7) + b"\x02gi"),
    "huge length": message(gid=b"\xbf\xff\xff\xffgi"),
    "version 2": b"\x00\x02" + message()[2:],
    "public message": b"\x00\x01\x00\x01" + message()[4:],
    "empty": b"",
}


@pytest.mark.parametrize("data", BAD.values(), ids=list(BAD))
def test_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_header(data)
