"""The names that people give themselves: any text, so two of them may look alike or show nothing.

Source: vectors/service/names.json.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_UNSEEN: Final = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Mc", "Me"})
_FILLERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a symbol that are drawn as blanks."""


def shows(name: str) -> bool:
    """Whether a person sees anything of a name: not of blanks, controls and marks without a letter alone."""
    return any(each not in _FILLERS and unicodedata.category(each) not in _UNSEEN for each in name)
