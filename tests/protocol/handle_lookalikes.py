"""Prints src/zajil/protocol/public/lookalikes.py: `python -m tests.protocol.handle_lookalikes > that file`.

Source: Unicode TR39 `confusables.txt` as the package confusable-homoglyphs 3.3.1 (development group) carries it: pairs
of texts that look alike. Texts that look alike directly or through others form a class, and every letter of a class
that a handle may hold gets the same twin: the longest text of the class that consists of such letters (`rn` for `m`,
since letters can be replaced one by one but `rn` not at once), else ASCII, else the first.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections import defaultdict
from importlib.resources import files

from precis_i18n import get_profile

from zajil.protocol.public.handles import SCRIPTS

_HEAD = '''"""Letters that look alike, each with the text that stands for all its look-alikes. Generated.

Printed by `python -m tests.protocol.handle_lookalikes` from Unicode TR39 data (confusable-homoglyphs 3.3.1, MIT;
data: Unicode License v3). Do not edit.
"""

from __future__ import annotations

from typing import Final

PAIRS: Final = """
'''
_WIDTH = 110


def read_pairs() -> list[tuple[str, str]]:
    """Every pair of the packaged table, without the direction marks it wraps right-to-left texts in."""
    table = json.loads(files("confusable_homoglyphs").joinpath("confusables.json").read_text(encoding="utf-8"))
    return [(one.strip("\u200e"), two["c"].strip("\u200e")) for one, twins in table.items() for two in twins]


def find_classes(pairs: list[tuple[str, str]]) -> list[set[str]]:
    """Texts joined by pairs, directly or through others. A digit may be written as any digit of its value."""
    leader: dict[str, str] = {}

    def lead(text: str) -> str:
        while leader.setdefault(text, text) != text:
            text = leader[text]
        return text

    for one, two in pairs:
        leader[lead(one)] = lead(two)
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for text in leader:
        classes[lead(text)].add(text)
    return list(classes.values())


def is_admitted(text: str) -> bool:
    """Whether a handle may hold these letters: lower case, RFC 8264, of a script of SCRIPTS."""
    try:
        known = get_profile("UsernameCaseMapped").enforce(text) == text
    except UnicodeError:
        return False
    return known and all(
        unicodedata.category(each) == "Nd" or unicodedata.name(each, "").partition(" ")[0] in SCRIPTS for each in text
    )


def find_twins() -> dict[str, str]:
    """The twin of every letter that has one."""
    twins = {}
    for members in find_classes(read_pairs()):
        letters = sorted(each for each in members if len(each) == 1 and is_admitted(each))
        texts = [each.lower() for each in members if each.lower().isascii() and each.isalnum()]
        texts += [each for each in members if is_admitted(each)]
        if not texts:
            texts = letters
        if letters:
            twin = min(texts, key=lambda each: (-len(each), not each.isascii(), each))
            twins.update({each: twin for each in letters if each != twin and twin not in each})
    return twins


def wide(text: str) -> int:
    """Columns a text takes."""
    return sum(2 if unicodedata.east_asian_width(each) in "WFA" else 1 for each in text)


def render() -> str:
    """The module."""
    lines = [""]
    for letter, twin in sorted(find_twins().items()):
        entry = f"{letter}={twin}"
        if wide(lines[-1]) + wide(entry) >= _WIDTH:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + entry
    return _HEAD + "\n".join(lines) + '\n"""\n"""`letter=twin`, separated by white space, sorted."""\n'


if __name__ == "__main__":
    sys.stdout.write(render())
