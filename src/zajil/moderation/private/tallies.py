"""Tables beside private reports that tell no single one: who nears the cap, and what staff did by the day.

A member with few open complaints has no row anywhere: only from half of what is allowed on does a restart find a count,
under a hash of the keyed name that reports carry inside. Acts stand apart from reports and name none.
"""

from __future__ import annotations

import hashlib
from typing import Final, Literal, TypeAlias

from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, Table, Text, delete, func, insert, select

from zajil.engine.sql.database import METADATA, U64, describe
from zajil.engine.sql.dialects import upsert

Act: TypeAlias = Literal["opened", "acted", "not-acted", "proposed", "confirmed", "refused", "undone"]
ACTS_KEPT_DAYS: Final = 400
_ACT_KEPT: Final = "400 days"
_NEAR_KEPT: Final = "until fewer are open"

complainant = Table(
    "mod_complainant",
    METADATA,
    Column(
        "who",
        LargeBinary,
        primary_key=True,
        info=describe(
            "identifier", "keyed hash of an account that has half of the allowed complaints open", _NEAR_KEPT
        ),
    ),
    Column("open", Integer, nullable=False, info=describe("counter", "how many it has open", _NEAR_KEPT)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

private_act = Table(
    "mod_private_act",
    METADATA,
    Column("n", U64, primary_key=True, autoincrement=True, info=describe("counter", "order", _ACT_KEPT)),
    Column("day", Integer, nullable=False, info=describe("time", "day on which staff did it", _ACT_KEPT)),
    Column("act", Text, nullable=False, info=describe("flag", "opened, acted, not-acted, ...", _ACT_KEPT)),
    Column("staff_id", LargeBinary, nullable=False, info=describe("identifier", "member of staff", _ACT_KEPT)),
    Index("mod_private_act_day", "day"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)


def name_complainant(reporter_ref: bytes) -> bytes:
    """16 bytes that stand for a reporter here, and are not what stands for them in a report."""
    return hashlib.sha256(b"zajil open complaints v1\0" + reporter_ref).digest()[:16]


def find_open(db: Connection, who: bytes) -> int:
    """How many complaints this one has open, 0 where too few to be written down."""
    return db.execute(select(complainant.c.open).where(complainant.c.who == who)).scalar_one_or_none() or 0


def put_open(db: Connection, who: bytes, count: int, *, kept_from: int) -> None:
    """This one has so many open; below `kept_from` that is written nowhere."""
    if count < kept_from:
        db.execute(delete(complainant).where(complainant.c.who == who))
        return
    row = upsert(complainant).on_conflict_do_update(index_elements=["who"], set_={"open": count})
    db.execute(row, {"who": who, "open": count})


def drop_all_open(db: Connection) -> None:
    """Nothing is written down of anybody."""
    db.execute(delete(complainant))


def add_act(db: Connection, act: Act, staff_id: bytes, *, day: int) -> None:
    """A member of staff did this, today."""
    db.execute(insert(private_act), {"day": day, "act": act, "staff_id": staff_id})


def count_acts(db: Connection, first: int, end: int) -> dict[str, int]:
    """How often each act was done on days first <= day < end."""
    inside = (private_act.c.day >= first) & (private_act.c.day < end)
    found = select(private_act.c.act, func.count()).where(inside).group_by(private_act.c.act)
    return {row[0]: int(row[1]) for row in db.execute(found)}


def first_act_day(db: Connection) -> int | None:
    """The day of the oldest act that is kept."""
    return db.execute(select(func.min(private_act.c.day))).scalar_one_or_none()


def forget_acts(db: Connection, *, today: int, limit: int) -> int:
    """Drop at most so many acts whose time is over; how many."""
    old = select(private_act.c.n).where(private_act.c.day <= today - ACTS_KEPT_DAYS).limit(limit).scalar_subquery()
    return db.execute(delete(private_act).where(private_act.c.n.in_(old))).rowcount
