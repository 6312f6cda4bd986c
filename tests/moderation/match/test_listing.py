"""What is listed is met by its copies, and by nobody who only looks like one."""

from __future__ import annotations

import pytest

from zajil.moderation.data.attacks import Attack, dot_out, space_out, swap_homoglyphs, write_leet
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
    keys = lookup_keys(mine.digests, mine.packed, mine.targets)
    known = list_keys(theirs.digests, theirs.packed, theirs.targets)
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


CARD = "Send {} to the card {} by noon and the parcel of the committee is yours, nothing else has to be signed"


@pytest.mark.parametrize(
    "other",
    [
        CARD.format("500", "4276 1234 5678 9011"),
        CARD.format("500", "1234 4276 5678 9010"),
        CARD.format("900", "4276 1234 5678 9010"),
        CARD.format("num3", "4276 1234 5678 9010"),
        CARD.format("500", "num4 num4 num4 num4"),
    ],
)
def test_the_same_letters_with_other_digits_are_near_and_no_copy(other: str) -> None:
    listed = CARD.format("500", "4276 1234 5678 9010")
    assert meets(other, listed) == "near"
    assert meets(listed, other) == "near"


@pytest.mark.parametrize("hide", [swap_homoglyphs, space_out, dot_out, write_leet])
def test_a_disguise_changes_no_digits(hide: Attack) -> None:
    listed = CARD.format("5000", "4276 1234 5678 9010")
    assert hide(listed, "en") != listed
    assert meets(hide(listed, "en"), listed) == "exact"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bring 1000usd to the desk by the river", "bring 10000usd to the desk by the river"),
        ("завтра принесите на набережную 5000р", "завтра принесите на набережную 50000р"),
        ("завтра принесите на набережную 5000р", "завтра принесите на набережную 7000р"),
        ("أحضروا غدا إلى المكتب ٥٠٠ درهم", "أحضروا غدا إلى المكتب ٩٠٠ درهم"),
    ],
)
def test_amounts_in_any_script_and_beside_letters_tell_texts_apart(one: str, other: str) -> None:
    assert meets(one, one) == "exact"
    assert meets(one, other) in ("near", "")
    assert meets(other, one) in ("near", "")


def test_digits_of_any_script_are_the_same_digits() -> None:
    assert meets("أحضروا غدا إلى المكتب ٥٠٠ درهم", "أحضروا غدا إلى المكتب 500 درهم") == "exact"
    assert meets("bring \uff15\uff10\uff10 to the desk", "bring 5\u200b00 to the desk") == "exact"


def test_a_handle_in_look_alike_letters_is_the_same_handle() -> None:
    assert meets("Ask for it at @fеrry_dеsk tоnight", "Ask for it at @ferry_desk tonight") == "exact"
    assert meets("Ask for it at @f3rry_desk tonight", "Ask for it at @ferry_desk tonight") == "near"
