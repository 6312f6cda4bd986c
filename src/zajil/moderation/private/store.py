"""The table of reports from private chats, and its statements: one function each, inside the caller's transaction.

Beside the sealed body stands nothing of who reported whom: two numbers for the queue, and days for retention.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, Table, delete, func, insert, select, update

from zajil.engine.sql.database import METADATA, U64, describe

REPORT, COMPLAINT = 1, 2
OPEN, DECIDED = 0, 1
KEPT_DAYS: Final = 90
"""A report is deleted so many days after it was decided."""
_KEPT: Final = "90 days after the decision"

mod_report = Table(
    "mod_report",
    METADATA,
    Column("n", U64, primary_key=True, autoincrement=True, info=describe("counter", "order of arrival", _KEPT)),
    Column(
        "id",
        LargeBinary,
        nullable=False,
        unique=True,
        info=describe("identifier", "one report from a private chat, random", _KEPT),
    ),
    Column(
        "kind",
        Integer,
        nullable=False,
        info=describe("flag", "1 report with proof, 2 complaint without", _KEPT),
    ),
    Column("state", Integer, nullable=False, info=describe("flag", "0 open, 1 decided", _KEPT)),
    Column(
        "body",
        LargeBinary,
        nullable=False,
        info=describe("ciphertext", "what a member sent in, sealed to the moderators' key, padded", _KEPT),
    ),
    Column("received_day", Integer, nullable=False, info=describe("time", "day of arrival", _KEPT)),
    Column(
        "decided_day", Integer, nullable=True, info=describe("time", "day of the decision, to delete it after", _KEPT)
    ),
    Column(
        "claimed_by",
        LargeBinary,
        nullable=True,
        info=describe("identifier", "member of staff", "10 minutes, or as above"),
    ),
    Column("claimed_until", U64, nullable=False, server_default="0", info=describe("time", "end of the claim", _KEPT)),
    Index("mod_report_queue", "state", "kind", "n"),
    Index("mod_report_decided", "decided_day"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)


class ReportRow(NamedTuple):
    """One stored report."""

    id: bytes
    kind: int
    state: int
    body: bytes
    received_day: int
    decided_day: int | None
    claimed_by: bytes | None
    claimed_until: int


_COLUMNS: Final = tuple(mod_report.c[name] for name in ReportRow._fields)


def insert_report(db: Connection, report_id: bytes, *, kind: int, body: bytes, day: int) -> None:
    """An open report. Raises IntegrityError if the id exists."""
    row = {"id": report_id, "kind": kind, "state": OPEN, "body": body, "received_day": day, "decided_day": None}
    row |= {"claimed_by": None, "claimed_until": 0}
    db.execute(insert(mod_report).values(row))


def find_report(db: Connection, report_id: bytes) -> ReportRow | None:
    """The report of an id (16 bytes)."""
    row = db.execute(select(*_COLUMNS).where(mod_report.c.id == report_id)).one_or_none()
    return None if row is None else ReportRow(*row)


def open_reports(db: Connection, kind: int, *, limit: int) -> list[ReportRow]:
    """Open ones of a kind, oldest first."""
    waiting = (mod_report.c.state == OPEN) & (mod_report.c.kind == kind)
    rows = db.execute(select(*_COLUMNS).where(waiting).order_by(mod_report.c.n).limit(limit))
    return [ReportRow(*row) for row in rows]


def open_of_all_kinds(db: Connection, *, limit: int) -> list[ReportRow]:
    """Open ones: reports with proof, and behind them complaints, each oldest first.

    A complaint costs nothing to make up: however many there are, they hide no report.
    """
    waiting = select(*_COLUMNS).where(mod_report.c.state == OPEN)
    rows = db.execute(waiting.order_by(mod_report.c.kind, mod_report.c.n).limit(limit))
    return [ReportRow(*row) for row in rows]


def claim(db: Connection, report_id: bytes, staff_id: bytes, *, now: int, until: int) -> bool:
    """The report is this member's until then. False where it is not open, or another's now. Times: Unix seconds."""
    free = (
        mod_report.c.claimed_by.is_(None) | (mod_report.c.claimed_by == staff_id) | (mod_report.c.claimed_until <= now)
    )
    this = (mod_report.c.id == report_id) & (mod_report.c.state == OPEN) & free
    return bool(db.execute(update(mod_report).where(this).values(claimed_by=staff_id, claimed_until=until)).rowcount)


def release(db: Connection, report_id: bytes) -> None:
    """The report is nobody's."""
    db.execute(update(mod_report).where(mod_report.c.id == report_id).values(claimed_by=None, claimed_until=0))


def release_all(db: Connection, staff_id: bytes) -> None:
    """What this member holds is nobody's."""
    db.execute(update(mod_report).where(mod_report.c.claimed_by == staff_id).values(claimed_by=None, claimed_until=0))


def count_open(db: Connection, kind: int) -> int:
    """How many of a kind are open."""
    waiting = (mod_report.c.state == OPEN) & (mod_report.c.kind == kind)
    return int(db.execute(select(func.count()).select_from(mod_report).where(waiting)).scalar_one())


def mark_decided(db: Connection, report_id: bytes, *, day: int, holder: bytes | None = None) -> bool:
    """The report is decided since this day, and nobody's. False where it is not open, or not this holder's."""
    this = (mod_report.c.id == report_id) & (mod_report.c.state == OPEN)
    if holder is not None:
        this &= mod_report.c.claimed_by == holder
    done = {"state": DECIDED, "decided_day": day, "claimed_by": None, "claimed_until": 0}
    return bool(db.execute(update(mod_report).where(this).values(**done)).rowcount)


def rows_after(db: Connection, n: int, *, limit: int) -> list[tuple[int, ReportRow]]:
    """The reports behind this number, of all kinds and states, with their numbers, in order of arrival."""
    found = select(mod_report.c.n, *_COLUMNS).where(mod_report.c.n > n).order_by(mod_report.c.n).limit(limit)
    return [(row[0], ReportRow(*row[1:])) for row in db.execute(found)]


def put_bodies(db: Connection, bodies: Mapping[bytes, bytes]) -> None:
    """The same reports, sealed anew: body by id."""
    for report_id, body in bodies.items():
        db.execute(update(mod_report).where(mod_report.c.id == report_id).values(body=body))


def open_ids(db: Connection, kind: int) -> set[bytes]:
    """Ids of all open ones of a kind."""
    waiting = (mod_report.c.state == OPEN) & (mod_report.c.kind == kind)
    return set(db.execute(select(mod_report.c.id).where(waiting)).scalars())


def reopen(db: Connection, report_id: bytes) -> bool:
    """A decision was taken back: the report is open again. False where it is not decided."""
    this = (mod_report.c.id == report_id) & (mod_report.c.state == DECIDED)
    return bool(db.execute(update(mod_report).where(this).values(state=OPEN, decided_day=None)).rowcount)


def delete_old(db: Connection, *, day: int, limit: int) -> int:
    """Delete at most `limit` reports decided 90 days ago or earlier; returns how many. day: today."""
    old = select(mod_report.c.n).where(mod_report.c.decided_day <= day - KEPT_DAYS).limit(limit).scalar_subquery()
    return db.execute(delete(mod_report).where(mod_report.c.n.in_(old))).rowcount
