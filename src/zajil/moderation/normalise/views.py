"""Other readings of a Latin text: as Arabic in Latin letters (Arabizi), and as transliterated Russian.

Source: design/moderation.md section 5. Letters by sound where the page names none: Arabic has no c, p or v of its own,
and Russian writers use c for ц, q for к and w for в.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from zajil.moderation.normalise.folding import read_codes
from zajil.moderation.normalise.language import Language
from zajil.moderation.normalise.obfuscation import collapse_spaces, name_numbers, shorten_repeats


class View(NamedTuple):
    """One reading of a text: how it was made, the language it is then in, the text."""

    name: str
    language: Language
    text: str


_ENGLISH = """
a about after again all also always am an and another any are as at away back be because been before being but by
can cannot could did do does doing don done down each even ever every few first for from get go going good got had has
have he her here him his how i if in into is it its just know last let like made make many may me might more most much
must my need never new no not now of off on once one only or other our out over own people please right said same say
see she should so some still such take than that the their them then there these they thing think this those through
time to too two up us use very want was way we well were what when where which while who why will with without work
would year yes yet you your
"""
ENGLISH = frozenset(_ENGLISH.split())
MAX_ENGLISH = 0.1
ASCII = 128

PLACEHOLDER = re.compile(r"( (?:url|mail|user|phone|wallet)tok )")
ARABIZI_PAIRS = (
    ("sh", "ش"), ("kh", "خ"), ("gh", "غ"), ("th", "ث"), ("dh", "ذ"), ("ch", "تش"), ("3'", "غ"), ("7'", "خ"),
    ("9'", "ض"), ("6'", "ظ"), ("x", "كس"),
)  # fmt: skip
ARABIZI_LETTERS = {
    "2": "ء", "3": "ع", "5": "خ", "6": "ط", "7": "ح", "8": "ق", "9": "ص", "a": "ا", "b": "ب", "c": "ك", "d": "د",
    "e": "ي", "f": "ف", "g": "ج", "h": "ه", "i": "ي", "j": "ج", "k": "ك", "l": "ل", "m": "م", "n": "ن", "o": "و",
    "p": "ب", "q": "ق", "r": "ر", "s": "س", "t": "ت", "u": "و", "v": "ف", "w": "و", "y": "ي", "z": "ز",
}  # fmt: skip
INITIAL_VOWEL = re.compile(r"(?<!\w)[eiou]")
CYRILLIC_PAIRS = (
    ("shch", "щ"), ("sh", "ш"), ("ch", "ч"), ("zh", "ж"), ("kh", "х"), ("ts", "ц"), ("yu", "ю"), ("ya", "я"),
    ("yo", "е"), ("ye", "е"), ("x", "кс"),
)  # fmt: skip
CYRILLIC_LETTERS = dict(zip("abcdefghijklmnopqrstuvwyz'46", "абцдефгхийклмнопкрстуввызьчш", strict=True))


def _as_table(letters: dict[str, str]) -> npt.NDArray[np.uint32]:
    table = np.arange(ASCII, dtype=np.uint32)
    for letter, other in letters.items():
        table[ord(letter)] = ord(other)
    return table


ARABIZI_TABLE = _as_table(ARABIZI_LETTERS)
CYRILLIC_TABLE = _as_table(CYRILLIC_LETTERS)


def is_english(text: str) -> bool:
    """Whether at least a tenth of the words are among the commonest of English."""
    words = text.split()
    return sum(map(ENGLISH.__contains__, words)) >= MAX_ENGLISH * len(words)


def make_views(text: str) -> tuple[View, ...]:
    """The other readings of a Latin text after step 5; none if it is English. Placeholders stay as they are."""
    if is_english(text):
        return ()
    return (
        View("arabizi", "ar", _read(text, read_arabizi)),
        View("latin_cyrillic", "ru", _read(text, read_transliterated)),
    )


def _read(text: str, letters: Callable[[str], str]) -> str:
    parts = PLACEHOLDER.split(text)
    parts[::2] = map(letters, parts[::2])
    return collapse_spaces(shorten_repeats(name_numbers("".join(parts))))


def read_arabizi(text: str) -> str:
    """Latin letters and digits of an Arabic text as Arabic letters, hamza and vowels folded as `folding.py` does."""
    for pair, letter in ARABIZI_PAIRS:
        text = text.replace(pair, letter)
    return _map_letters(INITIAL_VOWEL.sub("ا", text), ARABIZI_TABLE)


def read_transliterated(text: str) -> str:
    """Latin letters of a Russian text as Cyrillic."""
    for pair, letter in CYRILLIC_PAIRS:
        text = text.replace(pair, letter)
    return _map_letters(text, CYRILLIC_TABLE)


def _map_letters(text: str, table: npt.NDArray[np.uint32]) -> str:
    """ASCII characters by a table: `str.translate` takes ten times as long where other letters come out."""
    codes = read_codes(text)
    return np.where(codes < ASCII, table[np.minimum(codes, ASCII - 1)], codes).tobytes().decode("utf-32-le")
