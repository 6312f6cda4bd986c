"""Folding and matching: the vectors say what, these what holds for any text."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.protocol.limits import TEXT_BYTES
from zajil.protocol.search.folding import fold, fold_places
from zajil.protocol.search.matching import QUERY_CHARACTERS, TERMS_MAX, find_marks, matches, parse_query

LETTERS = st.sampled_from("аеёийЙcé\u0301\u0306\u0323سٱأىيةهـَٰلا \u200d\u202e\u2067ﬁßΣ1١\ud800\U000e0061ה\u0596ָ\u0489가")
TEXTS = st.text() | st.text(LETTERS)


@given(TEXTS)
def test_letter_by_letter_is_as_the_whole(text: str) -> None:
    folded, places = fold_places(text)
    assert folded == fold(text)
    assert len(places) == len(folded) + 1
    assert places == sorted(places)
    assert places[-1] == len(text)


@given(TEXTS)
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(TEXTS, TEXTS)
def test_marks_lie_in_the_text_and_say_that_it_was_found(query: str, text: str) -> None:
    parsed = parse_query(query)
    marks = find_marks(parsed, text)
    assert all(0 <= mark.start < mark.end <= len(text) for mark in marks)
    assert all(one.end < other.start for one, other in pairwise(marks))
    if matches(parsed, [text]):
        assert marks
    if len(parsed.terms) == 1:
        assert bool(marks) == matches(parsed, [text])


@given(st.text(LETTERS, min_size=1))
def test_a_text_is_found_by_itself(text: str) -> None:
    parsed = parse_query(text)
    assert matches(parsed, [text]) == bool(parsed.terms)


def test_a_term_may_stand_in_the_name_of_a_file() -> None:
    parsed = parse_query("отчёт март")
    assert matches(parsed, ["вот отчет", "MAPT.pdf", "март.pdf"])
    assert not matches(parsed, ["вот отчет", "MAPT.pdf"]), "look-alikes are no spelling"


@pytest.mark.parametrize("query", ["", "a", " ё ", "!?", '""', "🎉", "\u0301\u0301\u0301", "ـــ"])
def test_a_query_without_two_letters_finds_nothing(query: str) -> None:
    assert parse_query(query).terms == ()
    assert not matches(parse_query(query), [query, "anything"])


def test_a_hostile_query_is_cut() -> None:
    assert len(parse_query(" ".join(f"w{n}" for n in range(500))).terms) == TERMS_MAX
    assert parse_query("x" * 10_000).terms[0].words == ("x" * QUERY_CHARACTERS,)
    assert parse_query("ﷺ" * 200).terms  # eighteen letters each


@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u05b0\u0591", "\u0344\u0323", "\u0591\u05b0\u0640\u200b"])
def test_a_letter_under_a_heap_of_marks_takes_no_time(marks: str) -> None:
    text = "Caf\u00e9 a" + marks * (TEXT_BYTES // 2 // len(marks)) + " b\u0306"
    began = time.thread_time()
    folded, places = fold_places(text)
    assert fold(text) == folded
    assert len(places) == len(folded) + 1
    assert matches(parse_query("cafe"), [text])
    assert time.thread_time() - began < 1, "of the processor, of which others take what they like"
