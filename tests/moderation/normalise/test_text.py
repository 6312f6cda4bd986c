"""What the normaliser makes of texts, row by row, and what holds for every text there is."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zajil.moderation.normalise import entities, obfuscation
from zajil.moderation.normalise.entities import Entity
from zajil.moderation.normalise.folding import fold
from zajil.moderation.normalise.survey import Step, Survey
from zajil.moderation.normalise.text import SHORT, VERSION, normalise, normalise_batch

BASES = {
    # steps 1 to 4
    "Hello  World\n\tagain": "hello world again",
    "Ｆｕｌｌｗｉｄｔｈ ﬁne": "fullwidth fine",
    "f\u200bra\u00adud \u202ehidden\u202c": "fraud hidden",
    "z\u0301\u0302\u0303a\u0300l\u0336g\u0489o": "zalgo",
    "\ud800lone\udfff": "lone",
    "nul\0 bell\7": "nul bell",
    "مَرْحَبـــاً بِكُمْ": "مرحبا بكم",
    "أحمد إلى آخر ٱسم على رئة مؤمن کتابی": "احمد الي اخر اسم علي ريه مومن كتابي",
    "Ёлка и Йод": "елка и йод",
    "ΒΑΗΚ οf Αmеrіса": "bahk of america",
    "ہذا ۄطن ڪبير": "هذا وطن كبير",
    "ᴄᴀꜱɪɴᴏ 🅱🅾🅽🆄🆂": "casino bonus",
    "Ꭰꮯꭼ": "dce",
    # step 5: the address is gone, what closed the sentence stays
    "see https://Example.com/a?b=1, then (www.test.org).": "see urltok , then ( urltok ).",
    "t.me/joinchat and пример.рф or bit.ly/xyz": "urltok and urltok or urltok",
    "end.Next one, e.g. this; and/or that; 3.5": "end.next one, e.g. this; and/or that; num1 . num1",
    "mail a.b+c@mail.example.org now": "mail mailtok now",
    "write @some_one, not @x": "write usertok , not ax",
    "call +1 (555) 123-45-67 or 8 912 345 67 89": "call phonetok or phonetok",
    "اتصل ٠١٢٣٤٥٦٧٨٩": "اتصل phonetok",
    "pay 0x52908400098527886E0F7030069857D2E4169EE7": "pay wallettok",
    "on TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW or bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq": "on wallettok or wallettok",
    # step 6
    "f r e e   m o n e y": "free money",
    "к.а.з-и*н_о тут": "казино тут",
    "a b is two, c": "a b is two, c",
    "1 2 3": "num3",
    # step 7
    "пpивeт, кaк дела": "привет, как дела",
    "раурal is sаfе": "paypal is safe",
    "frее mоnеу fоr уоu аnd mе": "free money for you and me",
    "oнa cкaзaлa co cмexoм, чтo вac нeт": "она сказала со смехом, что вас нет",
    "он купил usb, нo нe тaм": "он купил usb, но не там",
    "мaмa": "мама",
    "USB-кабель и iPhoneом": "usb-кабель и ирнопеом",
    # step 8
    "h3ll0 $c4m! m0ney!!!": "hello scam! money!!",
    "7h15 15 4 v3ry g00d d34l 70 m4k3": "this is a very good deal to make",
    "the mp3 of 15 songs": "the mpe of num2 songs",
    "12 and 100500 stay": "num2 and num6 stay",
    "эт0 м0жн0 с7р0и7ь 4ерез 3аб0р": "это можно строить через забор",
    "купил 2кг и 5го дома 4к": "купил num1 кг и num1 го дома num1 к",
    "к@зин0 рядом": "казино рядом",
    # step 9
    "sooooo goooood!!!!!": "soo good!!",
    "1234567 a1": "num6 ai",
    # and round again: what one step brings to light, another one reads
    "w.w.w.b.a.d": "wwbad",
    "e.x.a.m.p.l.e com": "example com",
    "scam.сом": "urltok",
    "bad-c4sino.c0m": "urltok",
    "": "",
    "   \u2003\u2028 ": "",
}  # fmt: skip


@pytest.mark.parametrize(("text", "base"), BASES.items(), ids=[ascii(text)[:40] for text in BASES])
def test_a_text_has_one_spelling(text: str, base: str) -> None:
    assert normalise(text).base == base


def test_entities_are_kept_as_they_were_written() -> None:
    text = "Go HTTPS://Bit.ly/AbC1! mail Me@Site.Org @Nick_1 +44 20 7946 0958 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"
    assert normalise(text).entities == (
        Entity("url", "HTTPS://Bit.ly/AbC1"),
        Entity("mail", "me@site.org"),
        Entity("user", "nick_1"),
        Entity("phone", "+442079460958"),
        Entity("wallet", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
    )


def test_a_hidden_character_inside_an_address_does_not_hide_it() -> None:
    assert normalise("https://bad\u200b.example/Path").entities == (Entity("url", "https://bad.example/path"),)


def test_many_addresses_are_all_taken_out_and_sixty_four_kept() -> None:
    result = normalise(" ".join(f"@user{number}" for number in range(100)))
    assert result.base == " ".join(["usertok"] * 100)
    assert len(result.entities) == 64


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("this is english", "en"),
        ("это по русски", "ru"),
        ("هذا بالعربية", "ar"),
        ("ok", "und"),
        ("123 456 !!", "und"),
        ("你好世界你好", "und"),
        ("Καλημέρα κόσμε τι κάνεις σήμερα", "und"),
        ("Սա հայերեն տեքստ է", "und"),
        ("сlick https://example.com/aaaaaaaaaaaaaaaaa да", "en"),
        ("https://example.com/aaaaaaaaaaaaaaaaa да жми", "ru"),
        ("مرحبا https://example.com 123456 @someone", "ar"),
        ("frее mоnеу fоr аll", "en"),
    ],
)
def test_the_script_says_the_language(text: str, language: str) -> None:
    assert normalise(text).lang == language


def test_a_batch_says_what_each_text_says_alone() -> None:
    texts = [*BASES, "ana b7ebak ya 7abibi", "privet kak dela"]
    assert normalise_batch(texts) == [normalise(text) for text in texts]
    assert normalise_batch([]) == []


def test_the_version_is_in_every_result() -> None:
    assert normalise("x").version == VERSION


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("no word is spelled here", ()),
        ("a b c", ("abc",)),
        ("s e l l i t now and b.u.y it", ("sellit", "buy")),
        ("f r 3 3 m o n e y", ("freemoney",)),
    ],
)
def test_words_that_were_spelled_out_are_named_as_the_base_has_them(text: str, joined: tuple[str, ...]) -> None:
    assert normalise(text).joined == joined


# Every text there is, and texts of what the steps look for, which come close to their edges far more often.
TRICKY = st.text(alphabet="aeзаоxу4301@$!.-_ :/|\u00a0\u200b\u0301ёαλא가각é۵٣\tمى\ud800zk9", max_size=60)
ANY = st.text(alphabet=st.characters(codec=None), max_size=80) | TRICKY


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(text=ANY)
@example(text="a   b   c")
@example(text="22b.c.d")
@example(text="a...b...c")
@example(text="ᄀ.ᅡ.ᆨ")
@example(text="ﷺ")
@example(text="1 2")
@example(text="b9@x ц")
@example(text="7:Йy1 2 3néﷺ-가۵битéىﷺſ:Σc!")
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalise(text)
    assert normalise(once.base).base == once.base
    assert len(once.base) <= max(2 * len(text), SHORT)
    once.base.encode()
    for view in once.views:
        view.text.encode()


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(texts=st.lists(TRICKY.map(fold), min_size=1, max_size=5))
@example(texts=["a!_"])
def test_where_no_step_is_flagged_none_would_change_the_text(texts: list[str]) -> None:
    for text, steps in zip(texts, Survey(texts).find_steps(), strict=True):
        for step, function in (
            (Step.ENTITIES, lambda text: entities.replace_entities(text, [])),
            (Step.SPACED, obfuscation.join_spaced),
            (Step.SCRIPTS, obfuscation.unify_scripts),
            (Step.LEET, obfuscation.read_leet),
            (Step.NUMBERS, obfuscation.name_numbers),
            (Step.REPEATS, obfuscation.shorten_repeats),
            (Step.SPACES, obfuscation.collapse_spaces),
        ):
            assert steps & step or function(text) == text, (step, text)


@pytest.mark.slow
@given(text=st.lists(st.sampled_from(["num", "1", "22", "7777777", " ", "a", "nu", "m", "٣"])).map("".join))
@example(text="num12 1num2num 33num")
def test_numbers_are_named_one_by_one_as_all_at_once(text: str) -> None:
    taken: list[str] = []
    named = obfuscation.take_numbers(text, taken)
    assert named == obfuscation._name_many(text)
    assert taken == obfuscation.NAMED.findall(text)
    assert obfuscation.take_numbers("5 " * 40, taken) == " num1  " * 40


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(text=ANY)
def test_folding_is_idempotent_and_bounded(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert len(folded) <= 2 * len(text)
    assert unicodedata.is_normalized("NFKC", folded)


WORST = {
    "ligatures": "ﷺ" * 8192,
    "marks": "e" + "\u0301\u0323" * 4096,
    "foreign marks": "\u05b0\u0591" * 4096,
    "dots": "." * 8192,
    "dotted": "a." * 4096,
    "dotted words": "ab." * 2730,
    "at signs": "@" * 8192,
    "mail": "a@" * 4096,
    "hyphens": "a-" * 4096,
    "digits": "1" * 8192,
    "spaced digits": "1 " * 4096,
    "brackets": "1(" * 4096,
    "exclamations": "!" * 8192,
    "one word": "a" * 8192,
    "one mixed word": "aц" * 4096,
    "leet": "a1" * 4096,
    "long labels": ("x" * 63 + ".") * 128,
    "slashes": "://" * 2730,
    "wallets": ("1" + "a" * 33 + " ") * 234,
    "spaces": " " * 8191 + "a",
    "www": "www." * 2048,
}


@pytest.mark.parametrize("text", WORST.values(), ids=list(WORST))
def test_the_worst_eight_kib_take_no_square_time(text: str) -> None:
    """Eight times the text takes about eight times as long, where square time would be sixty-four; the room between is
    for a busy machine. How long it is, the bench says."""
    part, whole = (min(_time(text[:size]) for _ in range(5)) for size in (1024, 8192))
    assert whole < 24 * part + 0.005


def _time(text: str) -> float:
    start = time.process_time()
    normalise(text)
    return time.process_time() - start
