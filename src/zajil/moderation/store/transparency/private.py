"""What is told of private reports: a finished month's rounded counts, as they were logged."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import Column, Connection, Table, Text, func, insert, select

from zajil.engine.sql.database import METADATA, U64, describe

_MONTH_KEPT: Final = "kept, as it was published"
Rounded: TypeAlias = int | Literal["<5"]
"""A multiple of 5, or `<5`."""


class PrivateCounts(msgspec.Struct, frozen=True, kw_only=True):
    """opened: how often one was read. acted, not_acted: how they were closed. measures, undone: against accounts."""

    opened: Rounded
    acted: Rounded
    not_acted: Rounded
    measures: Rounded
    undone: Rounded


class PrivateMonth(msgspec.Struct, frozen=True, kw_only=True):
    """The record that is logged of a month."""

    kind: Literal["private reports"] = "private reports"
    month: str
    counts: PrivateCounts


private_month = Table(
    "mod_private_month",
    METADATA,
    Column("month", Text, primary_key=True, info=describe("time", "a month that is over", _MONTH_KEPT)),
    Column("record", Text, nullable=False, info=describe("counter", "its rounded counts, JSON", _MONTH_KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", _MONTH_KEPT)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


class MonthRow(NamedTuple):
    """What was published of a month."""

    month: str
    record: str
    at: int


def find_month(db: Connection, month: str) -> PrivateCounts | None:
    """What was published of a month."""
    found = db.execute(select(private_month.c.record).where(private_month.c.month == month)).scalar_one_or_none()
    return msgspec.json.decode(found, type=PrivateMonth).counts if found is not None else None


def last_month(db: Connection) -> str | None:
    """The newest month that was published."""
    return db.execute(select(func.max(private_month.c.month))).scalar_one_or_none()


def put_month(db: Connection, row: MonthRow) -> None:
    """A month was published. Raises IntegrityError for one that was before."""
    db.execute(insert(private_month), row._asdict())
