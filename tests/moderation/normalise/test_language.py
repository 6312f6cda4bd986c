"""A neighbour's language is told from ours by its words, where the script is the same."""

from __future__ import annotations

import pytest

from zajil.moderation.normalise.language import Language, confirm_language
from zajil.moderation.normalise.text import normalise
from zajil.moderation.normalise.views import ENGLISH


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "confirmed"),
    [
        ("The market opens again on friday because many people asked for it, see https://example.com", "en"),
        ("Рынок снова откроется в пятницу, потому что об этом просили многие жители нашего города", "ru"),
        ("السوق يفتح من جديد يوم الجمعة لأن كثيرا من الناس طلبوا ذلك في هذه المدينة", "ar"),
        ("Le marché ouvre de nouveau vendredi parce que beaucoup de gens l'ont demandé dans notre ville", "und"),
        ("Ринок знову відкриється у п'ятницю, бо про це просили багато мешканців нашого міста", "und"),
        ("بازار دوباره روز جمعه باز می‌شود چون بسیاری از مردم این شهر آن را خواسته‌اند و ما می‌گوییم", "und"),
    ],
)
def test_a_neighbouring_language_is_undetermined(text: str, confirmed: Language) -> None:
    result = normalise(text)
    assert result.lang != "und"
    assert confirm_language(result.base, result.lang) == confirmed


def test_what_is_undetermined_stays_so() -> None:
    assert confirm_language("anything", "und") == "und"


def test_there_are_about_150_english_words() -> None:
    assert 145 <= len(ENGLISH) <= 175
