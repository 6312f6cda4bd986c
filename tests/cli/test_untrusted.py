"""Hostile names and messages cannot steer the terminal, forge a line or turn the text around them."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.cli.untrusted import clean_name, clean_text, is_rtl, isolate, json_line

ATTACKS = {
    "clear the screen": ("\x1b[2J\x1b[Hsafe", "safe"),
    "colour as a system message": ("\x1b[1;31mserver: you are banned\x1b[0m", "server: you are banned"),
    "retitle the window": ("\x1b]0;root@host\x07hello", "hello"),
    "write to the clipboard": ("\x1b]52;c;cm0gLXJmIH4=\x1b\\hello", "hello"),
    "link elsewhere": ("\x1b]8;;http://evil/\x1b\\bank\x1b]8;;\x1b\\", "bank"),
    "8-bit introducer": ("\x9b31mred\x9b0m", "red"),
    "8-bit operating system command": ("\x9d0;title\x9chello", "hello"),
    "unterminated command": ("\x1b]0;swallow the rest", ""),
    "device control": ("\x1bP$q m\x1b\\x", "x"),
    "answerback and bells": ("a\x05\x07\x08b", "ab"),
    "overwrite the line": ("nice\rEvil: forged", "nice\nEvil: forged"),
    "turn the reading order": ("invoice\u202egpj.exe", "invoicegpj.exe"),
    "open an isolate": ("\u2066\u2067\u2068abc", "abc"),
    "close somebody's isolate": ("\u2069\u202cabc", "abc"),
    "invisible separators": ("pay\u2060pal\ufeff", "paypal"),
    "split sequence": ("\x1b\x1b[31mx", "x"),
}
KEPT = (
    "مرحبًا بكم في زاجل",
    "می‌خواهم",
    "Привет, мир!",
    "👩‍👩‍👧‍👦 🏴󠁧󠁢󠁥󠁮󠁧󠁿 ❤️ 🤷🏽‍♀️",
    "a\u200eb\u200fc",
    "tab\tand\nlines",
    "עברית and English",
    "[red]not markup[/red] :smile:",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_on_the_terminal_is_taken_out(attack: str) -> None:
    hostile, harmless = ATTACKS[attack]
    assert clean_text(hostile) == harmless


@pytest.mark.parametrize("text", KEPT)
def test_honest_text_stays_as_it_was(text: str) -> None:
    assert clean_text(text) == text


@given(st.text())
def test_nothing_that_steers_a_terminal_survives(text: str) -> None:
    shown = clean_text(text)
    assert all(c in "\n\t" or unicodedata.category(c) != "Cc" for c in shown)
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(shown)
    assert clean_text(shown) == shown


@given(st.text())
def test_a_name_is_one_visible_line(name: str) -> None:
    shown = clean_name(name)
    assert shown.strip()
    assert "\n" not in shown
    assert "\t" not in shown
    assert not any(unicodedata.category(c) in {"Cc", "Zl", "Zp"} for c in shown)


def test_a_name_cannot_paint_over_the_lines_around_it() -> None:
    assert clean_name("Z" + "\u0336\u0321" * 40) == "Z" + "\u0336\u0321\u0336"
    assert clean_name("\u200b\u3164\u2800") == "?"
    assert clean_name("  two\nlines ") == "two lines"
    assert clean_name("مُحَمَّد") == "مُحَمَّد"


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=())))
def test_json_keeps_every_character_and_steers_no_terminal(text: str) -> None:
    line = json_line({"text": text})
    assert json.loads(line) == {"text": text}
    assert "\n" not in line
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in line)
    assert not set("\u202d\u202e\u2066\u2069\u2028") & set(line)


def test_direction() -> None:
    assert is_rtl("١٢ مرحبا hello")
    assert not is_rtl("hello مرحبا")
    assert isolate("plain") == "plain"
    assert isolate("أمينة") == "\u2068أمينة\u2069"
    assert isolate("Boris", in_rtl=True) == "\u2068Boris\u2069"
    assert isolate("2026-11-25", in_rtl=True) == "\u20682026-11-25\u2069"
    assert [isolate(plain, in_rtl=rtl) for plain, rtl in (("25", True), ("2026-11-25", False))] == ["25", "2026-11-25"]
