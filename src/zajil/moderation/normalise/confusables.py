"""Prints confusables.json: letters that look like a Latin letter, and the letter they look like.

Run where the development group is installed:
`python -m zajil.moderation.normalise.confusables > src/zajil/moderation/normalise/confusables.json`

Sources: Unicode TR39 `confusables.txt` as the package confusable-homoglyphs carries it; the Unicode character names
(small capitals, negative squared and circled letters, which TR39 leaves out); canonical decompositions (NFKC composes
the marks of a zalgo text into letters, where step 3 would no longer find them). Only scripts that none of our languages
is written
in: Cyrillic and Latin are told apart by token (`obfuscation.py`), save for four letters no Russian text holds.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from importlib.resources import files

SCRIPTS = (
    "ARMENIAN", "CANADIAN SYLLABICS", "CARIAN", "CHEROKEE", "COPTIC", "DESERET", "ELBASAN", "GREEK", "LATIN", "LISU",
    "LYCIAN", "OLD ITALIC", "OSAGE", "RUNIC", "WARANG CITI",
)  # fmt: skip
CYRILLIC = "ԁԍԛԝ"
BY_NAME = re.compile(r"(?:LATIN LETTER SMALL CAPITAL|NEGATIVE (?:SQUARED|CIRCLED) LATIN CAPITAL LETTER) ([A-Z])")


def find_lookalikes() -> dict[str, str]:
    """Lower-case letter to lower-case ASCII letter. A small letter without a twin takes that of its capital."""
    pairs: dict[str, list[dict[str, str]]] = json.loads(
        files("confusable_homoglyphs").joinpath("confusables.json").read_text(encoding="utf-8")
    )
    own: dict[str, str] = {}
    capital: dict[str, str] = {}
    for letter, twins in pairs.items():
        plain = [t["c"] for t in twins if len(t["c"]) == 1 and t["c"].isascii() and t["c"].isalpha()]
        if len(letter) != 1 or letter.isascii() or not plain or not is_foreign(letter):
            continue
        small = letter.lower()
        if len(small) == 1:
            (own if small == letter else capital)[small] = plain[0].lower()
    for code in range(0x80, sys.maxunicode + 1):
        named = BY_NAME.fullmatch(unicodedata.name(chr(code), ""))
        if named:
            own.setdefault(chr(code), named[1].lower())
    return add_accented(capital | own)


def is_foreign(letter: str) -> bool:
    """Whether it is a letter that NFKC leaves alone, of a script that none of our languages is written in."""
    if not letter.isalpha() or unicodedata.normalize("NFKC", letter) != letter:
        return False
    return letter.lower() in CYRILLIC or unicodedata.name(letter, "").startswith(SCRIPTS)


def add_accented(table: dict[str, str]) -> dict[str, str]:
    """The table with every accented Latin and Greek small letter whose base letter is ASCII or in it."""
    whole = dict(table)
    for code in range(0x80, 0x3000):
        letter = chr(code)
        if letter.lower() != letter or not unicodedata.name(letter, "").startswith(("LATIN", "GREEK")):
            continue
        base, *marks = list(unicodedata.normalize("NFD", letter))
        if marks and all(unicodedata.combining(mark) for mark in marks):
            plain = base if base.isascii() else table.get(base)
            if plain and plain.isalpha():
                whole.setdefault(letter, plain)
    return whole


def main() -> None:
    """Print the file, one script-sorted line of pairs a block."""
    table = find_lookalikes()
    rows = {f"U+{ord(letter):04X}": letter + table[letter] for letter in sorted(table)}
    about = "Unicode TR39 confusables by confusable-homoglyphs 3.3.1, and Unicode names and decompositions"
    sys.stdout.write(json.dumps({"source": about, "pairs": list(rows.values())}, ensure_ascii=False, indent=0) + "\n")


if __name__ == "__main__":
    main()
