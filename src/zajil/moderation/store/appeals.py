"""Statements about appeals. Who may judge one is decided in SQL: never whoever made the decision."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, insert, select, update

from zajil.moderation.store.people import appeal
from zajil.moderation.store.tables import decision

OPEN = ("open", "assigned")


class AppealRow(NamedTuple):
    """An appeal. reviewer: who has it, or had it. due_at: when an answer is due. Times: Unix seconds."""

    id: bytes
    decision_id: bytes
    persona: bytes
    text: str
    state: str
    reviewer: bytes | None
    answer: str
    result_id: bytes | None
    at: int
    due_at: int
    closed_at: int | None


_COLUMNS = [appeal.c[name] for name in AppealRow._fields]


def insert_appeal(db: Connection, row: AppealRow) -> None:
    """A new appeal. Raises IntegrityError if its decision is under appeal already."""
    db.execute(insert(appeal), row._asdict())


def find_appeal(db: Connection, appeal_id: bytes) -> AppealRow | None:
    """The appeal with this id."""
    row = db.execute(select(*_COLUMNS).where(appeal.c.id == appeal_id)).one_or_none()
    return AppealRow(*row) if row else None


def find_against(db: Connection, decision_id: bytes) -> AppealRow | None:
    """The appeal against a decision."""
    row = db.execute(select(*_COLUMNS).where(appeal.c.decision_id == decision_id)).one_or_none()
    return AppealRow(*row) if row else None


def set_text(db: Connection, appeal_id: bytes, text: str) -> None:
    """What its author says now."""
    db.execute(update(appeal).where(appeal.c.id == appeal_id).values(text=text))


def may_judge(staff_id: bytes, *, but: bytes = b"") -> ColumnElement[bool]:
    """Whether this member may judge the appeal of a row: they made neither its decision, nor the one it rests on.

    To be used with `decision` joined to `appeal`. Every decision about the same version that they made counts, so
    that nobody confirms themselves by way of a third decision. but: the outcome itself, in its own transaction.
    """
    own = decision.alias("own")
    theirs = (
        select(own.c.seq)
        .where(own.c.actor == staff_id, own.c.id != but)
        .where(
            (own.c.id == decision.c.id)
            | (own.c.id == decision.c.basis)
            | ((own.c.target == decision.c.target) & (own.c.version == decision.c.version))
        )
    )
    return ~theirs.exists()


def is_judge(db: Connection, appeal_id: bytes, staff_id: bytes) -> bool:
    """Whether this member may judge this appeal."""
    found = select(appeal.c.id).join(decision, decision.c.id == appeal.c.decision_id)
    return db.execute(found.where(appeal.c.id == appeal_id, may_judge(staff_id))).first() is not None


def open_appeals(db: Connection, *, staff_id: bytes | None, n: int) -> list[AppealRow]:
    """Appeals that wait, oldest first: those that this member may judge, or all."""
    found = select(*_COLUMNS).join(decision, decision.c.id == appeal.c.decision_id).where(appeal.c.state.in_(OPEN))
    if staff_id is not None:
        found = found.where(may_judge(staff_id))
    return [AppealRow(*row) for row in db.execute(found.order_by(appeal.c.at, appeal.c.id).limit(n))]


def take(db: Connection, appeal_id: bytes, staff_id: bytes) -> bool:
    """This member has the appeal now; False where they may not, or another has it, or it is closed."""
    fits = select(appeal.c.id).join(decision, decision.c.id == appeal.c.decision_id).where(may_judge(staff_id))
    free = (appeal.c.state == "open") | ((appeal.c.state == "assigned") & (appeal.c.reviewer == staff_id))
    chosen = (appeal.c.id == appeal_id) & free & appeal.c.id.in_(fits)
    return db.execute(update(appeal).where(chosen).values(state="assigned", reviewer=staff_id)).rowcount == 1


def close(
    db: Connection, appeal_id: bytes, staff_id: bytes, *, state: str, answer: str, result_id: bytes, now: int
) -> bool:
    """The appeal has its outcome; False where this member does not have it, or may not judge it."""
    judged = may_judge(staff_id, but=result_id)
    fits = select(appeal.c.id).join(decision, decision.c.id == appeal.c.decision_id).where(judged)
    mine = (appeal.c.id == appeal_id) & (appeal.c.state == "assigned") & (appeal.c.reviewer == staff_id)
    values = {"state": state, "answer": answer, "result_id": result_id, "closed_at": now}
    return db.execute(update(appeal).where(mine, appeal.c.id.in_(fits)).values(**values)).rowcount == 1


def move(db: Connection, appeal_id: bytes, decision_id: bytes) -> None:
    """The appeal is against another decision, and open to every judge of that one."""
    values = {"decision_id": decision_id, "state": "open", "reviewer": None}
    db.execute(update(appeal).where(appeal.c.id == appeal_id, appeal.c.state.in_(OPEN)).values(**values))


def give_back(db: Connection, staff_id: bytes) -> int:
    """What a member who left had taken is open again; how many."""
    mine = (appeal.c.state == "assigned") & (appeal.c.reviewer == staff_id)
    return db.execute(update(appeal).where(mine).values(state="open", reviewer=None)).rowcount


def count_appeals(db: Connection, *, start: int, end: int) -> list[tuple[str, int]]:
    """State and number of appeals with start <= at < end: for reports."""
    found = select(appeal.c.state, func.count()).where(appeal.c.at >= start, appeal.c.at < end)
    return [(row[0], int(row[1])) for row in db.execute(found.group_by(appeal.c.state).order_by(appeal.c.state))]
