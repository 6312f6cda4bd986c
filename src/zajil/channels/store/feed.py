"""What happened, for those who follow, and which decisions were carried out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select

from zajil.channels.store.tables import applied, happening
from zajil.protocol.public.api import EventName


class EventRow(NamedTuple):
    """One event. persona_id: whom alone it is for."""

    seq: int
    name: EventName
    channel_id: bytes | None
    post_id: bytes | None
    persona_id: bytes | None
    ref: str


_EVENT = [happening.c[name] for name in EventRow._fields]
# What every decision runs is built once: building costs several times what running does.
_INSERT = insert(happening)
_IS_APPLIED = select(applied.c.at).where(applied.c.decision_id == bindparam("b_id"))
_NOTE_APPLIED = insert(applied)


def insert_event(
    db: Connection,
    name: EventName,
    *,
    now: int,
    channel_id: bytes | None = None,
    post_id: bytes | None = None,
    persona_id: bytes | None = None,
    ref: str = "",
) -> None:
    """Note that something happened."""
    values = {"channel_id": channel_id, "post_id": post_id, "persona_id": persona_id, "ref": ref, "at": now}
    db.execute(_INSERT, {"name": name, **values})


def events_after(
    db: Connection, after: int, *, channels: Sequence[bytes], persona_id: bytes | None, n: int
) -> list[EventRow]:
    """Events above this seq of these channels, and of this persona alone, oldest first."""
    public = happening.c.channel_id.in_(channels) & happening.c.persona_id.is_(None)
    mine = public if persona_id is None else or_(public, happening.c.persona_id == persona_id)
    found = select(*_EVENT).where(happening.c.seq > after, mine).order_by(happening.c.seq).limit(n)
    return [EventRow(*row) for row in db.execute(found)]


def newest_event(db: Connection) -> int:
    """Seq of the newest event; 0 without any."""
    return int(db.execute(select(func.max(happening.c.seq))).scalar_one() or 0)


def oldest_event(db: Connection) -> int:
    """Seq of the oldest event that is still here; 0 without any."""
    return int(db.execute(select(func.min(happening.c.seq))).scalar_one() or 0)


def note_applied(db: Connection, decision_id: bytes, *, now: int) -> bool:
    """Note a decision as carried out. False if it was already."""
    if db.execute(_IS_APPLIED, {"b_id": decision_id}).first() is not None:
        return False
    db.execute(_NOTE_APPLIED, {"decision_id": decision_id, "at": now})
    return True


def delete_old(db: Connection, *, events_before: int, applied_before: int, limit: int) -> int:
    """Remove at most `limit` events and notes of decisions older than these seconds each; how many went.

    The newest event stays: what comes after it is told apart from a gap by it.
    """
    newest = select(func.max(happening.c.seq)).scalar_subquery()
    old = (happening.c.at < events_before) & (happening.c.seq < newest)
    events = select(happening.c.seq).where(old).limit(limit).scalar_subquery()
    gone = db.execute(delete(happening).where(happening.c.seq.in_(events))).rowcount
    notes = select(applied.c.decision_id).where(applied.c.at < applied_before).limit(limit).scalar_subquery()
    return gone + db.execute(delete(applied).where(applied.c.decision_id.in_(notes))).rowcount
