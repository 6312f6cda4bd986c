"""A neighbour's language is told from ours by its words, where the script is the same."""

from __future__ import annotations

import pytest

from zajil.moderation.normalise import language as language_module
from zajil.moderation.normalise.language import (
    MIN_PROBABILITY,
    UNSURE,
    Language,
    confirm_language,
    confirm_languages,
)
from zajil.moderation.normalise.text import normalise, normalise_batch
from zajil.moderation.normalise.views import ENGLISH

TEXTS: list[tuple[str, Language]] = [
    ("The market opens again on friday because many people asked for it, see https://example.com", "en"),
    ("Рынок снова откроется в пятницу, потому что об этом просили многие жители нашего города", "ru"),
    ("السوق يفتح من جديد يوم الجمعة لأن كثيرا من الناس طلبوا ذلك في هذه المدينة", "ar"),
    ("Le marché ouvre de nouveau vendredi parce que beaucoup de gens l'ont demandé dans notre ville", "und"),
    ("Ринок знову відкриється у п'ятницю, бо про це просили багато мешканців нашого міста", "und"),
    ("بازار دوباره روز جمعه باز می‌شود چون بسیاری از مردم این شهر آن را خواسته‌اند و ما می‌گوییم", "und"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("text", "confirmed"), TEXTS)
def test_a_neighbouring_language_is_undetermined(text: str, confirmed: Language) -> None:
    result = normalise(text)
    assert result.lang != "und"
    assert confirm_language(result.base, result.lang) == confirmed


@pytest.mark.slow
def test_a_batch_is_confirmed_as_its_texts_are() -> None:
    """By their likelihoods too, which differ in the last digits alone; texts of a few letters are the unsure ones."""
    words = [word for text, _ in TEXTS for word in text.split()]
    texts = [text for text, _ in TEXTS] + [" ".join(words[n : n + 1 + n % 4]) for n in range(len(words))] + ["", "7"]
    read = normalise_batch(texts)
    bases, languages = [text.base for text in read], [text.lang for text in read]
    expected = [confirm_language(base, language) for base, language in zip(bases, languages, strict=True)]
    assert confirm_languages(bases, languages) == expected
    assert {"und", "ar", "en", "ru"} == set(expected)
    identifier = language_module._load_identifier()
    for base, (says, probability) in zip(bases, language_module._find_most_likely(bases), strict=True):
        likeliest, exact = identifier.classify(base)
        assert abs(probability - exact) < UNSURE / 100
        assert says == likeliest or exact < MIN_PROBABILITY


def test_what_is_undetermined_stays_so() -> None:
    assert confirm_language("anything", "und") == "und"
    assert confirm_languages(["anything"], ["und"]) == ["und"]
    assert confirm_languages([], []) == []


def test_there_are_about_150_english_words() -> None:
    assert 145 <= len(ENGLISH) <= 175
