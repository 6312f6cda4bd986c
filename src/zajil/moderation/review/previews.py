"""What reviewers were shown of clusters: a decision is one about that text, not about what came to be the first copy.

A campaign that is under way adds a copy and deletes one every few seconds. If its decision were refused whenever the
set changed, or the first copy, nobody could ever decide about it. A preview names a text, by what copies of it are
known by, and its judgement so far; the newest are remembered, without the texts. A server that starts anew has
forgotten them, and shows the same again as long as a copy is there.
"""

from __future__ import annotations

import hashlib
from typing import Final

from zajil.moderation.decide.confirm import Kept
from zajil.moderation.store.matches import ClusterRow

REMEMBERED: Final = 512


def name_preview(known: ClusterRow, shown: Kept) -> bytes:
    """32 bytes: the cluster, its judgement until now, and what was shown of it."""
    parts = (known.id.encode(), known.decision_id or b"", shown.grams, shown.entities)
    return hashlib.sha256(b"zajil preview v2" + b"".join(hashlib.sha256(each).digest() for each in parts)).digest()


class Previews:
    """The previews that reviewers may be looking at, the newest 512."""

    def __init__(self) -> None:
        self._shown: dict[bytes, Kept] = {}

    def add(self, known: ClusterRow, shown: Kept) -> bytes:
        """Its name."""
        name = name_preview(known, shown)
        self._shown.pop(name, None)
        self._shown[name] = shown
        while len(self._shown) > REMEMBERED:
            del self._shown[next(iter(self._shown))]
        return name

    def find(self, known: ClusterRow, name: bytes) -> Kept | None:
        """What was shown under this name; None where the cluster is another or was judged since, or it is forgotten."""
        shown = self._shown.get(name)
        return shown if shown is not None and name_preview(known, shown) == name else None
