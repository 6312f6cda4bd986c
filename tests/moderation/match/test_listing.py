"""What is listed is met by its copies, and by nobody who only looks like one."""

from __future__ import annotations

import pytest

from zajil.moderation.match.listing import list_keys, lookup_keys
from zajil.moderation.match.spelling import spell_batch
from zajil.moderation.normalise.text import normalise

NEWS = "The bridge is closed from Monday on, the ferry takes over, read more at {} or ask on board"
RUSSIAN = "Переведи деньги на карту срочно, и завтра в полдень получишь вдвое больше, чем отправил сегодня"
RUSSIAN_IN_LATIN = "Perevedi dengi na kartu srochno, i zavtra v polden poluchish vdvoe bolshe, chem otpravil segodnya"
ARABIC = "أرسل المبلغ إلى بطاقتنا الليلة وغدا في الظهر يرجع إليك ضعف ما أرسلته من غير سؤال ولا انتظار"


def meets(text: str, listed: str) -> str:
    """`exact`, `near` or nothing: what a text is of a listed one."""
    one, other = normalise(text), normalise(listed)
    (mine,), (theirs,) = spell_batch([text], [one]), spell_batch([listed], [other])
    keys = lookup_keys(mine.digests, mine.packed, one.entities)
    known = list_keys(theirs.digests, theirs.packed, other.entities)
    if not known.keys().isdisjoint(keys.exact):
        return "exact"
    return "near" if not known.keys().isdisjoint(keys.near) else ""


def test_the_same_letters_with_another_link_are_near_and_no_copy() -> None:
    true, false = NEWS.format("https://news.example/ferry"), NEWS.format("https://phish.example/ferry")
    assert meets(true, true) == "exact"
    assert meets(true.upper().replace("HTTPS://NEWS.EXAMPLE/FERRY", "https://news.example/ferry"), true) == "exact"
    assert meets(true, false) == "near"
    assert meets(false, true) == "near"
    # A word that is written as normalising writes an address is none.
    assert meets(NEWS.format("urltok"), false) == "near"
    assert meets(true, NEWS.format("urltok")) == "near"
    assert meets(NEWS.format("the quay"), NEWS.format("the quay")) == "exact"


@pytest.mark.parametrize("innocent", [RUSSIAN, ARABIC])
@pytest.mark.parametrize("threat", ["We will burn your house", "https://phish.example/x", "777 13 666", "βόμβα"])
def test_an_innocent_text_is_not_what_was_removed_beside_it(innocent: str, threat: str) -> None:
    for harmful in (f"{innocent} {threat}", f"{threat} {innocent}"):
        assert meets(innocent, harmful) == ""
        assert meets(harmful, innocent) == ""


def test_a_transliterated_copy_is_near_and_other_vowels_in_its_own_script_are_nothing() -> None:
    assert meets(RUSSIAN_IN_LATIN, RUSSIAN) == "near"
    assert meets(RUSSIAN, RUSSIAN_IN_LATIN) == "near"
    assert meets(RUSSIAN, RUSSIAN) == "exact"
    assert meets(RUSSIAN.replace("деньги", "данага"), RUSSIAN) == ""


def test_an_address_hides_no_transliterated_copy() -> None:
    assert meets(f"{RUSSIAN_IN_LATIN} @desk_7", f"{RUSSIAN} @desk_7") == "near"
    assert meets(f"{RUSSIAN_IN_LATIN} @desk_7", RUSSIAN) == ""
