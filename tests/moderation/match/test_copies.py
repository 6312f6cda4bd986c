"""What is a copy of what: one table of pairs for every way in which it is asked, and what made each rule necessary."""

from __future__ import annotations

import pytest

from zajil.moderation.data.attacks import Attack, dot_out, space_out, swap_homoglyphs, write_leet
from zajil.moderation.match.clusters import Confirmed, ConfirmedIndex
from zajil.moderation.match.copies import (
    NEAR,
    compare,
    find_shape,
    is_allowed_with,
    is_near,
    is_removed_with,
    list_keys,
    lookup_keys,
)
from zajil.moderation.match.minhash import find_grams, sign_batch
from zajil.moderation.match.spelling import Spelling, spell_batch
from zajil.moderation.normalise.text import normalise

NEWS = "The bridge is closed from Monday on, the ferry takes over, read more at {} or ask on board"
CARD = "Send {} to the card {} by noon and the parcel of the committee is yours, nothing else has to be signed"
LONGER = (
    " of it. Whoever has a season ticket goes on board with it, and everybody else buys one from the man at the gate, "
    "who is there from six in the morning until the last boat has left, also on Sundays and in the holidays of June"
)
RUSSIAN = "Переведи деньги на карту срочно, и завтра в полдень получишь вдвое больше, чем отправил сегодня"
RUSSIAN_IN_LATIN = "Perevedi dengi na kartu srochno, i zavtra v polden poluchish vdvoe bolshe, chem otpravil segodnya"
ARABIC = "أرسل المبلغ إلى بطاقتنا الليلة وغدا في الظهر يرجع إليك ضعف ما أرسلته من غير سؤال ولا انتظار"


def spell(text: str) -> Spelling:
    return spell_batch([text], [normalise(text)])[0]


def meets(text: str, listed: str) -> str:
    """What a text is of a listed one by the keys of both: `same`, `near` or nothing."""
    mine, theirs = spell(text), spell(listed)
    keys = lookup_keys(mine.digests, mine.targets)
    known = list_keys(theirs.digests, theirs.targets)
    if not known.keys().isdisjoint(keys.same):
        return "same"
    return "near" if not known.keys().isdisjoint(keys.near) else ""


def finds(text: str, listed: str) -> bool:
    """Whether a text is found near a confirmed one by the windows of both."""
    mine, theirs = spell(text), spell(listed)
    index = ConfirmedIndex()
    for each in sign_batch([theirs.packed])[0]:
        index.confirm(Confirmed("one", "fraud", find_grams(theirs.packed), len(theirs.packed), theirs.targets), each)
    signatures, _ = sign_batch([mine.packed])
    return any(index.find(mine.packed, each, mine.targets) is not None for each in signatures)


# Each row says what its text is of the texts in its column: s the same, n near, . another.
TABLE = [
    ("link", NEWS.format("https://news.example/ferry"), "s"),
    ("link in look-alikes", swap_homoglyphs(NEWS, "en").format("https://news.example/ferry"), "ss"),
    ("other link", NEWS.format("https://phish.example/ferry"), "nns"),
    ("no link", NEWS.format("urltok"), "nnns"),
    ("a word more", NEWS.format("https://news.example/ferry") + " ship", "nnnns"),
    ("both", NEWS.format("https://phish.example/ferry") + " ship", "nnnnns"),
    ("half of it", NEWS[:48], "......s"),
    ("card", CARD.format("5000", "4276 1234 5678 9010"), ".......s"),
    ("card in leet", write_leet(CARD, "en").format("5000", "4276 1234 5678 9010"), ".......ss"),
    ("other card", CARD.format("5000", "4276 1234 5678 9011"), ".......nns"),
    ("other sum", CARD.format("7000", "4276 1234 5678 9010"), ".......nnns"),
    ("ru", RUSSIAN, "...........s"),
    ("ru letter by letter", space_out(RUSSIAN, "ru"), "...........ss"),
    ("ru in Latin", RUSSIAN_IN_LATIN, "...........nns"),
    ("ru, other vowels", RUSSIAN.replace("и", "о"), ".............ns"),
    ("ru, a line more", f"{RUSSIAN} А вот и ещё одна строка, которой там не было", "...............s"),
    ("ar", ARABIC, "................s"),
    ("ar pointed", write_leet(ARABIC, "ar"), "................ss"),
    ("short", "Ask for it at @desk_7", "..................s"),
    ("short, other", "Ask for it at @desk_8", "..................ns"),
]


@pytest.mark.parametrize("row", range(len(TABLE)), ids=[name for name, _, _ in TABLE])
def test_every_text_is_of_every_other_what_the_table_says(row: int) -> None:
    _, text, said = TABLE[row]
    kinds = {"s": "same", "n": "near", ".": "other"}
    for (name, other, _), letter in zip(TABLE, said, strict=False):
        likeness = compare(spell(text), spell(other))
        assert likeness.kind == kinds[letter], name
        assert compare(spell(other), spell(text)) == likeness, name
        # What is looked up among listed texts, and among confirmed clusters, finds just that, either way round.
        for one, listed in ((text, other), (other, text)):
            by_keys, by_windows = meets(one, listed), finds(one, listed)
            assert by_windows == (likeness.jaccard >= NEAR), name
            assert (by_keys == "same") == (likeness.kind == "same"), name
            assert bool(by_keys or by_windows) == (likeness.kind != "other"), name


def test_a_judgement_of_many_reaches_whom_the_page_says() -> None:
    judged = find_shape(spell(NEWS.format("https://news.example/ferry") + LONGER))
    copies = {
        "itself": NEWS.format("https://news.example/ferry") + LONGER,
        "a word more": NEWS.format("https://news.example/ferry") + LONGER + " ship",
        "a line more": NEWS.format("https://news.example/ferry") + LONGER + " and bring whatever you need for a day",
        "other link": NEWS.format("https://phish.example/ferry") + LONGER,
        "half of it": LONGER,
    }
    shapes = {name: find_shape(spell(text)) for name, text in copies.items()}
    assert [name for name, each in shapes.items() if is_allowed_with(each, judged)] == ["itself", "a word more"]
    assert [name for name, each in shapes.items() if is_removed_with(each, judged)] == [
        "itself",
        "a word more",
        "a line more",
    ]
    assert is_near(shapes["other link"], judged)


def test_the_same_letters_with_another_link_are_near_and_no_copy() -> None:
    true, false = NEWS.format("https://news.example/ferry"), NEWS.format("https://phish.example/ferry")
    assert meets(true, true) == "same"
    assert meets(true.upper().replace("HTTPS://NEWS.EXAMPLE/FERRY", "https://news.example/ferry"), true) == "same"
    assert meets(true, false) == "near"
    assert meets(false, true) == "near"
    # A word that is written as normalising writes an address is none.
    assert meets(NEWS.format("urltok"), false) == "near"
    assert meets(true, NEWS.format("urltok")) == "near"
    assert meets(NEWS.format("the quay"), NEWS.format("the quay")) == "same"


@pytest.mark.parametrize("innocent", [RUSSIAN, ARABIC])
@pytest.mark.parametrize("threat", ["We will burn your house", "https://phish.example/x", "777 13 666", "βόμβα"])
def test_an_innocent_text_is_not_what_was_removed_beside_it(innocent: str, threat: str) -> None:
    for harmful in (f"{innocent} {threat}", f"{threat} {innocent}"):
        assert meets(innocent, harmful) == ""
        assert meets(harmful, innocent) == ""


def test_a_transliterated_copy_is_near_and_other_vowels_in_its_own_script_are_nothing() -> None:
    assert meets(RUSSIAN_IN_LATIN, RUSSIAN) == "near"
    assert meets(RUSSIAN, RUSSIAN_IN_LATIN) == "near"
    assert meets(RUSSIAN, RUSSIAN) == "same"
    assert meets(RUSSIAN.replace("деньги", "данага"), RUSSIAN) == ""


def test_an_address_hides_no_transliterated_copy() -> None:
    assert meets(f"{RUSSIAN_IN_LATIN} @desk_7", f"{RUSSIAN} @desk_7") == "near"
    assert meets(f"{RUSSIAN_IN_LATIN} @desk_7", RUSSIAN) == ""


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
    assert meets(hide(listed, "en"), listed) == "same"


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
    assert meets(one, one) == "same"
    assert meets(one, other) in ("near", "")
    assert meets(other, one) in ("near", "")


def test_digits_of_any_script_are_the_same_digits() -> None:
    assert meets("أحضروا غدا إلى المكتب ٥٠٠ درهم", "أحضروا غدا إلى المكتب 500 درهم") == "same"
    assert meets("bring \uff15\uff10\uff10 to the desk", "bring 5\u200b00 to the desk") == "same"


def test_a_handle_in_look_alike_letters_is_the_same_handle() -> None:
    assert meets("Ask for it at @fеrry_dеsk tоnight", "Ask for it at @ferry_desk tonight") == "same"
    assert meets("Ask for it at @f3rry_desk tonight", "Ask for it at @ferry_desk tonight") == "near"


def test_a_link_is_the_same_in_every_spelling_of_it() -> None:
    listed = NEWS.format("https://phish.example/Ferry")
    for link in (
        "http://PHISH.example/Ferry/",
        "https://phish.example:443/Ferry?utm_source=7",
        "phish.example/Ferry#9",
    ):
        assert meets(NEWS.format(link), listed) == "same", link
    for link in ("https://phish.example/ferry", "https://phish.example/Ferry?id=7", "https://phish.example.net/Ferry"):
        assert meets(NEWS.format(link), listed) == "near", link
