"""Statements about users' notices: who complained about what, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from zajil.moderation.store.people import notice

OPEN = ("received", "in_review")


class NoticeRow(NamedTuple):
    """A notice. weight: thousandths. state: received, in_review, acted, declined or reversed. Times: Unix seconds."""

    id: bytes
    target_kind: str
    target: bytes
    version: int
    reporter: bytes
    reporter_kind: str
    category: str
    note: str
    weight: int
    state: str
    item_id: bytes | None
    decision_id: bytes | None
    at: int
    closed_at: int | None


class Record(NamedTuple):
    """How a reporter's closed notices ended."""

    closed: int
    acted: int


_COLUMNS = [notice.c[name] for name in NoticeRow._fields]


def insert_notice(db: Connection, row: NoticeRow) -> None:
    """A new notice."""
    db.execute(insert(notice), row._asdict())


def find_own(db: Connection, reporter: bytes, kind: str, target: bytes, version: int) -> NoticeRow | None:
    """The reporter's own notice about this, if there is one."""
    mine = (notice.c.reporter == reporter) & (notice.c.target_kind == kind)
    this = (notice.c.target == target) & (notice.c.version == version)
    row = db.execute(select(*_COLUMNS).where(mine, this).limit(1)).one_or_none()
    return NoticeRow(*row) if row else None


def notices_about(db: Connection, target: bytes, version: int, *, n: int = 500) -> list[NoticeRow]:
    """Notices about a version, oldest first."""
    this = (notice.c.target == target) & (notice.c.version == version)
    rows = db.execute(select(*_COLUMNS).where(this).order_by(notice.c.at, notice.c.id).limit(n))
    return [NoticeRow(*row) for row in rows]


def newest_about(db: Connection, target: bytes, version: int, *, since: int, n: int = 500) -> list[NoticeRow]:
    """The newest n notices about a version that came after that second, oldest first."""
    this = (notice.c.target == target) & (notice.c.version == version) & (notice.c.at > since)
    rows = db.execute(select(*_COLUMNS).where(this).order_by(notice.c.at.desc(), notice.c.id.desc()).limit(n)).all()
    return [NoticeRow(*row) for row in reversed(rows)]


def notices_by(db: Connection, reporter: bytes, *, before: tuple[int, bytes] | None, n: int) -> list[NoticeRow]:
    """A reporter's notices, newest first; before: time and id of the last one of the page in front."""
    found = select(*_COLUMNS).where(notice.c.reporter == reporter)
    if before is not None:
        at, last = before
        found = found.where(or_(notice.c.at < at, (notice.c.at == at) & (notice.c.id < last)))
    rows = db.execute(found.order_by(notice.c.at.desc(), notice.c.id.desc()).limit(n))
    return [NoticeRow(*row) for row in rows]


def targets_before(db: Connection, reporters: Sequence[bytes], *, but: bytes, since: int) -> dict[bytes, set[bytes]]:
    """What each of these reported since then, other than this target."""
    found: dict[bytes, set[bytes]] = {each: set() for each in reporters}
    for start in range(0, len(reporters), 500):
        some = reporters[start : start + 500]
        chosen = notice.c.reporter.in_(some) & (notice.c.target != but) & (notice.c.at >= since)
        for reporter, target in db.execute(select(notice.c.reporter, notice.c.target).where(chosen)):
            found[reporter].add(target)
    return found


def newest_targets(db: Connection, reporter: bytes, *, but: bytes, since: int, n: int) -> list[bytes]:
    """The newest n that this one reported since then, other than this target."""
    own = (notice.c.reporter == reporter) & (notice.c.target != but) & (notice.c.at >= since)
    found = select(notice.c.target).where(own).order_by(notice.c.at.desc()).limit(n)
    return list(dict.fromkeys(db.execute(found).scalars()))


def read_record(db: Connection, reporter: bytes, *, since: int = 0, n: int = 200) -> Record:
    """How the newest n closed notices ended that a reporter gave after that second."""
    closed = (
        select(notice.c.state)
        .where(notice.c.reporter == reporter, notice.c.at > since, notice.c.closed_at.is_not(None))
        .order_by(notice.c.closed_at.desc(), notice.c.id)
        .limit(n)
    )
    states = list(db.execute(closed).scalars())
    return Record(len(states), states.count("acted"))


def start_review(db: Connection, target: bytes, version: int) -> list[NoticeRow]:
    """Somebody looks at it now; the notices that this changed."""
    this = (notice.c.target == target) & (notice.c.version == version) & (notice.c.state == "received")
    moved = [NoticeRow(*row) for row in db.execute(select(*_COLUMNS).where(this))]
    db.execute(update(notice).where(this).values(state="in_review"))
    return moved


def close(db: Connection, target: bytes, version: int, *, state: str, decision_id: bytes, now: int) -> list[NoticeRow]:
    """The outcome of every open notice about this version; the notices that had none before."""
    this = (notice.c.target == target) & (notice.c.version == version) & notice.c.state.in_(OPEN)
    moved = [NoticeRow(*row) for row in db.execute(select(*_COLUMNS).where(this))]
    db.execute(update(notice).where(this).values(state=state, decision_id=decision_id, closed_at=now))
    return moved


def reopen_outcome(db: Connection, old: bytes, *, state: str, decision_id: bytes, now: int) -> list[NoticeRow]:
    """The decision that was the outcome of these notices gave way to another; the notices."""
    this = notice.c.decision_id == old
    moved = [NoticeRow(*row) for row in db.execute(select(*_COLUMNS).where(this))]
    if moved:
        db.execute(update(notice).where(this).values(state=state, decision_id=decision_id, closed_at=now))
    return moved


def count_notices(db: Connection, *, start: int, end: int) -> list[tuple[str, str, int]]:
    """Category, state and number of notices with start <= at < end: for reports."""
    found = select(notice.c.category, notice.c.state, func.count()).where(notice.c.at >= start, notice.c.at < end)
    rows = db.execute(found.group_by(notice.c.category, notice.c.state).order_by(notice.c.category, notice.c.state))
    return [(row[0], row[1], int(row[2])) for row in rows]


def forget(db: Connection, *, before: int, limit: int) -> int:
    """Drop notices whose outcome is older than this second; how many."""
    old = select(notice.c.id).where(notice.c.closed_at < before).limit(limit).scalar_subquery()
    return db.execute(delete(notice).where(notice.c.id.in_(old))).rowcount
