"""Measures against an account after a report with proof: one member proposes, another confirms, and any of them undoes.

A complaint without proof is no ground for one. Whom a measure is against rests sealed to the moderators' key; that an
account is suspended, and why it is told so, stands where logins look. Source: design/moderation.md 12.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec
from sqlalchemy import Connection

from zajil.engine.keys import SealBroken
from zajil.moderation.private import inbox, records, store, tallies
from zajil.moderation.private.desk import check_key, find_held
from zajil.moderation.private.inbox import Inbox
from zajil.moderation.private.records import MeasureRow, Untold
from zajil.moderation.review.context import Review, Reviewer
from zajil.protocol.control import B16
from zajil.protocol.errors import Refused, error
from zajil.protocol.ids import parse_b64
from zajil.protocol.report.measures import AccountMeasure, Measure
from zajil.protocol.review import api, private

LISTED: Final = 100
_DAY_S: Final = 86_400


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """What of a measure is sealed. days: of a suspension, None for good. at, undone_at: Unix seconds, 0 before."""

    account: bytes
    action: Measure
    reason: str
    days: int | None
    until: int = 0
    at: int = 0
    undone_at: int = 0


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
    made = _Body(account=proven.sender_account, action=request.action, reason=proven.reason, days=request.days)
    measure_id, today = review.random(16), reports.today()
    body = reports.keys.seal(msgspec.msgpack.encode(made), context=_context(measure_id))

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
    body = _open(reports, proposed)
    until = review.now() + body.days * _DAY_S if body.days is not None and body.action == "suspend" else 0
    body = msgspec.structs.replace(body, until=until, at=review.now())
    measure = _view(proposed.id, body, at=body.at)
    sealed = reports.keys.seal(msgspec.msgpack.encode(body), context=_context(proposed.id))

    def write(db: Connection) -> None:
        if not records.move(
            db, proposed.id, old=records.PROPOSED, new=records.IN_FORCE, by=reviewer.staff_id, day=today
        ):
            raise error("gone")
        records.put_body(db, proposed.id, sealed)
        records.put_untold(db, proposed.id, undone=False)
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
    body = msgspec.structs.replace(_open(reports, row), undone_at=review.now())
    measure = _view(row.id, body, at=body.undone_at)
    sealed = reports.keys.seal(msgspec.msgpack.encode(body), context=_context(measure_id))

    def write(db: Connection) -> None:
        if not records.move(db, measure_id, old=records.IN_FORCE, new=records.UNDONE, by=reviewer.staff_id, day=today):
            raise error("item-closed")
        records.put_body(db, measure_id, sealed)
        records.put_untold(db, measure_id, undone=True)
        reports.measures.lift(db, measure)
        tallies.add_act(db, "undone", reviewer.staff_id, day=today)

    await review.db.write(write)
    await reports.measures.tell(measure, True)
    return api.Empty()


class Telling:
    """Tells accounts what the server that decided it did not come to tell, since it died. One for each process."""

    def __init__(self) -> None:
        self._seen: frozenset[Untold] = frozenset()

    async def look(self, reports: Inbox) -> None:
        """Call it each minute. What was untold at the look before, too, is told by whoever takes it on first.

        A server that dies between the notice and its mark has it told twice: better than never. Nothing is told while
        the moderators' key is locked, which alone opens whom it is about.
        """
        if not reports.keys.opens:
            return
        found = await reports.db.read(lambda db: records.list_untold(db, limit=LISTED))
        for each in found:
            if each in self._seen and await reports.db.write(partial(records.take_untold, found=each)):
                await _tell_again(reports, each)
        self._seen = frozenset(found)


async def _tell_again(reports: Inbox, untold: Untold) -> None:
    row = await reports.db.read(lambda db: records.find_measure(db, untold.measure_id))
    if row is None:
        return
    try:
        body = _open(reports, row)
    except Refused:
        return  # sealed to a key that is lost; it goes with its measure
    measure = _view(row.id, body, at=body.undone_at if untold.undone else body.at)
    await reports.measures.tell(measure, untold.undone)


async def list_measures(review: Review, reports: Inbox) -> private.Measures:
    """The newest measures. Raises private-locked, not-allowed (the key is not here)."""
    check_key(reports)
    rows = await review.db.read(lambda db: records.decided(db, limit=LISTED))
    found = []
    for row in rows:
        measure = _view(row.id, _open(reports, row), at=row.day * _DAY_S)
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
    return private.Measures(tuple(found))


async def find_proposal(
    review: Review, reports: Inbox, reviewer: Reviewer, report_id: bytes
) -> private.Proposal | None:
    """What is proposed in answer to a report."""
    row = await review.db.read(lambda db: records.find_proposed(db, report_id))
    if row is None:
        return None
    body = _open(reports, row)
    return private.Proposal(body.action, row.proposed_by == reviewer.staff_id, body.days)


def _find_proposed(db: Connection, report_id: bytes, reviewer: Reviewer, now: int) -> MeasureRow:
    find_held(db, report_id, reviewer, now)
    row = records.find_proposed(db, report_id)
    if row is None:
        raise error("gone")
    return row


def _view(measure_id: bytes, body: _Body, *, at: int) -> AccountMeasure:
    fields = {"action": body.action, "reason": body.reason, "until": body.until, "at": at}
    return msgspec.convert({"measure_id": measure_id, "account": body.account, **fields}, AccountMeasure)


def _open(reports: Inbox, row: MeasureRow) -> _Body:
    try:
        plain = reports.keys.open(row.body, context=_context(row.id))
    except SealBroken:
        raise error("not-allowed", "the moderators' key on this server is another one") from None
    return msgspec.msgpack.decode(plain, type=_Body)


def _context(measure_id: bytes) -> bytes:
    return b"\3" + measure_id
