"""Measures against an account after a report with proof: one member proposes, another confirms, and any of them undoes.

A complaint without proof is no ground for one. Whom a measure is against rests sealed to the moderators' key; that an
account is suspended, and why it is told so, stands where logins look. Source: design/moderation.md 12.
"""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection

from zajil.engine.keys import SealBroken
from zajil.moderation.private import inbox, records, store, tallies, untold
from zajil.moderation.private.desk import check_key, find_held
from zajil.moderation.private.inbox import Inbox
from zajil.moderation.private.records import MeasureRow
from zajil.moderation.private.telling import MeasureBody, context_of, open_measure, read_measure, view_measure
from zajil.moderation.review.context import Review, Reviewer
from zajil.protocol.control import B16
from zajil.protocol.errors import error
from zajil.protocol.ids import parse_b64
from zajil.protocol.review import api, private

LISTED: Final = 100
_DAY_S: Final = 86_400


async def propose(
    review: Review, reports: Inbox, reviewer: Reviewer, report: str, request: private.ProposeMeasure
) -> api.Empty:
    """The measure waits for a second person, and the report is anybody's again.

    Raises gone, item-claimed (the caller does not hold it), item-closed, private-locked; not-allowed for a complaint;
    malformed for days of a warning.
    """
    report_id = parse_b64(report, size=16)
    check_key(reports)
    row = await review.db.read(lambda db: find_held(db, report_id, reviewer, review.now()))
    if row.kind != store.REPORT:
        raise error("not-allowed", "a complaint without proof")
    if request.action == "warn" and request.days is not None:
        raise error("malformed", "days of a warning")
    proven = await inbox.find_report(reports, report_id)
    made = MeasureBody(account=proven.sender_account, action=request.action, reason=proven.reason, days=request.days)
    measure_id, today = review.random(16), reports.today()
    body = reports.keys.seal(msgspec.msgpack.encode(made), context=context_of(measure_id))

    def write(db: Connection) -> None:
        find_held(db, report_id, reviewer, review.now())
        records.drop_proposed(db, report_id)
        records.insert_measure(
            db, MeasureRow(measure_id, report_id, records.PROPOSED, body, reviewer.staff_id, None, today)
        )
        store.release(db, report_id)
        tallies.add_act(db, "proposed", reviewer.staff_id, day=today)

    await review.db.write(write)
    return api.Empty()


async def confirm(review: Review, reports: Inbox, reviewer: Reviewer, report: str) -> api.Empty:
    """The proposed measure is in force, its account is told, and the report is decided.

    Raises as `propose`, gone for nothing proposed, own-decision for one's own proposal.
    """
    report_id, today = parse_b64(report, size=16), reports.today()
    check_key(reports)
    proposed = await review.db.read(lambda db: _find_proposed(db, report_id, reviewer, review.now()))
    if proposed.proposed_by == reviewer.staff_id:
        raise error("own-decision")
    body = open_measure(reports, proposed)
    until = review.now() + body.days * _DAY_S if body.days is not None and body.action == "suspend" else 0
    body = msgspec.structs.replace(body, until=until, at=review.now())
    measure = view_measure(proposed.id, body, at=body.at)
    sealed = reports.keys.seal(msgspec.msgpack.encode(body), context=context_of(proposed.id))

    def write(db: Connection) -> None:
        if not records.move(
            db, proposed.id, old=records.PROPOSED, new=records.IN_FORCE, by=reviewer.staff_id, day=today
        ):
            raise error("gone")
        records.put_body(db, proposed.id, sealed)
        untold.put_measure(db, proposed.id, undone=False)
        reports.measures.apply(db, measure)
        tallies.add_act(db, "confirmed", reviewer.staff_id, day=today)
        tallies.add_act(db, "acted", reviewer.staff_id, day=today)

    if not await inbox.close_report(reports, report_id, "acted", holder=reviewer.staff_id, also=write):
        raise error("item-closed")
    await reports.measures.tell(measure, False)
    return api.Empty()


async def refuse(review: Review, reports: Inbox, reviewer: Reviewer, report: str) -> api.Empty:
    """Nothing is proposed any more; the report is still its holder's. Raises as `confirm`, but for own-decision."""
    report_id, today = parse_b64(report, size=16), reports.today()

    def write(db: Connection) -> None:
        proposed = _find_proposed(db, report_id, reviewer, review.now())
        records.move(db, proposed.id, old=records.PROPOSED, new=records.REFUSED, by=reviewer.staff_id, day=today)
        tallies.add_act(db, "refused", reviewer.staff_id, day=today)

    await review.db.write(write)
    return api.Empty()


async def undo(review: Review, reports: Inbox, reviewer: Reviewer, name: str) -> api.Empty:
    """The measure is undone, and its account is told. Raises gone, item-closed (undone before), private-locked."""
    measure_id, today = parse_b64(name, size=16), reports.today()
    check_key(reports)
    row = await review.db.read(lambda db: records.find_measure(db, measure_id))
    if row is None or row.state not in (records.IN_FORCE, records.UNDONE):
        raise error("gone")
    body = msgspec.structs.replace(open_measure(reports, row), undone_at=review.now())
    measure = view_measure(row.id, body, at=body.undone_at)
    sealed = reports.keys.seal(msgspec.msgpack.encode(body), context=context_of(measure_id))

    def write(db: Connection) -> None:
        if not records.move(db, measure_id, old=records.IN_FORCE, new=records.UNDONE, by=reviewer.staff_id, day=today):
            raise error("item-closed")
        records.put_body(db, measure_id, sealed)
        untold.mark_measure_told(db, measure_id, undone=False)  # of what is over nobody is told as if it began
        untold.put_measure(db, measure_id, undone=True)
        reports.measures.lift(db, measure)
        tallies.add_act(db, "undone", reviewer.staff_id, day=today)

    await review.db.write(write)
    await reports.measures.tell(measure, True)
    return api.Empty()


async def list_measures(review: Review, reports: Inbox) -> private.Measures:
    """The newest measures; those that do not open are counted. Raises private-locked."""
    check_key(reports)
    rows = await review.db.read(lambda db: records.decided(db, limit=LISTED))
    found, unread = [], 0
    for row in rows:
        try:
            measure = view_measure(row.id, read_measure(reports, row, by_person=True), at=row.day * _DAY_S)
        except SealBroken:  # one must not hide all others
            unread += 1
            continue
        found.append(
            private.MeasureView(
                measure_id=B16(row.id),
                account=B16(measure.account),
                action=measure.action,
                reason=measure.reason,
                day=measure.at,
                until=measure.until,
                undone=row.state == records.UNDONE,
            )
        )
    return private.Measures(tuple(found), unread)


async def find_proposal(
    review: Review, reports: Inbox, reviewer: Reviewer, report_id: bytes
) -> private.Proposal | None:
    """What is proposed in answer to a report."""
    row = await review.db.read(lambda db: records.find_proposed(db, report_id))
    if row is None:
        return None
    body = open_measure(reports, row)
    return private.Proposal(body.action, row.proposed_by == reviewer.staff_id, body.days)


def _find_proposed(db: Connection, report_id: bytes, reviewer: Reviewer, now: int) -> MeasureRow:
    find_held(db, report_id, reviewer, now)
    row = records.find_proposed(db, report_id)
    if row is None:
        raise error("gone")
    return row
