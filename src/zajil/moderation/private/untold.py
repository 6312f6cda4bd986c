"""The table of what moderators decided and was not told yet, and its statements: of measures and of reports.

What a report came to is kept nowhere with it, so it lies here sealed to the moderators' key, padded, until it is told.
What a measure is about lies sealed with the measure.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    LargeBinary,
    Table,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from zajil.engine.sql.database import METADATA, describe
from zajil.moderation.private.records import mod_measure
from zajil.moderation.private.store import mod_report

IN_FORCE, UNDONE, OUTCOME = 0, 1, 2
"""What is to be told: to its account that a measure is in force, or was undone; to a reporter what a report came to."""
TRIES_MAX: Final = 5
"""What could not be told in so many tries is put aside until somebody unlocks the key anew: nobody tries it, and it
holds up nothing that can be told."""
ASIDE_DAYS: Final = 90
"""What is put aside goes so many days after the measure was decided; of a report it goes with the report."""

_UNTIL_TOLD: Final = "until it is told; where it cannot be, 90 days after the decision"
mod_untold = Table(
    "mod_untold",
    METADATA,
    Column("about", LargeBinary, primary_key=True, info=describe("identifier", "measure, or report", _UNTIL_TOLD)),
    Column(
        "kind",
        Integer,
        primary_key=True,
        autoincrement=False,
        info=describe("flag", "0 the measure is in force, 1 it was undone, 2 what the report came to", _UNTIL_TOLD),
    ),
    Column(
        "outcome",
        LargeBinary,
        nullable=True,
        info=describe("ciphertext", "of a report: what it came to, sealed to the moderators' key, padded", _UNTIL_TOLD),
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


class Untold(NamedTuple):
    """about: of a measure or, with an outcome, of a report. outcome: sealed. tries: of servers that found it.

    No time is kept: when a measure was decided would lead from it to a notice in a mailbox.
    """

    about: bytes
    kind: int
    outcome: bytes | None
    tries: int


_COLUMNS: Final = tuple(mod_untold.c[name] for name in Untold._fields)
_IS_ASIDE: Final = mod_untold.c.tries >= TRIES_MAX


def context_of(report_id: bytes) -> bytes:
    """Of the seal of an outcome."""
    return b"\4" + report_id


def put_measure(db: Connection, measure_id: bytes, *, undone: bool) -> None:
    """The account is to be told of it, by whichever server comes to it."""
    db.execute(insert(mod_untold), Untold(measure_id, UNDONE if undone else IN_FORCE, None, 0)._asdict())


def put_outcome(db: Connection, report_id: bytes, sealed: bytes) -> None:
    """The reporter is to be told of it, by whichever server comes to it."""
    db.execute(insert(mod_untold), Untold(report_id, OUTCOME, sealed, 0)._asdict())


def list_untold(db: Connection, *, limit: int) -> list[Untold]:
    """What was not told and is not put aside; for each measure that it is in force before that it was undone."""
    found = select(*_COLUMNS).where(~_IS_ASIDE).order_by(mod_untold.c.about, mod_untold.c.kind)
    return [Untold(*row) for row in db.execute(found.limit(limit))]


def take(db: Connection, found: Untold) -> bool:
    """Count one more try. False where it was told meanwhile, or another server tries it."""
    return bool(db.execute(update(mod_untold).where(_is_as(found)).values(tries=found.tries + 1)).rowcount)


def put_aside(db: Connection, found: Untold) -> bool:
    """Nobody tries it any more. False where that was done, or it was told or taken on, meanwhile."""
    return bool(db.execute(update(mod_untold).where(_is_as(found)).values(tries=TRIES_MAX)).rowcount)


def count_aside(db: Connection) -> int:
    """Decisions that can be told to nobody: sealed to a key that is lost, or damaged."""
    return int(db.execute(select(func.count()).select_from(mod_untold).where(_IS_ASIDE)).scalar_one())


def try_anew(db: Connection) -> None:
    """What was put aside is tried again: there may be another key."""
    db.execute(update(mod_untold).where(_IS_ASIDE).values(tries=0))


def mark_measure_told(db: Connection, measure_id: bytes, *, undone: bool) -> None:
    """Its account was told."""
    db.execute(delete(mod_untold).where(_is_of(measure_id, UNDONE if undone else IN_FORCE)))


def mark_outcome_told(db: Connection, report_id: bytes) -> None:
    """Its reporter was told."""
    db.execute(delete(mod_untold).where(_is_of(report_id, OUTCOME)))


def forget(db: Connection, *, today: int) -> None:
    """Drop those whose measure or report is gone, and of measures those that were put aside for `ASIDE_DAYS`."""
    is_outcome = mod_untold.c.kind == OUTCOME
    recent = select(mod_measure.c.id).where(mod_measure.c.day > today - ASIDE_DAYS)
    of_measure = or_(mod_untold.c.about.not_in(select(mod_measure.c.id)), _IS_ASIDE & mod_untold.c.about.not_in(recent))
    of_report = mod_untold.c.about.not_in(select(mod_report.c.id))
    db.execute(delete(mod_untold).where(or_(is_outcome & of_report, ~is_outcome & of_measure)))


def _is_of(about: bytes, kind: int) -> ColumnElement[bool]:
    return (mod_untold.c.about == about) & (mod_untold.c.kind == kind)


def _is_as(found: Untold) -> ColumnElement[bool]:
    """It, unless somebody took it on since it was found."""
    return _is_of(found.about, found.kind) & (mod_untold.c.tries == found.tries)
