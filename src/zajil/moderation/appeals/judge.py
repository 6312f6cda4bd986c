"""Appeals before another person: never whoever decided, which SQL sees to at claim and at decision alike.

Every outcome is a decision of its own, source `appeal`: what was upheld stands anew under a second person's name, what
was reversed is restored with all that had followed, and `partly` puts something softer in its place.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.moderation.appeals.telling import parse_state
from zajil.moderation.decide.decide import decide_in, hand_over, spread_all
from zajil.moderation.decide.orders import Order, order_key
from zajil.moderation.review.context import Review, Reviewer
from zajil.moderation.review.items import view_past, view_target
from zajil.moderation.store import appeals, claims, decisions
from zajil.moderation.store.appeals import AppealRow
from zajil.moderation.store.decisions import Act, DecisionRow
from zajil.protocol.control import B16
from zajil.protocol.errors import error
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.review import api

LISTED: Final = 200
_SOFTER: Final[dict[str, int]] = {"label": 1, "limit": 2, "hold": 3, "remove": 4}


async def list_appeals(review: Review, reviewer: Reviewer) -> api.Appeals:
    """Appeals that wait for a person, oldest first: those the caller may judge; an auditor sees all."""
    only = None if reviewer.role == "auditor" else reviewer.staff_id

    def read(db: Connection) -> api.Appeals:
        rows = appeals.open_appeals(db, staff_id=only, n=LISTED)
        return api.Appeals(tuple(_brief(db, row, reviewer) for row in rows))

    return await review.db.read(read)


async def read_appeal(review: Review, reviewer: Reviewer, appeal: str) -> api.Appeal:
    """One appeal with what it is about. Raises Refused `gone`."""
    appeal_id = parse_b64(appeal, size=16)

    def read(db: Connection) -> api.Appeal:
        row, decision = _find(db, appeal_id)
        return api.Appeal(
            brief=_brief(db, row, reviewer),
            text=row.text,
            decision=view_past(review, db, decision, with_text=False),
            item=view_target(review, db, decision, reviewer),
            answer=row.answer,
        )

    return await review.db.read(read)


async def claim_appeal(review: Review, reviewer: Reviewer, appeal: str) -> api.AppealBrief:
    """The appeal is the caller's to judge. Raises gone, own-decision, item-claimed, appeal-closed."""
    appeal_id = parse_b64(appeal, size=16)

    def write(db: Connection) -> api.AppealBrief:
        row, _ = _find(db, appeal_id)
        if not appeals.take(db, appeal_id, reviewer.staff_id):
            _refuse(db, row, reviewer)
        review.space.tell(db, row.persona, "appeal.updated", encode_b64(row.id))
        return _brief(db, row._replace(state="assigned", reviewer=reviewer.staff_id), reviewer)

    brief = await review.db.write(write)
    review.nudge()
    return brief


async def decide_appeal(review: Review, reviewer: Reviewer, appeal: str, request: api.DecideAppeal) -> api.Decided:
    """The outcome. Raises gone, own-decision, item-claimed (another has it), appeal-closed, malformed."""
    appeal_id = parse_b64(appeal, size=16)
    if (request.outcome == "partly") != (request.action is not None):
        raise error("malformed", "an action goes with `partly` alone")

    def write(db: Connection) -> DecisionRow:
        row, decision = _find(db, appeal_id)
        if row.state not in appeals.OPEN:
            raise error("appeal-closed")
        if row.state == "open" and not appeals.take(db, appeal_id, reviewer.staff_id):
            _refuse(db, row, reviewer)
        order = _order(row, decision, reviewer, request, decisions.is_current(db, decision.id))
        made = decide_in(review.decisions, db, [order])[0].row
        closed = appeals.close(
            db,
            appeal_id,
            reviewer.staff_id,
            state=request.outcome,
            answer=request.answer.strip(),
            result_id=made.id,
            now=review.now(),
        )
        if not closed:
            _refuse(db, row, reviewer)
        review.space.tell(db, row.persona, "appeal.updated", encode_b64(row.id))
        return made

    made = await review.db.write(write)
    await hand_over(review.decisions)
    review.decisions.woken()
    await spread_all(review.decisions)
    review.nudge()
    return api.Decided(B16(made.id), made.action, made.category, made.at)


def _order(
    row: AppealRow, decision: DecisionRow, reviewer: Reviewer, request: api.DecideAppeal, in_force: bool
) -> Order:
    """What stands after the appeal. What was restored meanwhile can only be reversed: there is nothing to uphold."""
    action: Act = decision.action
    category, sub, until = decision.category, decision.sub, decision.hold_until
    if request.outcome == "reversed":
        action, category, sub, until = "restore", "", "", None
    elif not in_force:
        raise error("appeal-closed", "the decision gave way meanwhile")
    elif request.action is not None:
        if decision.target_kind != "post" or _SOFTER[request.action] >= _SOFTER.get(decision.action, 0):
            raise error("malformed", "`partly` is softer, and about a post")
        action, until = request.action, None
        category = request.category or decision.category
    return Order(
        key=order_key("appeal", row.id),
        target_kind=decision.target_kind,
        target=decision.target,
        version=decision.version,
        channel_id=decision.channel_id,
        author=decision.author,
        action=action,
        category=category,
        sub=sub,
        lang=decision.lang,
        source="appeal",
        because=decision.because,
        actor=reviewer.staff_id,
        policy=decision.policy,
        automated="not",
        hold_until=until,
        note=request.note,
    )


def _find(db: Connection, appeal_id: bytes) -> tuple[AppealRow, DecisionRow]:
    row = appeals.find_appeal(db, appeal_id)
    decision = decisions.find_decision(db, row.decision_id) if row is not None else None
    if row is None or decision is None:
        raise error("gone")
    return row, decision


def _refuse(db: Connection, row: AppealRow, reviewer: Reviewer) -> None:
    if row.state not in appeals.OPEN:
        raise error("appeal-closed")
    if not appeals.is_judge(db, row.id, reviewer.staff_id):
        raise error("own-decision")
    raise error("item-claimed")


def _brief(db: Connection, row: AppealRow, reviewer: Reviewer) -> api.AppealBrief:
    decision = decisions.find_decision(db, row.decision_id)
    claim = claims.name_claim(row.reviewer if row.state == "assigned" else None, reviewer.staff_id)
    return api.AppealBrief(
        appeal_id=B16(row.id),
        decision_id=B16(row.decision_id),
        state=parse_state(row.state),
        action=decision.action if decision else "",
        category=decision.category if decision else "",
        lang=decision.lang if decision else "und",
        at=row.at,
        due_at=row.due_at,
        claim=claim,
    )
