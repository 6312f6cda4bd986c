"""Steps 1 to 4: one code point for each letter a reader would take for the same, and the folded words of a search
index.

Steps 2 to 4 are one look-up a code point in a table made at import, by numpy over all texts of a batch at once:
`str.translate` took 15 of the 50 microseconds that a post of 100 characters may cost. Source: design/moderation.md
section 5; UAX 15 (NFKC, and its limit on runs of marks), TR39 (look-alikes, `confusables.py`).
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files

import numpy as np
import numpy.typing as npt
import Stemmer

MAX_CHARACTERS = 8192
# UAX 15 section 13 allows 30 marks in a row. NFKC sorts them in quadratic time, so no text may hold thousands.
MAX_MARKS = 30
# Every round but the last leaves fewer marks or hidden characters, so two or three suffice.
MAX_ROUNDS = 8
# No format character but the tags, no mark and nothing that NFKC lengthens lies above; a test looks through all planes.
LAST_SCRIPT = 0x2FFFF

HIDDEN_RANGES = (
    (0x00, 0x08), (0x0E, 0x1B), (0x7F, 0x84), (0x86, 0x9F),  # controls that are no white space
    (0x034F, 0x034F), (0x115F, 0x1160), (0x3164, 0x3164), (0xFFA0, 0xFFA0),  # fillers
    (0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0000, 0xE0FFF),  # variation selectors and tags
    (0xD800, 0xDFFF),  # lone surrogates: no text, and no encoder takes them
)  # fmt: skip
MARK_RANGES = (
    (0x0300, 0x036F), (0x0483, 0x0489), (0x0610, 0x061A), (0x0640, 0x0640), (0x064B, 0x065F), (0x0670, 0x0670),
    (0x06D6, 0x06ED), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F),
)  # fmt: skip
ARABIC = {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ئ": "ي", "ة": "ه", "ؤ": "و", "ک": "ك"}
# Letters of Persian, Urdu, Kurdish and Uyghur that an Arabic reader takes for his own: the page names two of them.
ARABIC_TWINS = {
    "ہ": "ه", "ۂ": "ه", "ۃ": "ه", "ھ": "ه", "ە": "ه", "ۀ": "ه", "ۄ": "و", "ۆ": "و", "ۇ": "و", "ۈ": "و", "ۋ": "و",
    "ۍ": "ي", "ې": "ي", "ے": "ي", "ڪ": "ك", "ګ": "ك",
}  # fmt: skip
CYRILLIC = {"ё": "е"}
DELETED = 0xFFFFFFFF
# Stands between the texts of a batch; a text that holds one loses it before.
BREAK = "\0"


def build_table() -> npt.NDArray[np.uint32]:
    """Steps 2 to 4 by code point: what it becomes, or `DELETED`. No value is itself changed or deleted."""
    pairs = json.loads(files(__package__).joinpath("confusables.json").read_text(encoding="utf-8"))["pairs"]
    table = np.arange(sys.maxunicode + 1, dtype=np.uint32)
    for letter, plain in (*pairs, *ARABIC.items(), *ARABIC_TWINS.items(), *CYRILLIC.items()):
        table[ord(letter)] = ord(plain)
    for base in (0x0660, 0x06F0):
        table[base : base + 10] = np.arange(ord("0"), ord("9") + 1)
    for first, last in (*HIDDEN_RANGES, *MARK_RANGES):
        table[first : last + 1] = DELETED
    table[[code for code in range(LAST_SCRIPT + 1) if unicodedata.category(chr(code)) == "Cf"]] = DELETED
    table[ord(BREAK)] = ord(BREAK)
    return table


def _as_class(codes: Iterable[int]) -> str:
    """The codes as the inside of a regular expression's character class."""
    parts: list[list[int]] = []
    for code in codes:
        if parts and parts[-1][1] == code - 1:
            parts[-1][1] = code
        else:
            parts.append([code, code])
    return "".join(f"\\U{first:08X}-\\U{last:08X}" for first, last in parts)


def _find_growth() -> dict[str, int]:
    """Characters that NFKC turns into several, and by how many the text grows."""
    grown = ((chr(code), len(unicodedata.normalize("NFKC", chr(code))) - 1) for code in range(0x80, LAST_SCRIPT + 1))
    return {character: growth for character, growth in grown if growth > 0}


TABLE = build_table()
GROWTH = _find_growth()
GROWING = re.compile(f"[{_as_class(map(ord, GROWTH))}]")
CONTROLS = re.compile("[\0-\x08\x0e-\x1b\x7f]+")
_MARKS = _as_class(code for code in range(LAST_SCRIPT + 1) if unicodedata.combining(chr(code)))
MARK_RUN = re.compile(f"([{_MARKS}]{{{MAX_MARKS}}})[{_MARKS}]+")
TOKEN = re.compile(r"[^\W_]+")


def read_codes(text: str) -> npt.NDArray[np.uint32]:
    """The code points of a text, lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)


def fold(text: str) -> str:
    """The text in lower case, NFKC, without hidden characters and marks, digits and look-alikes folded (steps 1 to 4).

    Total on every `str`, lone surrogates included (they are deleted). Idempotent. At most 8,192 characters, and at most
    twice as many as the text has: NFKC makes eighteen letters of one where a ligature says a whole sentence.
    """
    return fold_batch([text])[0]


def fold_batch(texts: Sequence[str]) -> list[str]:
    """`fold` of each text; one pass of numpy serves them all."""
    folded: list[str] = []
    waiting: list[int] = []
    for number, text in enumerate(texts):
        text = text[:MAX_CHARACTERS]
        if text.isascii():
            text = text.lower()
            # Most hold no control at all, which this says in a tenth of the time.
            folded.append(text if text.isprintable() else CONTROLS.sub("", text))
        else:
            waiting.append(number)
            folded.append(_compose(text.replace(BREAK, ""), longest=min(MAX_CHARACTERS, 2 * len(text))))
    for _ in range(MAX_ROUNDS):
        if not waiting:
            break
        codes = TABLE[read_codes(BREAK.join([folded[number] for number in waiting]).lower())]
        kept = codes[codes != DELETED].tobytes().decode("utf-32-le")
        again: list[int] = []
        for number, text in zip(waiting, kept.split(BREAK), strict=True):
            folded[number] = text
            # Deleting what stood between two characters may let them compose.
            if not text.isascii() and not unicodedata.is_normalized("NFKC", text):
                folded[number] = _compose(text, longest=MAX_CHARACTERS)
                again.append(number)
        waiting = again
    return folded


def _compose(text: str, *, longest: int) -> str:
    """NFKC of the text, cut to `longest`, in time linear in its length."""
    if len(text) > 8 * MAX_MARKS:
        text = MARK_RUN.sub(r"\1", text)
    if unicodedata.is_normalized("NFKC", text):
        return text[:longest]
    grown = 0
    if len(text) > longest // 20:
        for found in GROWING.finditer(text):
            grown += GROWTH[found[0]]
            if found.start() + grown > longest:
                text = text[: found.end()]
                break
    return unicodedata.normalize("NFKC", text)[:longest]


MIN_JOINED = 6
_ARABIC_STEMMER = Stemmer.Stemmer("arabic")
_RUSSIAN_STEMMER = Stemmer.Stemmer("russian")
_ENGLISH_STEMMER = Stemmer.Stemmer("english")


def find_search_terms(text: str) -> Iterator[tuple[str, str]]:
    """The folded words of a text in order, each with its stem; the two are equal where the stemmer cuts nothing.

    The stemmer follows the first letter's script: Arabic, Cyrillic (Russian), else English.
    """
    for token in TOKEN.findall(fold(text)):
        first = token[0]
        if "\u0600" <= first <= "\u06ff":
            yield token, _stem_arabic(token)
        elif "\u0400" <= first <= "\u04ff":
            yield token, _stem_russian(token)
        else:
            yield token, _ENGLISH_STEMMER.stemWord(token)


def _stem_russian(token: str) -> str:
    """The stem of the stem until nothing is cut: a genitive plural loses its ending first, and then is a nominative."""
    before = ""
    while before != token:
        before, token = token, _RUSSIAN_STEMMER.stemWord(token)
    return token


def _stem_arabic(token: str) -> str:
    """The stem of a folded word. Snowball knows neither the folded feminine ending, nor its plural whole, nor a
    conjunction before the article."""
    if token.startswith(("وال", "فال")) and len(token) >= MIN_JOINED:
        token = token[1:]
    if token.endswith("ه"):
        token = token[:-1] + "ة"
    elif token.endswith("ات") and len(token) >= MIN_JOINED:
        token = token[:-2] + "ة"
    stem: str = _ARABIC_STEMMER.stemWord(token)
    return fold(stem)


def fold_search(text: str) -> str:
    """What a full-text index stores for a text: every folded word followed by its stem, where that differs.

    Serves FTS5's `unicode61` and PostgreSQL's `simple` alike: both split it at the spaces. A query must be folded by
    the same rules; for a match by stem rather than by form, `find_search_terms` gives the two apart.
    """
    return " ".join(form if form == stem else f"{form} {stem}" for form, stem in find_search_terms(text))
