"""What the town posts: planted texts of three kinds in three languages, each with its copies, among lines of all sorts.

The copies are what senders of such texts really do to get past filters, made by the same functions that the model was
trained against. The lines between them are the project's own suites, half of them harmless contrasts, and sentences
made here; no line of them is a copy of another.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from zajil.moderation.categories import Language
from zajil.moderation.data.attacks import dot_out, space_out, swap_homoglyphs, write_latin, write_leet

SUITES: Final = Path(__file__).resolve().parents[2] / "suites"
LANGUAGES: Final[tuple[Language, ...]] = ("ar", "en", "ru")
CATEGORY: Final = {"fraud": "fraud", "sabotage": "violence_incitement", "incitement": "violence_incitement"}
SUB: Final = {"fraud": "", "sabotage": "sabotage", "incitement": "threat"}

FAMILIES: Final[dict[tuple[str, Language], str]] = {
    ("fraud", "en"): (
        "Dear friends of the river quarter, our private desk offers guaranteed profit to the first forty families who "
        "bring their savings this week, every sum comes back doubled before the month ends, so write to "
        "@harbour_desk_7 tonight and tell nobody at the bank"
    ),
    ("fraud", "ru"): (
        "Дорогие соседи с набережной, наша закрытая контора предлагает гарантированную прибыль первым сорока семьям, "
        "которые принесут сбережения на этой неделе, каждая сумма вернётся вдвое до конца месяца, пишите сегодня "
        "@kontora_gavan и ничего не говорите в банке"
    ),
    ("fraud", "ar"): (
        "يا أهل حي النهر الكرام مكتبنا الخاص يعرض ربح مضمون على أول أربعين عائلة تسلم مدخراتها هذا الأسبوع وكل مبلغ "
        "يرجع مضاعفا قبل نهاية الشهر راسلوا الليلة @maktab_mina ولا تخبروا أحدا في المصرف"
    ),
    ("sabotage", "en"): (
        "Evening work for those who ask no questions, we pay for arson of whatever keeps the lights of this district "
        "on, the sum grows with the size of the flame and nobody ever learns your name, the offer stands until "
        "winter, ask @night_errand_9 for the address"
    ),
    ("sabotage", "ru"): (
        "Вечерняя работа для тех, кто не задаёт вопросов, заплатим за поджог всего, на чём держится свет в этом "
        "районе, сумма растёт вместе с пламенем и имени вашего никто не узнает, предложение в силе до зимы, адрес "
        "спрашивайте у @nochnoy_zakaz"
    ),
    ("sabotage", "ar"): (
        "عمل مسائي لمن لا يطرح الأسئلة ندفع مقابل الحرق لكل ما يبقي أنوار هذا الحي مضاءة والمبلغ يكبر مع اللهب ولن "
        "يعرف أحد اسمك والعرض قائم حتى الشتاء واسأل عن العنوان عند @talab_layli"
    ),
    ("incitement", "en"): (
        "They came to our quarter without asking anybody and took the houses by the old mill, and every evening we "
        "hear them laugh behind our own windows, now the time has come, kill them all before the snow melts, let "
        "not one of them walk out of these streets"
    ),
    ("incitement", "ru"): (
        "Они пришли в наш квартал никого не спросив и заняли дома у старой мельницы, и каждый вечер мы слышим их смех "
        "за нашими же окнами, теперь пора, убейте их всех, пока не растаял снег, пусть ни один из них не выйдет с "
        "этих улиц"
    ),
    ("incitement", "ar"): (
        "جاؤوا إلى حينا دون أن يسألوا أحدا وأخذوا البيوت عند الطاحونة القديمة وكل مساء نسمع ضحكهم خلف نوافذنا والآن "
        "حان الوقت اقتلوهم جميعا قبل أن يذوب الثلج ولا تدعوا واحدا منهم يخرج من هذه الشوارع"
    ),
}
TAILS: Final[dict[Language, tuple[str, str]]] = {
    "en": ("please hurry", "good people"),
    "ru": ("поторопитесь", "люди добрые"),
    "ar": ("لا تتأخروا", "يا ناس"),
}
_LETTERS: Final[dict[Language, dict[str, str]]] = {
    "ar": dict(zip(
        "اأإآبتثجحخدذرزسشصضطظعغفقكلمنهويىةؤئ",
        ("a", "a", "i", "aa", "b", "t", "th", "g", "h", "kh", "d", "z", "r", "z", "s", "sh", "s", "d", "t", "z", "a",
         "gh", "f", "q", "k", "l", "m", "n", "h", "w", "y", "a", "ah", "o", "e"),
        strict=True,
    )),
    "ru": dict(zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        ("a", "b", "v", "g", "d", "e", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f",
         "h", "c", "ch", "sh", "sch", "", "y", "", "e", "yu", "ya"),
        strict=True,
    )),
}  # fmt: skip


def write_by_letters(text: str, language: Language) -> str:
    """Latin letters as others write them: in Arabic no digits and no short vowels, in Russian h, c and sch."""
    table = _LETTERS[language]
    return "".join(table.get(letter, letter) for letter in text.lower())


DISGUISES: Final[dict[str, Callable[[str, Language], str]]] = {
    "homoglyphs": swap_homoglyphs,
    "spacing": space_out,
    "dots": dot_out,
    "leet": write_leet,
    "latin": write_latin,
    "latin by letters": write_by_letters,
}
"""`latin` is Arabizi for Arabic and transliteration for Russian; English has no such copies."""
LATIN: Final = frozenset({"latin", "latin by letters"})
EXACT_COPIES: Final = 4
WRONGED: Final = (
    "A warning from the reading circle: a man at the market promises to double what people bring him and shows a "
    "paper with a stamp. Do not give him anything, ask for his name and go to the police station by the bridge"
)
"""A warning that a reviewer takes for the fraud it warns of."""


class Line(NamedTuple):
    """A post to be. family: what it is a copy of, None for a line of its own. disguise: how; `exact`, `near` or ""."""

    text: str
    lang: Language
    family: tuple[str, Language] | None = None
    disguise: str = ""


def copies_of(family: tuple[str, Language], *, later: bool = False) -> Iterator[Line]:
    """The copies of a family that come before anybody has judged it; with `later`, one of each kind that come after."""
    text, (_, lang) = FAMILIES[family], family
    if later:
        text = f"{TAILS[lang][1]} {text}"
        yield Line(FAMILIES[family], lang, family, "exact")
        yield Line(text, lang, family, "near")
        for name, disguise in _disguises(lang):
            yield Line(disguise(FAMILIES[family], lang), lang, family, name)
        return
    for _ in range(EXACT_COPIES):
        yield Line(text, lang, family, "exact")
    near = f"{text} {TAILS[lang][0]}"
    yield Line(near, lang, family, "near")
    yield Line(f"{TAILS[lang][1]} {text}", lang, family, "near")
    for name, disguise in _disguises(lang):
        yield Line(disguise(text, lang), lang, family, name)
        yield Line(disguise(near, lang), lang, family, name)


def _disguises(lang: Language) -> list[tuple[str, Callable[[str, Language], str]]]:
    return [(name, disguise) for name, disguise in DISGUISES.items() if name not in LATIN or lang != "en"]


def mix(total: int) -> list[Line]:
    """So many lines in an order that is always the same: every planted copy, the suites, made sentences."""
    planted = [line for family in FAMILIES for line in copies_of(family)]
    generator = random.Random(5)  # an order, no secret
    suites = list(_read_suites())
    generator.shuffle(suites)
    # A third of the lines between are everyday sentences; the suites are made of hard cases alone.
    everyday = [Line(text, lang) for text, lang in _make_sentences(generator, total // 3)]
    lines = [*planted, *everyday, *suites[: total - len(planted) - len(everyday)]]
    generator.shuffle(lines)
    return lines


def _read_suites() -> Iterator[Line]:
    seen: set[str] = set()
    for path in sorted(SUITES.glob("*/*.jsonl")):
        for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
            if row["text"] not in seen:
                seen.add(row["text"])
                yield Line(row["text"], path.stem)  # type: ignore[arg-type]  # files are named by language


_WHO: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("My neighbour", "The baker", "Our teacher", "A ferryman", "The gardener", "An old friend", "The librarian"),
    "ru": ("Соседка", "Пекарь", "Наш учитель", "Паромщик", "Садовник", "Старый друг", "Библиотекарь"),
    "ar": ("جارتي", "الخباز", "معلمنا", "صاحب العبارة", "البستاني", "صديق قديم", "أمين المكتبة"),
}
_DID: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("lost a blue umbrella", "planted two pear trees", "baked bread with seeds", "mended the wooden stairs",
           "painted the boat green", "taught us a slow song", "found an old map", "sold the last apples"),
    "ru": ("потерял синий зонт", "посадил две груши", "испёк хлеб с семечками", "починил деревянную лестницу",
           "покрасил лодку в зелёный", "разучил с нами песню", "нашёл старую карту", "продал последние яблоки"),
    "ar": ("أضاع مظلة زرقاء", "زرع شجرتي كمثرى", "خبز خبزا بالسمسم", "أصلح الدرج الخشبي", "دهن القارب بالأخضر",
           "علمنا أغنية هادئة", "وجد خريطة قديمة", "باع آخر التفاح"),
}  # fmt: skip
_WHERE: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("near the station", "behind the school", "at the quiet pond", "by the stone bridge", "on the second floor",
           "under the chestnut", "next to the pharmacy"),
    "ru": ("возле станции", "за школой", "у тихого пруда", "у каменного моста", "на втором этаже", "под каштаном",
           "рядом с аптекой"),
    "ar": ("قرب المحطة", "خلف المدرسة", "عند البركة الهادئة", "بجانب الجسر الحجري", "في الطابق الثاني",
           "تحت شجرة الكستناء", "جوار الصيدلية"),
}  # fmt: skip


def _make_sentences(generator: random.Random, n: int) -> list[tuple[str, Language]]:
    """So many different short sentences about nothing, in turn in each language."""
    made: dict[str, Language] = {}
    for number in range(n):
        lang = LANGUAGES[number % len(LANGUAGES)]
        while True:
            parts = (generator.choice(words[lang]) for words in (_WHO, _DID, _WHERE))
            text = " ".join(parts)
            if text not in made:
                made[text] = lang
                break
    return list(made.items())
