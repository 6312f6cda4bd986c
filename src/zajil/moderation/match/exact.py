"""Exact copies: the SHA-256 of what a text is after normalising, spaces and other separators of letters aside.

A text spelled out loses them in normalising (`t o d a y, c a l l` is `todaycall`), so they cannot count.
Source: design/moderation.md section 6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from zajil.moderation.match.entries import Entry
from zajil.moderation.normalise.obfuscation import SEPARATORS
from zajil.moderation.normalise.text import Normalised

# Shorter texts are said by too many people by chance.
MIN_CHARACTERS: Final = 12
BASE: Final = "base"


class ExactMatch(NamedTuple):
    """A reading of the text (`base` or a view's name), its digest, and the entry that has it."""

    view: str
    digest: bytes
    entry: Entry


def digest_text(text: str) -> bytes | None:
    """32 bytes for a base view or other reading; None below 12 characters without separators. Placeholders count."""
    packed = text
    for separator in SEPARATORS:
        packed = packed.replace(separator, "")
    return hashlib.sha256(packed.encode()).digest() if len(packed) >= MIN_CHARACTERS else None


def digest_readings(text: Normalised) -> dict[str, bytes]:
    """The digests of the base view and of every other one, by name; readings that are too short are absent.

    A transliterated copy meets earlier copies of its kind by its views.
    """
    readings = {BASE: text.base} | {view.name: view.text for view in text.views}
    return {name: digest for name, reading in readings.items() if (digest := digest_text(reading)) is not None}


def find_exact(text: Normalised, listed: Mapping[bytes, Entry], *, now: float) -> tuple[ExactMatch, ...]:
    """The readings of a text that a list has, the base view first. now: Unix seconds."""
    return tuple(
        ExactMatch(name, digest, entry)
        for name, digest in digest_readings(text).items()
        if (entry := listed.get(digest)) is not None and entry.is_valid(now)
    )
