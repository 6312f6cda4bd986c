"""Folding for search word by word gives what folding the whole text gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.moderation.normalise.folding import fold_search
from zajil.moderation.searching import LONGEST, fold_words

PIECES = st.one_of(
    st.text(max_size=12),
    st.text(st.sampled_from("والكتابةهاتﷺـ\u0640\u064b"), max_size=8),
    st.text(st.sampled_from("абвгЁё\u0301\u200dΣσςİﬁ"), max_size=8),
    st.sampled_from(["Dogs_run", "собаками", "والمكتبات", "x" * (LONGEST + 1), " ", "\n"]),
)


@given(st.lists(PIECES, max_size=8))
def test_word_by_word_is_the_same_as_whole(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert fold_words(text) == fold_search(text)


@pytest.mark.parametrize("text", ["Собаки, и the Dogs_run!", "والمكتبات المكتبة", " ... ", ""])
def test_twice_is_the_same_as_once(text: str) -> None:
    assert fold_words(text) == fold_words(text) == fold_search(text)
