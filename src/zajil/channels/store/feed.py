"""What happened, for those who follow, and which decisions were carried out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, delete, func, insert, select

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


class Happening(NamedTuple):
    """What happened to a post. channel_id: whose followers are told; else persona_id, who alone is."""

    name: EventName
    channel_id: bytes | None
    post_id: bytes
    persona_id: bytes | None


_EVENT = [happening.c[name] for name in EventRow._fields]
# What every decision runs is built once: building costs several times what running does.
_INSERT = insert(happening)
_APPLIED = select(applied.c.decision_id).where(applied.c.decision_id.in_(bindparam("b_ids", expanding=True)))
_NOTE_APPLIED = insert(applied)
_AFTER = select(*_EVENT).where(happening.c.seq > bindparam("b_after")).order_by(happening.c.seq).limit(bindparam("b_n"))
_NEWEST = select(func.max(happening.c.seq))
# Each by itself: SQLite finds one end by its index, but looks through all rows for two.
_ENDS = select(select(func.min(happening.c.seq)).scalar_subquery(), _NEWEST.scalar_subquery())
_TOPICS: BindParameter[bytes] = bindparam("b_topics", expanding=True)
_AFTER_OF = _AFTER.where(
    (happening.c.channel_id.in_(_TOPICS) & happening.c.persona_id.is_(None)) | happening.c.persona_id.in_(_TOPICS)
)


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


def events_after(db: Connection, after: int, *, topics: Collection[bytes] | None, n: int) -> list[EventRow]:
    """Events above this seq, oldest first. topics: channels, and personas that are told alone; None for every event."""
    found = _AFTER if topics is None else _AFTER_OF
    values = {"b_after": after, "b_n": n, **({} if topics is None else {"b_topics": list(topics)})}
    return [EventRow(*row) for row in db.execute(found, values)]


def newest_event(db: Connection) -> int:
    """Seq of the newest event; 0 without any."""
    return int(db.execute(_NEWEST).scalar_one() or 0)


def find_ends(db: Connection) -> tuple[int, int]:
    """Seqs of the oldest event that is still here, and of the newest; 0 without any."""
    oldest, newest = db.execute(_ENDS).one()
    return int(oldest or 0), int(newest or 0)


def insert_happenings(db: Connection, happened: Sequence[Happening], *, now: int) -> None:
    """Note these, in order."""
    if happened:
        db.execute(_INSERT, [{**each._asdict(), "ref": "", "at": now} for each in happened])


def note_applied(db: Connection, decision_ids: Sequence[bytes], *, now: int) -> set[bytes]:
    """Note decisions as carried out; those that were not yet."""
    fresh = set(decision_ids) - set(db.execute(_APPLIED, {"b_ids": list(decision_ids)}).scalars())
    if fresh:
        # Of several with one id the first counts; the order of the rows is that of the decisions.
        notes = [{"decision_id": each, "at": now} for each in dict.fromkeys(decision_ids) if each in fresh]
        db.execute(_NOTE_APPLIED, notes)
    return fresh


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
