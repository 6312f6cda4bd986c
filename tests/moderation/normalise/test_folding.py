"""Folding's tables are closed and current, and a search finds the word in another form."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from zajil.moderation.normalise import folding
from zajil.moderation.normalise.folding import DELETED, LAST_SCRIPT, TABLE, find_search_terms, fold, fold_search

CONFUSABLES = Path(folding.__file__).with_name("confusables.json")


def test_the_table_of_lookalikes_is_what_its_module_prints() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "zajil.moderation.normalise.confusables"], check=True, capture_output=True
    )
    assert printed.stdout.decode() == CONFUSABLES.read_text(encoding="utf-8")


def test_no_result_of_the_table_is_changed_by_it_again() -> None:
    results = TABLE[TABLE != DELETED]
    assert (TABLE[results] == results).all()
    changed = np.flatnonzero(np.arange(len(TABLE)) != TABLE)
    kept = changed[TABLE[changed] != DELETED]
    assert all(chr(code).lower() == chr(code) for code in TABLE[kept])


def test_nothing_that_matters_lies_above_the_planes_that_are_read() -> None:
    for code in range(LAST_SCRIPT + 1, sys.maxunicode + 1):
        letter = chr(code)
        assert TABLE[code] == DELETED or unicodedata.category(letter) != "Cf"
        assert not unicodedata.combining(letter)
        assert unicodedata.normalize("NFKC", letter) == letter


@pytest.mark.parametrize(
    "letter", "абвгдежзийклмнопрстуфхцчшщъыьэюяابتثجحخدذرزسشصضطظعغفقكلمنهويءabcdefghijklmnopqrstuvwxyz"
)
def test_no_letter_of_our_languages_is_folded_away(letter: str) -> None:
    assert fold(letter) == letter


SAME_WORD = {
    "ar": [
        ("كتاب", "الكتاب"), ("كتاب", "كِتَابٌ"), ("مدرسة", "المدرسه"), ("سيارة", "السياره"), ("معلمة", "معلمات"),
        ("مهندس", "مهندسون"), ("أحمد", "احمد"), ("إسلام", "الاسلام"), ("مسؤول", "المسوول"), ("قرآن", "قران"),
        ("على", "علي"), ("معلّم", "المعلمين"), ("بيت", "بيتها"), ("سوق", "والسوق"), ("خبر", "بالخبر"),
    ],
    "ru": [
        ("собака", "собаки"), ("собака", "собакой"), ("ёлка", "елки"), ("деньги", "деньгами"), ("новость", "новостей"),
        ("большой", "большая"), ("город", "городе"), ("работа", "работать"), ("читать", "читал"), ("выбор", "выборах"),
        ("полёт", "полета"), ("книга", "книгу"), ("дорога", "дорогам"), ("канал", "каналов"), ("друг", "другу"),
    ],
    "en": [("running", "run"), ("channels", "channel"), ("café", "cafe"), ("Posted", "posts"), ("news", "NEWS")],
}  # fmt: skip


@pytest.mark.parametrize(("one", "other"), [pair for pairs in SAME_WORD.values() for pair in pairs])
def test_a_word_is_found_in_another_form(one: str, other: str) -> None:
    assert {stem for _, stem in find_search_terms(one)} == {stem for _, stem in find_search_terms(other)}


def test_the_index_holds_the_form_and_the_stem() -> None:
    assert fold_search("Собаки, и the Dogs_run!") == "собаки собак и the dogs dog run"
    assert list(find_search_terms("الكتب")) == [("الكتب", "كتب")]
    assert fold_search(" ... ") == ""
