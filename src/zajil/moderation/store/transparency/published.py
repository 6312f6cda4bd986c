"""Reports that are final: what they counted is forgotten in time, they are not."""

from __future__ import annotations

from sqlalchemy import Column, Connection, LargeBinary, Table, Text, select

from zajil.engine.sql.database import METADATA, U64, describe
from zajil.engine.sql.dialects import upsert

_KEPT = "kept: it is public"

published = Table(
    "mod_published",
    METADATA,
    Column("month", Text, primary_key=True, info=describe("time", "month, as 2026-11", _KEPT)),
    Column("report", LargeBinary, nullable=False, info=describe("counter", "its transparency report", _KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second it became final", _KEPT)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


def find_published(db: Connection, month: str) -> bytes | None:
    """The final report of a month, as JSON."""
    return db.execute(select(published.c.report).where(published.c.month == month)).scalar_one_or_none()


def put_published(db: Connection, month: str, report: bytes, *, now: int) -> None:
    """Keep a final report; the first one stays."""
    db.execute(upsert(published).on_conflict_do_nothing(), {"month": month, "report": report, "at": now})
