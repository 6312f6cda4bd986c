"""One spelling for what a reader takes for the same words, and where each of its letters stood.

A text is decomposed (NFKD), put in lower case, and looked up letter by letter: marks, tatweel and characters that are
not seen go, letters of Persian, Urdu, Kurdish and Uyghur become those of Arabic, digits those of Latin. What a mark
makes a letter of its own (й, ї, ў) stays one. The letters are those of moderation's steps 2 to 4, so that a search in a
chat and one in the public space agree on a word; look-alikes of other scripts are no spelling, and stay apart.
Sources: UAX 15 (NFKD); design/web.md section 6; design/moderation.md section 5. Twin: web/src/protocol/search.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Final

LETTERS: Final[Mapping[str, str]] = {
    "ٱ": "ا", "ى": "ي", "ی": "ي", "ۍ": "ي", "ې": "ي", "ے": "ي", "ة": "ه", "ہ": "ه", "ۃ": "ه", "ھ": "ه", "ە": "ه",
    "ۄ": "و", "ۆ": "و", "ۇ": "و", "ۈ": "و", "ۋ": "و", "ک": "ك", "ڪ": "ك", "ګ": "ك", "ß": "ss", "ς": "σ",
}  # fmt: skip
"""After NFKD and lower case, which have already made أ إ آ the letter ا with a mark, ئ that of ي, ؤ that of و."""
DIGITS: Final = (0x0660, 0x06F0)
"""Where the ten digits of Arabic, of Persian and Urdu begin."""
COMPOSED: Final[Mapping[str, str]] = {"и\u0306": "й", "у\u0306": "ў", "і\u0308": "ї", "г\u0301": "ѓ", "к\u0301": "ќ"}
"""Letters whose mark is no accent: й is not и, while ё is е."""
MARKS: Final = (
    (0x0300, 0x036F), (0x0483, 0x0489), (0x0610, 0x061A), (0x0640, 0x0640), (0x064B, 0x065F), (0x0670, 0x0670),
    (0x06D6, 0x06ED), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F),
)  # fmt: skip
HIDDEN: Final = (
    (0x0000, 0x0008), (0x000E, 0x001B), (0x007F, 0x0084), (0x0086, 0x009F), (0x00AD, 0x00AD), (0x034F, 0x034F),
    (0x0600, 0x0605), (0x061C, 0x061C), (0x070F, 0x070F), (0x0890, 0x0891), (0x08E2, 0x08E2), (0x115F, 0x1160),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xD800, 0xDFFF),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB), (0xE0000, 0xE0FFF),
)  # fmt: skip
"""Controls that are no white space, fillers, format characters, variation selectors, tags, lone surrogates."""


def _inside(ranges: Iterable[tuple[int, int]]) -> str:
    """The ranges as the inside of a character class."""
    return "".join(f"\\U{first:08X}-\\U{last:08X}" for first, last in ranges)


_GONE: Final = _inside((*MARKS, *HIDDEN))
_IS_GONE: Final = re.compile(f"[{_GONE}]")
_GONE_FIRST: Final = re.compile(f"(?![{''.join(sorted({letter[1] for letter in COMPOSED}))}])[{_GONE}]")
"""All but what makes a letter of its own: one of them between two marks keeps these from coming into order."""
_MARKS_MAX: Final = 64
"""Marks on one letter that are looked at: putting so many in order takes time by their square."""
_MAY_BE_MARKS: Final = re.compile(rf"[^\w\s!-~]{{{_MARKS_MAX},}}")
_COMPOSED: Final = re.compile("|".join(COMPOSED))
_TABLE: Final = str.maketrans(
    {
        **LETTERS,
        **{chr(first + digit): str(digit) for first in DIGITS for digit in range(10)},
        **{chr(code): "" for first, last in (*MARKS, *HIDDEN) for code in range(first, last + 1)},
    }
)


def fold(text: str) -> str:
    """The text in its one spelling; of a text of Latin letters alone, its lower case. Total on every `str`."""
    if text.isascii():
        return text.lower() if text.isprintable() else text.lower().translate(_TABLE)
    text = _GONE_FIRST.sub("", _decompose(text).lower())
    text = _COMPOSED.sub(lambda found: COMPOSED[found[0]], _decompose(text))
    return text.translate(_TABLE)


def _decompose(text: str) -> str:
    return unicodedata.normalize("NFKD", _MAY_BE_MARKS.sub(_few_marks, text))


def _few_marks(found: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for character in found[0]:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MARKS_MAX:
            kept.append(character)
    return "".join(kept)


def fold_places(text: str) -> tuple[str, list[int]]:
    """`fold`, and for each of its characters where in the text its letter begins; the length of the text last.

    Letter by letter, so it is slow: for texts that are shown.
    """
    folded: list[str] = []
    places: list[int] = []
    starts = [at for at, character in enumerate(text) if not _is_written_on(character)]
    if text and starts[:1] != [0]:
        starts.insert(0, 0)
    for start, end in pairwise([*starts, len(text)]):
        part = fold(text[start:end])
        folded.append(part)
        places += [start] * len(part)
    return "".join(folded), [*places, len(text)]


def _is_written_on(character: str) -> bool:
    """Whether it belongs to the letter before it."""
    return unicodedata.category(character)[0] == "M" or _IS_GONE.match(character) is not None
