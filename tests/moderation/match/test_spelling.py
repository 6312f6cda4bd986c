"""Disguised copies are known by their letters, and transliterated ones by their consonants; other texts are not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zajil.moderation.data.attacks import dot_out, space_out, swap_homoglyphs, write_leet
from zajil.moderation.match.spelling import CONSONANTS, Spelling, find_consonants, pack, spell_batch
from zajil.moderation.normalise.text import normalise, normalise_batch

RUSSIAN = "Переведи деньги на карту срочно, и завтра в полдень получишь вдвое больше, чем отправил сегодня"
ARABIC = "أرسل المبلغ إلى بطاقتنا الليلة وغدا في الظهر يرجع إليك ضعف ما أرسلته من غير سؤال ولا انتظار"
# As people write these, not as a function of the project does.
RUSSIAN_IN_LATIN = "Perevedi dengi na kartu srochno, i zavtra v polden poluchish vdvoe bolshe, chem otpravil segodnya"
ARABIC_IN_LATIN = (
    "arsel el mabla3' ila be6a8tena el leila w 3'ada fi el 6'ohr yerja3 elek de3f ma arsalto men 3'er so2al "
    "wla ente6'ar"
)


def spell(text: str) -> Spelling:
    return spell_batch([text], [normalise(text)])[0]


def meets(copy: str, first: str) -> bool:
    """Whether a copy is known once every reading of the first is listed."""
    return not set(spell(copy).digests.values()).isdisjoint(spell(first).digests.values())


@pytest.mark.parametrize(
    "copy",
    [
        "DOUBLE your money, write @boss_1 today",
        "Dоublе уоur mоnеу, writе @boss_1 tоdау",
        "D o u b l e your money,  write @boss_1 today",
        "Double your m o n e y, w r i t e @b o s s_1 today",
        "D0uble y0ur m0ney, wr1te @boss_1 t0day",
        "Do\u200buble your mo\u00adney, write @boss_1 to\u202eday",
        "𝐃𝐨𝐮𝐛𝐥𝐞 𝐲𝐨𝐮𝐫 𝐦𝐨𝐧𝐞𝐲, write @other_2 today",
    ],
)
def test_disguised_copies_have_the_digest_of_the_first(copy: str) -> None:
    assert spell(copy).digests["base"] == spell("Double your money, write @boss_1 today").digests["base"]


@pytest.mark.parametrize("hide", [swap_homoglyphs, space_out, dot_out, write_leet])
@pytest.mark.parametrize(("text", "language"), [(RUSSIAN, "ru"), (ARABIC, "ar")])
def test_russian_and_arabic_copies_too(hide: object, text: str, language: str) -> None:
    assert callable(hide)
    hidden = hide(text, language)
    assert hidden != text
    assert spell(hidden).digests["base"] == spell(text).digests["base"]


def test_what_joined_letters_swallow_does_not_count() -> None:
    """Joining takes the marks between letters and a word of one letter beside them: the text is known all the same."""
    spaced = "П е р е в е д и  д е н ь г и на карту, и з а в т р а. Получишь больше"
    assert spell(spaced).packed == spell("Переведи деньги на карту и завтра получишь больше").packed


@pytest.mark.parametrize(("copy", "first"), [(RUSSIAN_IN_LATIN, RUSSIAN), (ARABIC_IN_LATIN, ARABIC)])
def test_a_transliterated_copy_meets_the_text_it_was_made_from(copy: str, first: str) -> None:
    assert meets(copy, first)
    assert meets(first, copy)
    assert not meets(f"{copy} bokra", first), "a word more is another text"


def test_a_short_text_is_not_known_by_its_consonants() -> None:
    assert [name for name in spell("Переведи деньги на карту").digests if name.endswith(CONSONANTS)] == []
    assert "base" in spell("Переведи деньги на карту").digests


def test_consonants_of_both_scripts_and_none_of_others() -> None:
    assert find_consonants(["щука и цапля", "ثلج شديد", "hello", ""]) == ["счктспл", "تلجسد", "", ""]


def test_numbers_beside_russian_words_are_no_letters_of_other_texts() -> None:
    assert not meets("Встреча в 14:30 у входа, возьмите 3 стула", "Встреча в 10:20 у входа, возьмите зонт и стула")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=80), max_size=6))
def test_a_batch_says_what_each_text_alone_says(texts: list[str]) -> None:
    assert spell_batch(texts, normalise_batch(texts)) == [spell(text) for text in texts]
    assert all(" " not in pack(text) for text in texts)
