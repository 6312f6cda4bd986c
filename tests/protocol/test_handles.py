"""Handles: what can be one, and that nobody gets one that looks like another's."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.protocol import handle_letters
from tests.protocol.handle_lookalikes import find_twins, render

from zajil.protocol.errors import ZajilError
from zajil.protocol.public import lookalikes
from zajil.protocol.public.handles import HANDLE_MAX, HANDLE_MIN, SCRIPTS, parse_handle, skeleton


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        ("alice", "alice"),
        ("ALICE", "alice"),
        ("Ａlice_1", "alice_1"),
        ("Новости", "новости"),
        ("أخبار_غزة", "أخبار_غزة"),
        ("news.ar", "news.ar"),
        ("e\u0301cole", "école"),
        ("ελλάδα", "ελλάδα"),
        ("हिन्दी", "हिन्दी"),
        ("خبر١٢٣", "خبر١٢٣"),
        ("a" * 32, "a" * 32),
    ],
)
def test_one_spelling_for_each_handle(text: str, handle: str) -> None:
    assert parse_handle(text) == handle


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ab",
        "a" * 33,
        "123",
        "_alice",
        "alice.",
        "a..b",
        "a._b",
        "al ice",
        "al-ice",
        "alice!",
        "al/ice",
        "@alice",
        "alice\n",
        "\x00alice",
        "аlice",  # Cyrillic а
        "aliceновости",
        "alice١",
        "خبر١۲",
        "al\u200dice",
        "al\u00adice",
        "\u202ealice",
        "al\u0335ice",
        "خَبَر",
        "\U0001f600\U0001f600\U0001f600",
        "ﬁre",
        "𝐚lice",
        "a" * 100_000,
        "\ud800abc",
        "ⅷⅷⅷ",
        "ab\U000e0061c",
    ],
)
def test_what_is_no_handle_is_refused(text: str) -> None:
    with pytest.raises(ZajilError) as refusal:
        parse_handle(text)
    assert refusal.value.code == "bad-handle"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("раура", "paypa"),  # all Cyrillic
        ("сосо", "coco"),
        ("ехо", "exo"),
        ("user1", "userl"),
        ("modern", "rnodem"),
        ("οοοο", "oooo"),
        ("ɡoogle", "google"),
        ("ցոս", "gnu"),
        ("ھھھ", "ooo"),
    ],
)
def test_look_alikes_have_one_skeleton(one: str, other: str) -> None:
    assert one != other
    assert skeleton(parse_handle(one)) == skeleton(parse_handle(other))


@pytest.mark.parametrize(
    ("one", "other"), [("alice", "alicia"), ("новости", "новость"), ("خبر", "حبر"), ("abc", "abd")]
)
def test_handles_that_differ_keep_apart(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@given(st.text(min_size=0, max_size=40))
def test_any_text_is_refused_or_becomes_a_handle_that_stays_as_it_is(text: str) -> None:
    try:
        handle = parse_handle(text)
    except ZajilError:
        return
    assert parse_handle(handle) == handle
    assert HANDLE_MIN <= len(handle) <= HANDLE_MAX
    assert skeleton(skeleton(handle)) == skeleton(handle)


def test_the_table_is_what_the_data_say() -> None:
    """Of the Unicode version it was printed with; a newer one only adds letters."""
    twins = dict(pair.split("=") for pair in lookalikes.PAIRS.split())
    assert len(twins) > 500
    if unicodedata.unidata_version == "14.0.0":
        path = sys.modules["zajil.protocol.public.lookalikes"].__file__ or ""
        with open(path, encoding="utf-8") as file:  # noqa: PTH123  # one line of a test
            assert file.read() == render(), "run: python -m tests.protocol.handle_lookalikes > that file"
    assert twins.keys() <= find_twins().keys()


def test_the_browser_has_the_same_letters() -> None:
    """Its tables are ours, and say of every letter whether a handle may hold it as `parse_handle` does."""
    if unicodedata.unidata_version == "14.0.0":
        tables = Path(__file__).parents[2] / "web/src/protocol/public/handletables.ts"
        assert tables.read_text(encoding="utf-8") == handle_letters.render(), (
            "run: python -m tests.protocol.handle_letters"
        )
    letters = {code: side for code, script, side in handle_letters.find_letters() if script < len(SCRIPTS)}
    assert len(letters) > 90_000
    for code, side in letters.items():
        if side != "N" and unicodedata.category(chr(code)) == "Ll":
            assert parse_handle(chr(code) * 3) == chr(code) * 3
