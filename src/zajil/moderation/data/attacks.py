"""Ways in which people hide a text from filters, as functions: some are added to training, two never are.

Each is a pure function of the text: what looks random follows from its hash. Source: design/moderation.md section 14.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Final, TypeAlias

from zajil.moderation.categories import Language

Attack: TypeAlias = Callable[[str, Language], str]
HOMOGLYPH_SHARE: Final = 0.7
# A word in so many is touched by attacks that would make a text unreadable if they touched all.
WORD_SHARE: Final = 0.5
MIN_LETTERS: Final = 4
_LATIN_TO_CYRILLIC: Final = dict(zip("aeopcxyiskj", "аеорсхуіѕкј", strict=True))
_CYRILLIC_TO_LATIN: Final = dict(zip("аеорсхукмтнви", "aeopcxykmthbu", strict=True))
_ARABIC_TWINS: Final = {"ي": "ی", "ك": "ک", "ه": "ہ", "و": "ۄ"}
_LEET: Final = {"a": "4", "e": "3", "o": "0", "i": "1", "s": "5", "t": "7"}
_LEET_CYRILLIC: Final = {"о": "0", "з": "3", "ч": "4", "а": "@", "т": "7"}
_HARAKAT: Final = "\u064e\u064f\u0650\u0652"
_TATWEEL: Final = "\u0640"
_EMOJI: Final = "😀🔥❤👍😈💀🌙⭐"
_WORD: Final = re.compile(r"[^\W\d_]+")
_ARABIZI: Final = {
    "ا": "a", "أ": "2a", "إ": "2i", "آ": "2a", "ب": "b", "ت": "t", "ث": "th", "ج": "j", "ح": "7", "خ": "5", "د": "d",
    "ذ": "dh", "ر": "r", "ز": "z", "س": "s", "ش": "sh", "ص": "9", "ض": "9'", "ط": "6", "ظ": "6'", "ع": "3", "غ": "gh",
    "ف": "f", "ق": "8", "ك": "k", "ل": "l", "م": "m", "ن": "n", "ه": "h", "و": "w", "ي": "y", "ى": "a", "ة": "a",
    "ء": "2", "ؤ": "2", "ئ": "2",
}  # fmt: skip
_LONG: Final = frozenset("اويىةأإآ")


def _generator(text: str, name: str) -> random.Random:
    seed = hashlib.sha256(f"{name}\0{text}".encode("utf-8", "replace")).digest()
    return random.Random(seed)  # noqa: S311  # reproducible choice, no secret


def _by_word(text: str, change: Callable[[str], str], generator: random.Random, share: float = WORD_SHARE) -> str:
    def replace(match: re.Match[str]) -> str:
        word = match.group()
        return change(word) if len(word) >= MIN_LETTERS and generator.random() < share else word

    return _WORD.sub(replace, text)


def swap_homoglyphs(text: str, language: Language) -> str:
    """Seven in ten of the letters that have a twin in another script become that twin."""
    tables = {"en": _LATIN_TO_CYRILLIC, "ru": _CYRILLIC_TO_LATIN, "ar": _ARABIC_TWINS}
    table = tables[language]
    generator = _generator(text, "homoglyph")
    return "".join(
        table[letter] if letter in table and generator.random() < HOMOGLYPH_SHARE else letter
        for letter in (text.lower() if language != "ar" else text)
    )


def write_leet(text: str, language: Language) -> str:
    """Digits for letters; in Arabic, where digits are letters of Arabizi, vowel marks and stretched letters."""
    generator = _generator(text, "leet")
    if language == "ar":
        return "".join(
            letter + (generator.choice(_HARAKAT + _TATWEEL) if letter.isalpha() and generator.random() < 0.4 else "")
            for letter in text
        )
    table = _LEET if language == "en" else _LEET_CYRILLIC
    return "".join(table.get(letter, letter) if generator.random() < 0.8 else letter for letter in text.lower())


def space_out(text: str, language: Language) -> str:
    """Half of the longer words letter by letter."""
    del language
    return _by_word(text, " ".join, _generator(text, "space"))


def dot_out(text: str, language: Language) -> str:
    """Half of the longer words with dots between the letters."""
    del language
    return _by_word(text, ".".join, _generator(text, "dots"))


def swap_neighbours(text: str, language: Language) -> str:
    """In half of the longer words two inner letters trade places."""
    del language
    generator = _generator(text, "swap")

    def change(word: str) -> str:
        at = generator.randrange(1, len(word) - 2)
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]

    return _by_word(text, change, generator)


def write_latin(text: str, language: Language) -> str:
    """Arabic as Arabizi, Russian in Latin letters; English stays as it is."""
    if language == "ar":
        return _write_arabizi(text)
    if language == "ru":
        from anyascii import anyascii  # of the group `train`; nothing else needs it

        return anyascii(text)
    return text


def _write_arabizi(text: str) -> str:
    generator = _generator(text, "arabizi")
    parts: list[str] = []
    for place, letter in enumerate(text):
        parts.append(_ARABIZI.get(letter, letter))
        after = text[place + 1 : place + 2]
        short = letter in _ARABIZI and letter not in _LONG and after in _ARABIZI and after not in _LONG
        if short and generator.random() < WORD_SHARE:
            parts.append(generator.choice("aei"))
    return "".join(parts)


def insert_emoji(text: str, language: Language) -> str:
    """An emoji inside half of the longer words. Never in training."""
    del language
    generator = _generator(text, "emoji")

    def change(word: str) -> str:
        at = generator.randrange(1, len(word) - 1)
        return word[:at] + generator.choice(_EMOJI) + word[at:]

    return _by_word(text, change, generator)


def mix_latin(text: str, language: Language) -> str:
    """Every other longer word in Latin letters, the rest as it was; English: homoglyphs in them. Never in training."""
    generator = _generator(text, "mixed")
    if language == "en":
        return _by_word(text, lambda word: swap_homoglyphs(word, "en"), generator)
    return _by_word(text, lambda word: write_latin(word, language), generator)


TRAINED: Final[MappingProxyType[str, Attack]] = MappingProxyType(
    {
        "homoglyph": swap_homoglyphs,
        "leet": write_leet,
        "spacing": space_out,
        "dots": dot_out,
        "swap": swap_neighbours,
        "latin": write_latin,
    }
)
UNSEEN: Final[MappingProxyType[str, Attack]] = MappingProxyType({"emoji": insert_emoji, "mixed": mix_latin})
