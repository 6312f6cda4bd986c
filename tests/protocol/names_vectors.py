"""Builds vectors/service/names.json: names of people in which something shows, and those in which nothing does."""

from __future__ import annotations

from typing import Any

from zajil.protocol.contacts import names

BY = "zajil, tests/protocol/names_vectors.py"
SEEN = ("Amal", "أمل", "Амаль", "1", "🕊", "👩\u200d💻", " a ", ".", "\u202eAmal", "中", "a\u0301")
UNSEEN = ("", " ", "\t\n", "\u200b\u200c\u200d\ufeff\xad", "\u202e\u2066\u2069", "\u0301\u0489", "\u3164\u2800")


def build_names() -> dict[str, Any]:  # Any: JSON
    """The vector."""
    assert all(map(names.shows, SEEN))
    assert not any(map(names.shows, UNSEEN))
    return {"source": BY, "seen": list(SEEN), "unseen": list(UNSEEN)}
