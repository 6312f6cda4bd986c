"""What a persona is told of decisions that met it: reasons in its language, until when it can appeal, and a proof.

A decision is told where it restricted something, or gave back what another had restricted. It is nobody else's to read.
"""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection

from zajil.moderation.decide.statements import parse_statement
from zajil.moderation.review.aftermath import RESTRICTING, UNDONE, is_told
from zajil.moderation.review.context import Persona, Review
from zajil.moderation.review.standing import counting, read_standing, reports_muted_until
from zajil.moderation.store import appeals, decisions, strikes
from zajil.moderation.store.appeals import AppealRow
from zajil.moderation.store.decisions import DecisionRow
from zajil.protocol.control import B16
from zajil.protocol.errors import error
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.public import api, redress

DAY_S: Final = 86_400
_CARE: Final = "self_harm"
_PAGE_SCAN: Final = 200


async def list_notices(review: Review, caller: Persona, before: str | None) -> redress.Notices:
    """Decisions that met the caller, newest first. Raises Malformed for a cursor that is none."""
    place = int.from_bytes(parse_b64(before, size=8), "big") & (1 << 62) - 1 if before is not None else None

    def read(db: Connection) -> redress.Notices:
        shown: list[redress.Notice] = []
        after = place
        while True:
            rows = decisions.decisions_of(db, caller.persona_id, before=after, n=_PAGE_SCAN)
            for row in rows:
                after = row.seq
                notice = view_notice(review, db, row)
                if notice is not None:
                    shown.append(notice)
                if len(shown) == api.PAGE:
                    return redress.Notices(tuple(shown), encode_b64(after.to_bytes(8, "big")))
            if len(rows) < _PAGE_SCAN:
                return redress.Notices(tuple(shown))

    return await review.db.read(read)


async def read_notice(review: Review, caller: Persona, decision: str) -> redress.Notice:
    """One decision that met the caller. Raises Refused `gone` for any other."""
    decision_id = parse_b64(decision, size=16)

    def read(db: Connection) -> redress.Notice:
        row = find_own(db, caller, decision_id)
        notice = view_notice(review, db, row)
        if notice is None:
            raise error("gone")
        return notice

    return await review.db.read(read)


async def read_own_standing(review: Review, caller: Persona) -> redress.OwnStanding:
    """How the caller stands, and why."""

    def read(db: Connection) -> redress.OwnStanding:
        now = review.now()
        found = counting(strikes.strikes_of(db, caller.persona_id), now)
        standing = read_standing(db, caller.persona_id, now=now)
        return redress.OwnStanding(
            trust=caller.trust,
            points=sum(each.weight for each in found),
            strikes=tuple(
                redress.OwnStrike(B16(each.decision_id), each.category, each.weight, each.at, each.expires_at)
                for each in found
            ),
            limited_until=standing.limited_until or None,
            suspended_until=standing.suspended_until or None,
            reports_muted_until=reports_muted_until(db, caller.persona_id, now=now) or None,
        )

    return await review.db.read(read)


def find_own(db: Connection, caller: Persona, decision_id: bytes) -> DecisionRow:
    """A decision that met this persona. Raises Refused `gone`."""
    row = decisions.find_decision(db, decision_id)
    if row is None or row.author != caller.persona_id:
        raise error("gone")
    return row


def appeal_until(review: Review, row: DecisionRow) -> int | None:
    """Until when an appeal against this decision is taken; None where none is.

    Not against what a channel's own moderators did, nor against the answer to an appeal, nor what restricts nothing.
    """
    if row.action not in RESTRICTING or row.source in ("channel", "appeal") or row.because == UNDONE:
        return None
    return row.at + review.decisions.policy().defaults.appeal_days * DAY_S


def view_notice(review: Review, db: Connection, row: DecisionRow) -> redress.Notice | None:
    """The decision as whom it met is told of it; None where it is not told."""
    old = decisions.find_decision(db, row.supersedes) if row.supersedes is not None else None
    if not is_told(row, old):
        return None
    statement = parse_statement(row.sor) if row.sor is not None else None
    appeal = appeals.find_against(db, row.id)
    in_force = decisions.is_current(db, row.id)
    kind: redress.ReportKind = "post"
    if row.target_kind == "persona" or row.target_kind == "channel":
        kind = row.target_kind
    return redress.Notice(
        decision_id=B16(row.id),
        kind=kind,
        target=B16(row.target),
        version=row.version,
        action=row.action,
        category=row.category,
        at=row.at,
        in_force=in_force,
        automated=not row.is_human,
        sub=row.sub,
        channel_id=B16(row.channel_id) if row.channel_id else None,
        until=row.hold_until,
        reason=row.note if row.source == "channel" else "",
        statement=msgspec.convert(msgspec.to_builtins(statement), redress.Statement) if statement else None,
        # What gave way to another decision is not open to appeal: that one is.
        appeal_until=appeal_until(review, row) if in_force else None,
        appeal=view_brief(appeal) if appeal is not None else None,
        supersedes=B16(old.id) if old is not None else None,
        proof=review.proofs.find_proof(db, row),
        care=row.category == _CARE,
    )


def view_brief(row: AppealRow) -> redress.AppealBrief:
    """An appeal beside its decision."""
    return redress.AppealBrief(B16(row.id), parse_state(row.state), row.at, row.due_at, row.closed_at)


_STATES: Final[dict[str, redress.AppealState]] = {
    "open": "open",
    "assigned": "assigned",
    "upheld": "upheld",
    "reversed": "reversed",
    "partly": "partly",
}


def parse_state(state: str) -> redress.AppealState:
    """A stored state of an appeal."""
    return _STATES[state]
