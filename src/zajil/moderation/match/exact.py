"""Exact copies: the SHA-256 of what a text is after normalising, spaces aside.

Which readings of a text are looked up says `spelling.py`. Source: design/moderation.md section 6.
"""

from __future__ import annotations

import hashlib
from typing import Final

# Shorter texts are said by too many people by chance.
MIN_CHARACTERS: Final = 12
BASE: Final = "base"


def digest_text(text: str) -> bytes | None:
    """32 bytes for a base view or other reading; None below 12 characters without spaces. Placeholders count."""
    packed = text.replace(" ", "")
    return hashlib.sha256(packed.encode()).digest() if len(packed) >= MIN_CHARACTERS else None
