"""The table of outcomes that reporters were not told yet, and its statements.

What a report came to is kept nowhere with it, so it lies here sealed to the moderators' key, padded, until it is told.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import Column, Connection, Integer, LargeBinary, Table, delete, func, insert, select, update

from zajil.engine.sql.database import METADATA, describe
from zajil.moderation.private.records import TRIES_MAX
from zajil.moderation.private.store import mod_report

_UNTIL_TOLD: Final = "until its reporter is told; where that cannot be, with its report"

mod_untold_outcome = Table(
    "mod_untold_outcome",
    METADATA,
    Column("report_id", LargeBinary, primary_key=True, info=describe("identifier", "report", _UNTIL_TOLD)),
    Column(
        "outcome",
        LargeBinary,
        nullable=False,
        info=describe("ciphertext", "what it came to, sealed to the moderators' key, padded", _UNTIL_TOLD),
    ),
    Column(
        "tries",
        Integer,
        nullable=False,
        info=describe("counter", "how often a server that found it untold took it on; 5: put aside", _UNTIL_TOLD),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


class UntoldOutcome(NamedTuple):
    """outcome: sealed. tries: of servers that found it."""

    report_id: bytes
    outcome: bytes
    tries: int


def context_of(report_id: bytes) -> bytes:
    """Of the seal of an outcome."""
    return b"\4" + report_id


def put_untold(db: Connection, report_id: bytes, sealed: bytes) -> None:
    """The reporter is to be told of it, by whichever server comes to it."""
    db.execute(insert(mod_untold_outcome).values(report_id=report_id, outcome=sealed, tries=0))


def list_untold(db: Connection, *, limit: int) -> list[UntoldOutcome]:
    """What was not told yet and is not put aside."""
    found = select(mod_untold_outcome.c.report_id, mod_untold_outcome.c.outcome, mod_untold_outcome.c.tries)
    untold = found.where(mod_untold_outcome.c.tries < TRIES_MAX).order_by(mod_untold_outcome.c.report_id)
    return [UntoldOutcome(*row) for row in db.execute(untold.limit(limit))]


def take_untold(db: Connection, found: UntoldOutcome) -> bool:
    """Count one more try. False where it was told meanwhile, or another server tries it."""
    table = mod_untold_outcome
    this = (table.c.report_id == found.report_id) & (table.c.tries == found.tries)
    return bool(db.execute(update(table).where(this).values(tries=found.tries + 1)).rowcount)


def put_aside(db: Connection, found: UntoldOutcome) -> bool:
    """Nobody tries it any more. False where that was done, or it was told or taken on, meanwhile."""
    table = mod_untold_outcome
    this = (table.c.report_id == found.report_id) & (table.c.tries == found.tries)
    return bool(db.execute(update(table).where(this).values(tries=TRIES_MAX)).rowcount)


def count_aside(db: Connection) -> int:
    """How many are put aside."""
    aside = select(func.count()).select_from(mod_untold_outcome).where(mod_untold_outcome.c.tries >= TRIES_MAX)
    return int(db.execute(aside).scalar_one())


def try_anew(db: Connection) -> None:
    """What was put aside is tried again: there may be another key."""
    db.execute(update(mod_untold_outcome).where(mod_untold_outcome.c.tries >= TRIES_MAX).values(tries=0))


def mark_told(db: Connection, report_id: bytes) -> None:
    """Its reporter was told."""
    db.execute(delete(mod_untold_outcome).where(mod_untold_outcome.c.report_id == report_id))


def forget(db: Connection) -> None:
    """Drop those whose report is gone."""
    db.execute(delete(mod_untold_outcome).where(mod_untold_outcome.c.report_id.not_in(select(mod_report.c.id))))
