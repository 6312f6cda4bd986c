"""What a list says about a text, an address or an image that is on it."""

from __future__ import annotations

import msgspec


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a match list.

    source: who put it there, such as `decision:<id>` or the name of an imported list.
    human: a person judged the very content; without one it never removes by itself.
    expires_at: Unix seconds; None never.
    """

    category: str
    source: str
    human: bool = False
    expires_at: float | None = None

    def is_valid(self, now: float) -> bool:
        """Whether it still counts at `now` (Unix seconds)."""
        return self.expires_at is None or now < self.expires_at
