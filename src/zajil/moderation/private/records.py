"""The table of measures against accounts, and its statements. Whom one is against lies sealed, as reports do."""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Table,
    delete,
    insert,
    select,
    update,
)

from zajil.engine.sql.database import METADATA, U64, describe

PROPOSED, IN_FORCE, UNDONE, REFUSED = 0, 1, 2, 3
KEPT_DAYS: Final = 400
_KEPT: Final = "400 days after it was decided; in force, as long as it is"

mod_measure = Table(
    "mod_measure",
    METADATA,
    Column("n", U64, primary_key=True, autoincrement=True, info=describe("counter", "order", _KEPT)),
    Column("id", LargeBinary, nullable=False, unique=True, info=describe("identifier", "one measure, random", _KEPT)),
    Column("report_id", LargeBinary, nullable=False, info=describe("identifier", "report it answers", _KEPT)),
    Column(
        "state", Integer, nullable=False, info=describe("flag", "0 proposed, 1 in force, 2 undone, 3 refused", _KEPT)
    ),
    Column(
        "body",
        LargeBinary,
        nullable=False,
        info=describe("ciphertext", "against whom, what and why, sealed to the moderators' key, padded", _KEPT),
    ),
    Column("proposed_by", LargeBinary, nullable=False, info=describe("identifier", "member of staff", _KEPT)),
    Column("decided_by", LargeBinary, nullable=True, info=describe("identifier", "another member of staff", _KEPT)),
    Column("day", Integer, nullable=False, info=describe("time", "day of the last change", _KEPT)),
    Index("mod_measure_report", "report_id"),
    Index("mod_measure_state", "state", "day"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)


class MeasureRow(NamedTuple):
    """One measure."""

    id: bytes
    report_id: bytes
    state: int
    body: bytes
    proposed_by: bytes
    decided_by: bytes | None
    day: int


_COLUMNS: Final = tuple(mod_measure.c[name] for name in MeasureRow._fields)


def insert_measure(db: Connection, row: MeasureRow) -> None:
    """A new measure."""
    db.execute(insert(mod_measure), row._asdict())


def find_measure(db: Connection, measure_id: bytes) -> MeasureRow | None:
    """The measure of an id, 16 bytes."""
    row = db.execute(select(*_COLUMNS).where(mod_measure.c.id == measure_id)).one_or_none()
    return None if row is None else MeasureRow(*row)


def find_proposed(db: Connection, report_id: bytes) -> MeasureRow | None:
    """What is proposed in answer to a report and waits for a second person."""
    waiting = (mod_measure.c.report_id == report_id) & (mod_measure.c.state == PROPOSED)
    row = db.execute(select(*_COLUMNS).where(waiting)).first()
    return None if row is None else MeasureRow(*row)


def proposed_reports(db: Connection) -> dict[bytes, bytes]:
    """Who proposed something, by the report that waits for a second person."""
    found = select(mod_measure.c.report_id, mod_measure.c.proposed_by).where(mod_measure.c.state == PROPOSED)
    return {row[0]: row[1] for row in db.execute(found)}


def decided(db: Connection, *, limit: int) -> list[MeasureRow]:
    """Measures in force and undone ones, newest first."""
    found = select(*_COLUMNS).where(mod_measure.c.state.in_((IN_FORCE, UNDONE)))
    return [MeasureRow(*row) for row in db.execute(found.order_by(mod_measure.c.n.desc()).limit(limit))]


def move(db: Connection, measure_id: bytes, *, old: int, new: int, by: bytes, day: int) -> bool:
    """The measure is in another state. False where it was not in the old one."""
    this = (mod_measure.c.id == measure_id) & (mod_measure.c.state == old)
    done = {"state": new, "decided_by": by, "day": day}
    return bool(db.execute(update(mod_measure).where(this).values(**done)).rowcount)


def put_body(db: Connection, measure_id: bytes, body: bytes) -> None:
    """The measure, sealed anew."""
    db.execute(update(mod_measure).where(mod_measure.c.id == measure_id).values(body=body))


def drop_proposed(db: Connection, report_id: bytes) -> None:
    """Nothing is proposed in answer to this report any more."""
    waiting = (mod_measure.c.report_id == report_id) & (mod_measure.c.state == PROPOSED)
    db.execute(delete(mod_measure).where(waiting))


def forget(db: Connection, *, today: int, limit: int) -> int:
    """Drop at most so many undone and refused ones whose time is over; how many."""
    over = mod_measure.c.state.in_((UNDONE, REFUSED)) & (mod_measure.c.day <= today - KEPT_DAYS)
    old = select(mod_measure.c.n).where(over).limit(limit).scalar_subquery()
    return db.execute(delete(mod_measure).where(mod_measure.c.n.in_(old))).rowcount
