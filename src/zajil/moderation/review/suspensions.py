"""Rules and list entries that count no more since people reversed what followed from them, and how one counts again.

Three reversals within a day suspend one (`decide/confirm.py`). Whoever keeps lists looks at what was reversed and lifts
it, with a reason that is logged; from then on three more are needed.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Final, NamedTuple

from sqlalchemy import Connection

from zajil.moderation.audit.entries import Kind
from zajil.moderation.decide.confirm import LISTED, REVERSED_WITHIN_S
from zajil.moderation.match.entries import Entry
from zajil.moderation.match.urls import AddressLists
from zajil.moderation.review.context import Review, Reviewer
from zajil.moderation.review.lists import LISTS, note
from zajil.moderation.store import decisions, matches
from zajil.moderation.store.decisions import DecisionRow
from zajil.moderation.store.matches import SuspensionRow
from zajil.protocol.errors import error
from zajil.protocol.ids import B16
from zajil.protocol.review.api import Subject
from zajil.protocol.review.suspensions import LiftSuspension, Reversed, SuspendedKind, Suspension, Suspensions

SHOWN: Final = 10
_EXCERPT: Final = 300
ReadSubject = Callable[[Connection, bytes, int], Subject | None]


class Lifted(NamedTuple):
    """What the log is told of one that counts again."""

    kind: Kind
    record: str


async def list_suspensions(review: Review) -> Suspensions:
    """Every one of now."""
    rules = review.decisions.policy().rules
    return await review.db.read(lambda db: view_suspensions(db, rules, review.space.read_subject))


async def lift(review: Review, reviewer: Reviewer, request: LiftSuspension) -> Suspensions:
    """It counts again from the next batch on; what is left. Raises Refused `gone` where no such one is suspended."""

    def write(db: Connection) -> None:
        lifted = lift_suspension(db, request, now=review.now())
        note(review, db, reviewer.staff_id, lifted.kind, lifted.record)

    await review.db.write(write)
    return await list_suspensions(review)  # not in the writer, which messages wait for


def lift_suspension(db: Connection, request: LiftSuspension, *, now: int) -> Lifted:
    """It counts again; what to log of that. Raises Refused `gone`."""
    ref = request.ref if request.kind == "rule" else _canonical(request.kind, request.ref)
    what, name = ("rule", ref) if request.kind == "rule" else ("url", f"{request.kind} {ref}")
    if not matches.lift_suspension(db, what, name, now=now):
        raise error("gone")
    return Lifted("policy" if what == "rule" else "list", f"lift {request.kind} {ref}: {request.reason}")


def view_suspensions(db: Connection, rules: Container[str], read_subject: ReadSubject) -> Suspensions:
    """Every one of now, and what was reversed. rules: ids of the policy in force."""
    return Suspensions(tuple(_view(db, row, rules, read_subject) for row in matches.suspensions(db)))


def _view(db: Connection, row: SuspensionRow, rules: Container[str], read_subject: ReadSubject) -> Suspension:
    kind, ref, stands = _read_name(db, row, rules)
    because = row.ref if row.what == "rule" else LISTED + row.ref
    found = decisions.reversed_because(db, because, since=row.at - REVERSED_WITHIN_S, until=row.at, n=SHOWN)
    return Suspension(kind, ref, row.at, tuple(_view_reversed(db, each, read_subject) for each in found), stands)


def _read_name(db: Connection, row: SuspensionRow, rules: Container[str]) -> tuple[SuspendedKind, str, bool]:
    name, _, value = row.ref.partition(" ")
    for known in LISTS if row.what == "url" else ():
        if known == name:
            return known, value, matches.find_address(db, name, value) is not None
    return "rule", row.ref, row.ref in rules


def _view_reversed(db: Connection, row: DecisionRow, read_subject: ReadSubject) -> Reversed:
    subject = read_subject(db, row.target, row.version) if row.target_kind == "post" else None
    text = subject.text[:_EXCERPT] if subject is not None else ""
    return Reversed(B16(row.id), row.action, row.category, row.at, text)


def _canonical(kind: SuspendedKind, value: str) -> str:
    """As the list holds it; what is no such address stays as it is, and is not found."""
    name = next(known for known in LISTS if known == kind)
    try:
        return AddressLists().add(name, value, Entry("spam", "staff")) or value
    except ValueError:
        return value
