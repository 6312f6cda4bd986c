"""Reports from private chats before people: taken for ten minutes, opened by their holder, decided for good.

Only members with the permission come here; the dispatcher sees to it. What is opened goes to its holder and nowhere
else: no queue, list, score, metric or decision has it. Each opening and each outcome is written down by the day and the
member, apart from the report; the public log moves with neither, or the time of an entry would warn whoever wrote what
was reported. It learns rounded counts when the month is over (`months`).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.engine.keys import SealBroken
from zajil.moderation.private import inbox, records, store, tallies
from zajil.moderation.private.inbox import Inbox
from zajil.moderation.private.store import ReportRow
from zajil.moderation.review.context import Review, Reviewer
from zajil.moderation.store.claims import name_claim
from zajil.protocol.control import B16
from zajil.protocol.errors import error
from zajil.protocol.ids import parse_b64
from zajil.protocol.review import api, private

LISTED: Final = 100
_DAY_S: Final = 86_400
_KINDS: Final[dict[int, private.PrivateKind]] = {store.REPORT: "report", store.COMPLAINT: "complaint"}


async def list_reports(review: Review, reports: Inbox, reviewer: Reviewer) -> private.PrivateQueue:
    """Open reports, and behind them complaints, each oldest first, unopened."""
    now = review.now()

    def read(db: Connection) -> tuple[list[ReportRow], dict[bytes, bytes]]:
        return store.open_of_all_kinds(db, limit=LISTED), records.proposed_reports(db)

    rows, proposed = await review.db.read(read)
    state = reports.keys.state
    return private.PrivateQueue(
        state == "open", state, tuple(_brief(row, reviewer, now, proposed.get(row.id)) for row in rows)
    )


async def claim(review: Review, reviewer: Reviewer, report: str) -> private.PrivateBrief:
    """The report is the caller's for ten minutes. Raises gone, item-claimed (another holds it), item-closed."""
    report_id, now = parse_b64(report, size=16), review.now()

    def write(db: Connection) -> ReportRow:
        store.claim(db, report_id, reviewer.staff_id, now=now, until=now + api.CLAIM_S)
        return find_held(db, report_id, reviewer, now)

    return _brief(await review.db.write(write), reviewer, now)


async def release(review: Review, reviewer: Reviewer, report: str) -> api.Empty:
    """The report is anybody's again. Raises gone, item-claimed where the caller does not hold it."""
    report_id = parse_b64(report, size=16)

    def write(db: Connection) -> None:
        find_held(db, report_id, reviewer, review.now())
        store.release(db, report_id)

    await review.db.write(write)
    return api.Empty()


async def read_report(review: Review, reports: Inbox, reviewer: Reviewer, report: str) -> private.PrivateReport:
    """What a member sent in, opened for whoever holds it; it is written down that somebody opened something.

    Raises gone, item-claimed (the caller does not hold it), item-closed, private-locked, not-allowed (the key is not
    here).
    """
    report_id = parse_b64(report, size=16)

    def write(db: Connection) -> ReportRow:
        row = find_held(db, report_id, reviewer, review.now())
        tallies.add_act(db, "opened", reviewer.staff_id, day=reports.today())
        return row

    check_key(reports)
    case = _open(reports, await review.db.write(write))
    return private.PrivateReport(
        report_id=B16(report_id),
        kind="report" if case.proven else "complaint",
        reason=case.reason,
        accepted_at=case.accepted_at,
        messages=tuple(
            private.PrivateMessage(each.text, each.form, B16(each.sender), each.sent_ms) for each in case.messages
        ),
        note=case.note,
    )


async def close(
    review: Review, reports: Inbox, reviewer: Reviewer, report: str, request: private.ClosePrivate
) -> api.Empty:
    """The report is decided: its reporter hears the outcome, and it is deleted 90 days later.

    Raises gone, item-claimed (the caller does not hold it), item-closed, private-locked, not-allowed (the key is not
    here).
    """
    report_id = parse_b64(report, size=16)
    check_key(reports)
    await review.db.read(lambda db: find_held(db, report_id, reviewer, review.now()))

    def log(db: Connection) -> None:
        records.drop_proposed(db, report_id)
        tallies.add_act(db, request.outcome, reviewer.staff_id, day=reports.today())

    if not await inbox.close_report(reports, report_id, request.outcome, holder=reviewer.staff_id, also=log):
        raise error("item-closed")
    return api.Empty()


def find_held(db: Connection, report_id: bytes, reviewer: Reviewer, now: int) -> ReportRow:
    """The report, where the caller holds it. Raises gone, item-closed, item-claimed."""
    row = store.find_report(db, report_id)
    if row is None:
        raise error("gone")
    if row.state != store.OPEN:
        raise error("item-closed")
    if row.claimed_by != reviewer.staff_id or row.claimed_until <= now:
        raise error("item-claimed")
    return row


def check_key(reports: Inbox) -> None:
    """Raises private-locked, not-allowed where the key is not on this server."""
    if reports.keys.state == "elsewhere":
        raise error("not-allowed", "the moderators' key is not on this server")
    if not reports.keys.opens:
        raise error("private-locked")


def _open(reports: Inbox, row: ReportRow) -> inbox.Case:
    try:
        return inbox.open_case(reports, row)
    except SealBroken:
        raise error("not-allowed", "the moderators' key on this server is another one") from None


def _brief(row: ReportRow, reviewer: Reviewer, now: int, proposed_by: bytes | None = None) -> private.PrivateBrief:
    held = row.claimed_by if row.claimed_until > now else None
    return private.PrivateBrief(
        report_id=B16(row.id),
        kind=_KINDS[row.kind],
        day=row.received_day * _DAY_S,
        claim=name_claim(held, reviewer.staff_id),
        proposed=name_claim(proposed_by, reviewer.staff_id),
    )
