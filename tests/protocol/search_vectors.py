"""vectors/service/search.json: how a text is folded, and what a query finds in it and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zajil.protocol.search import folding, matching

if TYPE_CHECKING:
    from tests.protocol.service_vectors import Json

# ruff: noqa: E501 -- Arabic letters with their marks count more than they are wide.
BY = "zajil, tests/protocol/search_vectors.py"
FOLDED = (
    "Hello, World", "CAFÉ", "cafe\u0301", "Straße", "ﬁn", "ＡＢＣ１２", "x²", "İstanbul", "ΣΊΣΥΦΟΣ", "Ёлка", "е\u0308лка",
    "йод", "и\u0306од", "Йод", "їжак", "за\u0301мок", "ўзор", "أحمد", "إسلام", "آمنة", "ٱلله", "مَرْحَبًا", "كتـــاب", "مدرسة",
    "على", "مسؤول", "شيئا", "ماء", "ﷺ", "ﻻ", "کتاب", "یک", "گُل", "ہے", "ھەولێر", "ۆ", "١٢٣", "۱۲۳", "a\u200bb\u202ec",
    "\u2067نص\u2069", "\ufeffx", "ab\u00adcd", "\U000e0061z", "👩\u200d🔬", "हिन्दी", "שלום", "שָׁלוֹם", "東京", "한국어", "",
    "\u0301", "a\u0323\u0301", "a\u0301\u0323", "и\u0323\u0306", "ΑΣ\u0301", "\U0001d400", "½", "Ǆ", "ŉ",
    "Й\u200b\u0596", "й\u0489\u0596", "йـ\u0596",
)  # fmt: skip
FOUND = (
    ("احمد", "قال أحمَد للناس"), ("أحمد", "احمد"), ("елка", "Новогодняя Ёлка!"), ("ёлка", "ЕЛКА"), ("CAFE", "le café noir"),
    ("café", "cafe"), ("кни", "моя книга и книги"), ("нига", "книга"), ("книга", "кни"), ("йод", "иод"), ("иод", "йод"),
    ("كتاب", "والكتاب وللكتاب بالكتاب كتابي فكتاب"), ("الكتاب", "عندي كتاب"), ("والكتاب", "كتاب"), ("للكتاب", "الكتاب"),
    ("لد", "ولد"), ("لكتاب", "الكتاب"), ("ال", "الكتاب"), ("مدرسه", "المدرسةُ"), ("کتاب", "كتاب"), ("یک", "يك"),
    ("123", "١٢٣ و۱۲۳۴ و 0123"), ("١٢", "12"), ("two one", "one and two"), ("one four", "one and two"),
    ('"hello wor"', "hello world, hello wor"), ('"hello wor', "Hello, World"), ("«как дела»", "Как дела? как-дела, как мои дела"),
    ("“bee”", "bees bee"), ('"كتاب"', "الكتاب كتاب"), ("a@b.com", "mail a@b.com or a@b.community, a@c.com"), ("don't", "Don’t! dont"),
    ("fi", "ﬁx ofﬁce"), ("京", "東京へ"), ("a", "a b"), ("и", "и"), ("", "x"), ("!? ...", "!? ..."), ("ab ab", "ab"),
    ("😀😀", "😀😀"), ("x😀y", "x y x😀y"), ("aa", "😀😀aa"), ("_x", "a _x_ x"), ("اح", "a\u202eأ\u200cحمد"), ("ss", "Straße, ẞß"),
    ('"" x1', "x1"), ('a"b c"d', "ad b c"), ("cafe", "CAFE\u0301S"), ("хай", "хаи\u0306п"), ("word " * 60, "word"),
)  # fmt: skip


def search() -> Json:
    """Both tables and both lists. Places and marks are in code points."""
    return {
        "source": BY,
        "about": "Search in messages (docs/protocol/search.md). folded: of a text its spelling, and where each of its "
        "code points began; found: of a query its terms, whether it finds the text, and the marks.",
        "table": {
            "letters": dict(folding.LETTERS),
            "composed": dict(folding.COMPOSED),
            "digits": list(folding.DIGITS),
            "marks": [list(one) for one in folding.MARKS],
            "hidden": [list(one) for one in folding.HIDDEN],
        },
        "folded": [_folded(text) for text in FOLDED],
        "found": [_found(query, text) for query, text in FOUND],
    }


def _folded(text: str) -> Json:
    folded, places = folding.fold_places(text)
    return {"text": text, "folded": folded, "places": list(places)}


def _found(query: str, text: str) -> Json:
    parsed = matching.parse_query(query)
    return {
        "query": query,
        "text": text,
        "terms": [{"words": list(term.words), "exact": term.exact} for term in parsed.terms],
        "matches": matching.matches(parsed, [text]),
        "marks": [[mark.start, mark.end] for mark in matching.find_marks(parsed, text)],
    }
