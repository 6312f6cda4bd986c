"""Five thousand made-up rows in three languages: plain talk, and offers that a head can learn. Nothing is random."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

from zajil.moderation.train.rows import BENIGN, Row, mark

ROWS: Final = 5_000
SUBJECTS: Final = {
    "en": ("the teacher", "our bus", "my garden", "the old lamp", "their cat", "a red kite", "the river", "some bread"),
    "ru": ("учитель", "наш автобус", "мой сад", "старая лампа", "их кот", "бумажный змей", "река", "хлеб"),
    "ar": ("المعلم", "الحافلة", "حديقتي", "المصباح القديم", "قطتهم", "طائرة ورقية", "النهر", "الخبز"),
}
VERBS: Final = {
    "en": ("stands near", "looks better than", "came before", "is quieter than", "waits for", "sleeps under"),
    "ru": ("стоит у", "лучше чем", "пришёл раньше чем", "тише чем", "ждёт", "спит под"),
    "ar": ("قرب", "أجمل من", "جاء قبل", "أهدأ من", "ينتظر", "ينام تحت"),
}
DAYS: Final = {
    "en": ("today", "on monday", "in may", "again"),
    "ru": ("сегодня", "в среду", "в мае", "снова"),
    "ar": ("اليوم", "يوم الاثنين", "في أيار", "مرة أخرى"),
}
OFFERS: Final = {
    "en": ("send a deposit for", "get paid twice for", "guaranteed profit from", "enter your card to win"),
    "ru": ("внеси залог за", "двойной доход за", "гарантированная прибыль от", "введи карту и выиграй"),
    "ar": ("ادفع عربون", "ربح مضاعف من", "ربح مضمون من", "أدخل بطاقتك واربح"),
}
HARMFUL: Final = mark(fraud=1, any=1, hate=0)


def make_rows() -> list[Row]:
    """Exactly ROWS of them."""
    rows = list(_all())[:ROWS]
    if len(rows) != ROWS:
        raise ValueError(len(rows))
    return rows


def _all() -> Iterator[Row]:
    for language in SUBJECTS:
        for offer, what, day in product(OFFERS[language], SUBJECTS[language], DAYS[language]):
            yield Row(f"{offer} {what} {day}", "offers", HARMFUL)
            yield Row(f"{day} {offer} {what}", "offers", HARMFUL)
    for language in SUBJECTS:
        for number, (first, verb, last, day) in enumerate(
            product(SUBJECTS[language], VERBS[language], SUBJECTS[language], DAYS[language])
        ):
            even = number % 2 == 0
            yield Row(f"{first} {verb} {last} {day}", "plain", BENIGN, "presumed", trains=even, measures=not even)
