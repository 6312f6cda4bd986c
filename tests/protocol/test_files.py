"""Files of messages: the vectors, what is refused, and texts that do not fit beside files."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol import service_vectors as sv

from zajil.protocol import attachments
from zajil.protocol.attachments import Piece, make_range, padded_bytes, parse_range
from zajil.protocol.chat import content, files, forms, looks
from zajil.protocol.chat.files import File
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import MessageId

pytestmark = pytest.mark.vectors
VECTORS: dict[str, Any] = json.loads((sv.FOLDER / "files.json").read_text(encoding="utf-8"))  # free-form JSON
ONE = File(bytes(16), "n", "t/t", 5, bytes(32), bytes(12), bytes(32))


@pytest.mark.parametrize(("size", "padded"), VECTORS["padded"])
def test_padded_sizes(size: int, padded: int) -> None:
    assert padded_bytes(size) == padded


def test_nothing_is_larger_than_the_largest() -> None:
    with pytest.raises(ZajilError, match="too-big"):
        padded_bytes(attachments.FILE_BYTES + 1)


@pytest.mark.parametrize("vector", VECTORS["messages"], ids=lambda one: f"{one['text'][:4]}-{len(one['files'])}")
def test_messages_with_files(vector: dict[str, Any]) -> None:  # free-form JSON
    data = bytes.fromhex(vector["content"])
    quoted = None if vector["reply_to"] is None else MessageId(bytes.fromhex(vector["reply_to"]))
    told = tuple(
        File(
            bytes.fromhex(one["id"]), one["name"], one["type"], one["size"], bytes.fromhex(one["key"]),
            bytes.fromhex(one["nonce"]), bytes.fromhex(one["sha256"]),
        )
        for one in vector["files"]
    )  # fmt: skip
    form = forms.Files(told, vector["text"], quoted)
    assert forms.parse_form(content.parse_content(data)) == form
    assert content.encode_content(forms.encode_form(form, sv.blank_content())) == data


@pytest.mark.parametrize("vector", VECTORS["others"], ids=lambda one: one["about"])
def test_what_is_no_file_of_ours_is_shown_as_unknown(vector: dict[str, Any]) -> None:  # free-form JSON
    form = forms.parse_form(content.parse_content(bytes.fromhex(vector["content"])))
    assert form == forms.Unsupported(shown=vector["shown"])


@pytest.mark.parametrize("vector", VECTORS["looks"], ids=lambda one: one["about"])
def test_looks_draw_and_what_is_none_counts_as_nothing(vector: dict[str, Any]) -> None:  # free-form JSON
    data = bytes.fromhex(vector["content"])
    form = forms.parse_form(content.parse_content(data))
    assert isinstance(form, forms.Files)
    shown = list(form.looks) or [None] * len(form.files)
    assert [sv.shown_look(look) for look in shown] == vector["looks"]
    again = content.encode_content(forms.encode_form(form, sv.blank_content()))
    assert forms.parse_form(content.parse_content(again)) == form
    if None not in vector["looks"]:
        assert again == data


def test_the_vectors_draw_what_they_should() -> None:
    drawn = [one["about"] for one in VECTORS["looks"] if any(one["looks"])]
    assert len(drawn) == 10
    assert {one["kind"] for v in VECTORS["looks"] for one in v["looks"] if one} == {"image", "voice", "video"}


LATER: st.SearchStrategy[Any] = st.recursive(  # free-form CBOR
    st.none() | st.booleans() | st.integers(-(1 << 64), (1 << 64) - 1) | st.binary(max_size=70) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.integers(-9, 9), inner, max_size=3),
    max_leaves=20,
)
ENTRY = st.lists(st.integers(-1, 4) | st.integers(-1, 70_000) | st.binary(max_size=66) | LATER, max_size=6)


@given(LATER | st.lists(ENTRY | LATER, max_size=3))
def test_looks_of_anything_are_looks_or_nothing(value: Any) -> None:  # free-form CBOR
    blank = sv.blank_content()
    plain = forms.encode_form(forms.Files((ONE, ONE)), blank)
    made = replace(plain, extensions=dict(blank.extensions) | {looks.LOOKS: value})
    form = forms.parse_form(content.parse_content(content.encode_content(made)))
    assert isinstance(form, forms.Files)
    assert form.files == (ONE, ONE)
    assert forms.parse_form(forms.encode_form(form, blank)) == form


def test_looks_for_other_files_are_a_wrong_call() -> None:
    with pytest.raises(ZajilError, match="wrong-call"):
        forms.encode_form(forms.Files((ONE, ONE), looks=(None,)), sv.blank_content())


def test_ten_files_with_the_largest_looks_fit_into_one_message() -> None:
    drawn = (looks.VoiceLook(looks.DURATION_MAX_MS, bytes(64)),) * 10
    long = replace(ONE, name="ж" * 127, content_type="t" * 127, size=attachments.FILE_BYTES)
    made = forms.encode_form(forms.Files((long,) * 10, "x" * files.CAPTION_BYTES, None, drawn), sv.blank_content())
    data = content.encode_content(made)
    content.padded_size(content.encode_application(data, bytes(64)))
    content.parse_content(data)


def test_the_sealed_file_opens_and_its_padding_is_cut() -> None:
    key, nonce, sealed, plain = (bytes.fromhex(VECTORS["sealed"][name]) for name in ("key", "nonce", "sealed", "plain"))
    assert len(sealed) == padded_bytes(len(plain))
    assert AESGCM(key).decrypt(nonce, sealed, None)[: len(plain)] == plain


def test_a_text_that_does_not_fit_is_refused_and_the_longest_fits_into_one_message() -> None:
    name = "ж" * 127
    long = replace(ONE, name=name, content_type="t" * 127, size=attachments.FILE_BYTES)
    made = forms.encode_form(forms.Files((long,) * 10, "x" * files.CAPTION_BYTES), sv.blank_content())
    content.padded_size(content.encode_application(content.encode_content(made), bytes(64)))
    with pytest.raises(ZajilError, match="text-too-long"):
        forms.encode_form(forms.Files((ONE,), "x" * (files.CAPTION_BYTES + 1)), sv.blank_content())
    for count in (0, 11):
        with pytest.raises(ZajilError, match="too-many-files"):
            forms.encode_form(forms.Files((ONE,) * count), sv.blank_content())


def test_an_edit_into_files_is_none() -> None:
    made = forms.encode_form(forms.Files((ONE,), "x"), sv.blank_content())
    assert forms.parse_form(replace(made, replaces=sv.TARGET)) == forms.Unsupported(shown=False)


def test_ranges() -> None:
    assert parse_range(make_range(5, 10)) == (5, 10)
    assert parse_range("bytes=7-") == (7, attachments.PIECE_MAX_BYTES)
    assert Piece(b"abc", 5, 100).content_range == "bytes 5-7/100"
