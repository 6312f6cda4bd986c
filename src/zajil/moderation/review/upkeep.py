"""Forgets what has outlived its time of the people's side: sessions, invites, strikes, notices."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.moderation.review.context import IDLE_S, Review
from zajil.moderation.store import notices, staff, strikes

AT_ONCE: Final = 1000
NOTICES_S: Final = 180 * 86_400
LEFT_S: Final = 180 * 86_400


async def forget(review: Review) -> int:
    """How many rows went."""
    now, count = review.now(), 0
    count += await review.db.write(lambda db: staff.forget(db, now=now, idle_s=IDLE_S, left_s=LEFT_S))

    def write(db: Connection) -> int:
        return strikes.forget(db, now=now, limit=AT_ONCE) + notices.forget(db, before=now - NOTICES_S, limit=AT_ONCE)

    while gone := await review.db.write(write):
        count += gone
    return count
