"""The official examples of MIMI content: read, written again byte for byte, and named by the id they state."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from tests.official import FOLDER

from zajil.protocol import cbor
from zajil.protocol.chat import content
from zajil.protocol.errors import Malformed, ZajilError

EXAMPLES = sorted((FOLDER / "mimi-content").glob("*.cbor"))
MESSAGES = [path for path in EXAMPLES if path.stem != "implied-original"]


def test_all_fifteen_examples_are_here() -> None:
    assert len(EXAMPLES) == 15


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.stem))
def test_an_example_is_deterministic_cbor(path: Path) -> None:
    data = path.read_bytes()
    assert cbor.encode(cbor.parse(data)) == data


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: str(path.stem))
def test_an_example_is_read_and_written_again(path: Path) -> None:
    data = path.read_bytes()
    assert content.encode_content(content.parse_content(data)) == data


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: str(path.stem))
def test_an_example_has_the_id_it_states(path: Path) -> None:
    stated = re.search(r"message ID = h'(\w+)\n# +(\w+)'", path.with_suffix(".edn").read_text(encoding="utf-8"))
    assert stated is not None
    data = path.read_bytes()
    assert content.message_id_of(content.parse_content(data), data).hex() == stated[1] + stated[2]


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: str(path.stem))
def test_no_part_of_an_example_is_a_message(path: Path) -> None:
    data = path.read_bytes()
    for size in range(len(data)):
        with pytest.raises(Malformed):
            content.parse_content(data[:size])
    for at in range(len(data)):
        flipped = data[:at] + bytes((data[at] ^ 0x41,)) + data[at + 1 :]
        with suppress(ZajilError):
            assert content.encode_content(content.parse_content(flipped)) == flipped


SALT = bytes(16)


def nested(levels: int) -> content.Part:
    part: content.Part = content.NullPart()
    for _ in range(levels - 1):
        part = content.MultiPart(content.PROCESS_ALL, (part, content.NullPart()))
    return part


def test_four_levels_of_parts_and_no_more() -> None:
    content.parse_content(content.encode_content(content.MimiContent(SALT, nested(4))))
    with pytest.raises(Malformed):
        content.parse_content(content.encode_content(content.MimiContent(SALT, nested(5))))


BAD = {
    "salt": [b"", None, b"", None, None, {}, [1, "", 0]],
    "too few": [SALT, None, b"", None, None, {}],
    "replaces": [SALT, bytes(31), b"", None, None, {}, [1, "", 0]],
    "topic": [SALT, None, None, None, None, {}, [1, "", 0]],
    "expires": [SALT, None, b"", [1, 1], None, {}, [1, "", 0]],
    "expires beyond u32": [SALT, None, b"", [True, 1 << 32], None, {}, [1, "", 0]],
    "extension key": [SALT, None, b"", None, None, {"": 1}, [1, "", 0]],
    "extension key of bytes": [SALT, None, b"", None, None, {b"k": 1}, [1, "", 0]],
    "extension value": [SALT, None, b"", None, None, {9: bytes(4096)}, [1, "", 0]],
    "cardinality": [SALT, None, b"", None, None, {}, [1, "", 4]],
    "part of other length": [SALT, None, b"", None, None, {}, [1, "", 0, 0]],
    "one part of a multipart": [SALT, None, b"", None, None, {}, [1, "", 3, 0, [[1, "", 0]]]],
    "semantics": [SALT, None, b"", None, None, {}, [1, "", 3, 3, [[1, "", 0], [1, "", 0]]]],
    "text as content": [SALT, None, b"", None, None, {}, [1, "", 1, "text/plain", "x"]],
    "disposition": [SALT, None, b"", None, None, {}, [256, "", 0]],
    "not an array": {},
}


@pytest.mark.parametrize("value", BAD.values(), ids=list(BAD))
def test_another_shape_is_refused(value: cbor.Value) -> None:
    with pytest.raises(Malformed):
        content.parse_content(cbor.encode(value))


def test_text_has_a_longest_length_and_is_utf8() -> None:
    content.text_content("x" * 65_536, salt=SALT, extensions={})
    with pytest.raises(ZajilError, match="text-too-long"):
        content.text_content("я" * 32_769, salt=SALT, extensions={})
    with pytest.raises(Malformed):
        content.text_content("\udc80", salt=SALT, extensions={})
    with pytest.raises(Malformed):
        content.find_text(content.MimiContent(SALT, content.SinglePart(content.MARKDOWN, b"\xff")))
    assert content.find_text(content.MimiContent(SALT, content.NullPart())) is None


def test_the_longest_text_fits_the_largest_size() -> None:
    data = content.encode_content(
        content.text_content("x" * 65_536, salt=SALT, extensions={1: "u" * 300, 2: "r" * 300})
    )
    assert content.padded_size(content.encode_application(data, bytes(64))) == 69_120


@pytest.mark.parametrize(
    "value", [[2, b"", bytes(64)], [1, b"", bytes(63)], [1, b""], [1, "", bytes(64)], [True, b"", bytes(64)]]
)
def test_a_plaintext_of_another_shape_is_refused(value: cbor.Value) -> None:
    with pytest.raises(Malformed):
        content.parse_application(cbor.encode(value))
