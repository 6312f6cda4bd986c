"""Statements about the blind sample: what people say of posts without knowing what was decided."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from zajil.moderation.store.people import sample
from zajil.moderation.store.tables import decision


def judge(db: Connection, target: bytes, version: int, *, judgement: str, staff_id: bytes, now: int) -> None:
    """A person's judgement: a category, or `none`. The first one stays."""
    this = (sample.c.target == target) & (sample.c.version == version) & sample.c.judged_at.is_(None)
    values = {"judgement": judgement, "judged_by": staff_id, "judged_at": now}
    db.execute(update(sample).where(this).values(**values))


def is_own(db: Connection, target: bytes, version: int, staff_id: bytes) -> bool:
    """Whether this member decided about this version themselves."""
    mine = (decision.c.target == target) & (decision.c.version == version) & (decision.c.actor == staff_id)
    return db.execute(select(decision.c.seq).where(mine).limit(1)).first() is not None
