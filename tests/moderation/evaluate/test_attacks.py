"""Attacks change what is seen, the same way each time; the normaliser undoes those that it should."""

from __future__ import annotations

import pytest

from zajil.moderation.categories import Language
from zajil.moderation.data.attacks import TRAINED, UNSEEN
from zajil.moderation.normalise.text import normalise

TEXTS: dict[Language, str] = {
    "en": "please send the deposit before friday evening and keep it secret",
    "ru": "переведите предоплату до вечера пятницы и никому не рассказывайте",
    "ar": "حول العربون قبل مساء الجمعة ولا تخبر أحدا من الجيران",
}


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("name", [*TRAINED, *UNSEEN])
def test_an_attack_hides_the_text_the_same_way_each_time(name: str, language: Language) -> None:
    attack = {**TRAINED, **UNSEEN}[name]
    text = TEXTS[language]
    assert attack(text, language) == attack(text, language)
    assert (attack(text, language) == text) == ((name, language) == ("latin", "en"))
    assert attack("", language) == ""


def test_none_of_the_unseen_is_trained_on() -> None:
    assert not set(TRAINED) & set(UNSEEN)


@pytest.mark.parametrize(
    ("name", "language"),
    [("homoglyph", "en"), ("homoglyph", "ru"), ("homoglyph", "ar"), ("leet", "en"), ("leet", "ar"), ("mixed", "en")],
)
def test_the_normaliser_undoes_most_of_it(name: str, language: Language) -> None:
    clean = set(normalise(TEXTS[language]).base.split())
    hidden = set(normalise({**TRAINED, **UNSEEN}[name](TEXTS[language], language)).base.split())
    assert len(clean & hidden) / len(clean) >= 0.5
