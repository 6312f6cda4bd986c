"""Handles of personas and channels: one spelling each, one script, and no two that look alike.

`parse_handle` gives the form that is stored and shown: RFC 8265 UsernameCaseMapped, 3 to 32 characters, letters of one
script, digits of one kind, `_` and `.` between them. `skeleton` (Unicode TR39 section 4) is equal for handles that look
alike; a server holds at most one handle per skeleton. A letter's script is the first word of its Unicode name, which is
as good as the Script property for the letters that RFC 8264 admits.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from precis_i18n import get_profile
from precis_i18n.profile import Profile

from zajil.protocol.errors import error
from zajil.protocol.public.lookalikes import PAIRS

HANDLE_MIN: Final = 3
HANDLE_MAX: Final = 32
_SEPARATORS: Final = frozenset("_.")
_EDGES: Final = re.compile(r"^[_.]|[_.]$|[_.]{2}")
# UAX 31 table 5, the scripts in everyday use, by the first word of their letters' names.
SCRIPTS: Final[frozenset[str]] = frozenset(
    {
        *("ARABIC", "ARMENIAN", "BENGALI", "BOPOMOFO", "CJK", "CYRILLIC", "DEVANAGARI", "ETHIOPIC", "GEORGIAN"),
        *("GREEK", "GUJARATI", "GURMUKHI", "HANGUL", "HEBREW", "HIRAGANA", "KANNADA", "KATAKANA", "KHMER", "LAO"),
        *("LATIN", "MALAYALAM", "MYANMAR", "ORIYA", "SINHALA", "TAMIL", "TELUGU", "THAANA", "THAI", "TIBETAN"),
    }
)
# Scripts whose words are read without marks, or have letters composed with them: a mark left over is a disguise.
_UNMARKED: Final = frozenset({"ARABIC", "ARMENIAN", "CYRILLIC", "GEORGIAN", "GREEK", "HEBREW", "LATIN"})
_TWINS: Final = dict(pair.split("=") for pair in PAIRS.split())
_ROUNDS: Final = 8


def parse_handle(text: str) -> str:
    """The handle as it is stored and shown. Raises Malformed `bad-handle` for what can be none, never anything else."""
    if not HANDLE_MIN <= len(text) <= HANDLE_MAX:
        raise error("bad-handle", "length")
    try:
        handle = str(_profile().enforce(text))
    except UnicodeError:
        raise error("bad-handle", "RFC 8265") from None
    if not HANDLE_MIN <= len(handle) <= HANDLE_MAX or _EDGES.search(handle):
        raise error("bad-handle", "length or separators")
    _check_letters(handle)
    return handle


def skeleton(handle: str) -> str:
    """What handles that look alike have in common. handle: as `parse_handle` gives it. Never shown to anybody."""
    text = unicodedata.normalize("NFD", handle)
    for _ in range(_ROUNDS):
        twins = unicodedata.normalize("NFD", "".join(_TWINS.get(each, each) for each in text)).lower()
        if twins == text:
            break
        text = twins
    return text


def _check_letters(handle: str) -> None:
    scripts, zeros = set(), set()
    for each in handle:
        kind = unicodedata.category(each)
        if kind == "Nd":
            zeros.add(ord(each) - unicodedata.digit(each))
        elif kind[0] in "LM":
            scripts.add(unicodedata.name(each, "").partition(" ")[0])
        elif each not in _SEPARATORS:
            raise error("bad-handle", "not a letter or digit")
    if len(scripts) != 1 or not scripts <= SCRIPTS or len(zeros) > 1:
        raise error("bad-handle", "scripts")
    if scripts & _UNMARKED and any(unicodedata.category(each) == "Mn" for each in handle):
        raise error("bad-handle", "marks")


@lru_cache(maxsize=1)
def _profile() -> Profile:
    """Made at the first use: its tables cost some 20 ms."""
    return get_profile("UsernameCaseMapped")
