"""Exact copies: the SHA-256 of what a text is after normalising, spaces and other separators of letters aside.

A text spelled out loses them in normalising (`t o d a y, c a l l` is `todaycall`), so they cannot count.
Which readings of a text are looked up says `spelling.py`. Source: design/moderation.md section 6.
"""

from __future__ import annotations

import hashlib
from typing import Final

from zajil.moderation.normalise.obfuscation import SEPARATORS

# Shorter texts are said by too many people by chance.
MIN_CHARACTERS: Final = 12
BASE: Final = "base"


def pack(text: str) -> str:
    """A text without spaces, and without what step 6 of the normaliser takes for a mark between letters."""
    for separator in SEPARATORS:
        text = text.replace(separator, "")
    return text


def digest_packed(packed: str) -> bytes | None:
    """32 bytes for a packed base view or other reading; None below 12 characters. Placeholders count."""
    return hashlib.sha256(packed.encode()).digest() if len(packed) >= MIN_CHARACTERS else None
