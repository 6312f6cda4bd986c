"""Appeals by whom a decision met: one for each decision, another word while it waits is added to it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.engine.sql import answers
from zajil.moderation.appeals.telling import appeal_until, find_own, parse_state
from zajil.moderation.review.context import Persona, Review
from zajil.moderation.store import appeals, decisions
from zajil.moderation.store.appeals import AppealRow
from zajil.protocol.control import B16
from zajil.protocol.errors import error
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.public import redress

DUE_S: Final = 86_400
"""The answer is due in a day; half are meant to have one by then."""
TEXTS_MAX: Final = 5
"""How many texts one appeal takes."""
_BETWEEN: Final = "\n\n— — —\n\n"


async def lodge(review: Review, caller: Persona, decision: str, request: redress.NewAppeal) -> redress.Appeal:
    """The appeal against a decision that met the caller, and is in force.

    Raises gone (no such decision of theirs), appeal-closed (none is taken, or not any more), slow-down.
    """
    decision_id, now, text = parse_b64(decision, size=16), review.now(), _clean(request.text)
    review.limits.take("appeal", caller.persona_id, now=review.decisions.clock())

    keep = answers.keeper()

    def insert(db: Connection) -> AppealRow:
        row = find_own(db, caller, decision_id)
        known = appeals.find_against(db, row.id)
        if known is not None:
            return _add(db, known, text)
        until = appeal_until(review, row)
        if until is None or now > until or not decisions.is_current(db, row.id):
            raise error("appeal-closed")
        made = AppealRow(
            id=review.random(16),
            decision_id=row.id,
            persona=caller.persona_id,
            text=text,
            state="open",
            reviewer=None,
            answer="",
            result_id=None,
            at=now,
            due_at=now + DUE_S,
            closed_at=None,
        )
        appeals.insert_appeal(db, made)
        review.space.tell(db, caller.persona_id, "appeal.updated", encode_b64(made.id))
        return made

    def write(db: Connection) -> redress.Appeal:
        appeal = view_appeal(insert(db))
        keep(db, appeal)
        return appeal

    appeal = await review.db.write(write)
    review.nudge()
    return appeal


async def read_own_appeal(review: Review, caller: Persona, appeal: str) -> redress.Appeal:
    """One of the caller's appeals. Raises Refused `gone` for any other."""
    appeal_id = parse_b64(appeal, size=16)
    row = await review.db.read(lambda db: appeals.find_appeal(db, appeal_id))
    if row is None or row.persona != caller.persona_id:
        raise error("gone")
    return view_appeal(row)


def view_appeal(row: AppealRow) -> redress.Appeal:
    """An appeal as its author sees it: not who has it."""
    return redress.Appeal(
        appeal_id=B16(row.id),
        decision_id=B16(row.decision_id),
        state=parse_state(row.state),
        text=row.text,
        at=row.at,
        due_at=row.due_at,
        closed_at=row.closed_at,
        answer=row.answer,
        result=B16(row.result_id) if row.result_id is not None else None,
    )


def _add(db: Connection, known: AppealRow, text: str) -> AppealRow:
    if known.state not in appeals.OPEN:
        raise error("appeal-closed")
    parts = known.text.split(_BETWEEN)
    if text in parts:
        return known
    if len(parts) >= TEXTS_MAX:
        raise error("appeal-closed", "enough texts")
    longer = _BETWEEN.join((*parts, text))
    appeals.set_text(db, known.id, longer)
    return known._replace(text=longer)


def _clean(text: str) -> str:
    stripped = text.strip()
    if not stripped or any((ord(c) < 32 and c not in "\n\t") or 0xD800 <= ord(c) < 0xE000 for c in stripped):
        raise error("malformed", "text of an appeal")
    return stripped
