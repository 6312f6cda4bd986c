"""Reports from private chats come in, wait sealed for a person, and go 90 days after the decision.

`take_report` and `take_complaint` are the callables that the private side is given: they take two types, keep them in
two queues, and nothing here passes one for the other. Matches and scores never act on either.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import Connection

from zajil.engine.keys import SealBroken
from zajil.engine.sql import answers
from zajil.engine.sql.database import Database
from zajil.moderation.private import records, store, tallies, untold
from zajil.moderation.private.keys import ModeratorKeys
from zajil.protocol.control import B16, ReportTaken
from zajil.protocol.errors import error
from zajil.protocol.report.complaint import Complaint
from zajil.protocol.report.measures import AccountMeasure
from zajil.protocol.report.reasons import Outcome, Reason
from zajil.protocol.report.verified import Form, VerifiedReport

QUEUE: Final = "private"
"""Of verified reports; reviewers need the permission of this name."""
COMPLAINTS: Final = "complaints"
"""Of what has no proof; the same permission."""
Queue: TypeAlias = Literal["private", "complaints"]
_DAY_S: Final = 86_400
_ROWS: Final = 1000
_PAGE: Final = 200
COMPLAINTS_MAX: Final = 20
"""Complaints that one member may have open at a time."""


class OpenComplaints:
    """How many complaints each member has open. Called inside the transaction that changes it.

    In the store stand those alone who have half of the allowed number open, so that a restart lifts nobody's cap and
    nobody is written down for a complaint or two. Below that each process of several remembers those that came to it,
    and is not told of those that another one's reviewer closed: so the store alone says that somebody has more. Else
    whoever once had the cap open would be refused by the process that took them for as long as it lives. Unlocking
    counts anew, from the reports themselves.
    """

    def __init__(self) -> None:
        self._count: Counter[bytes] = Counter()

    def add(self, db: Connection, reporter_ref: bytes) -> None:
        """One more. Raises Limited `quota` where the member has as many open as anybody may."""
        who = tallies.name_complainant(reporter_ref)
        count = self._find(db, who)
        if count >= COMPLAINTS_MAX:
            raise error("quota", "open complaints")
        self._put(db, who, count + 1)

    def close(self, db: Connection, reporter_ref: bytes) -> None:
        """One of theirs is open no more."""
        who = tallies.name_complainant(reporter_ref)
        self._put(db, who, max(0, self._find(db, who) - 1))

    def take(self, db: Connection, reporters: Iterable[bytes]) -> None:
        """These are all that are open: the reporter of each."""
        self._count = Counter()
        tallies.drop_all_open(db)
        for who, count in Counter(tallies.name_complainant(each) for each in reporters).items():
            self._put(db, who, count)

    def _find(self, db: Connection, who: bytes) -> int:
        return tallies.find_open(db, who) or min(self._count[who], COMPLAINTS_MAX // 2 - 1)

    def _put(self, db: Connection, who: bytes, count: int) -> None:
        # Before COMMIT: a transaction that fails may leave one too many here until the next unlock, never one too few.
        if count:
            self._count[who] = count
        else:
            self._count.pop(who, None)
        tallies.put_open(db, who, count, kept_from=COMPLAINTS_MAX // 2)


@dataclass(frozen=True, kw_only=True)
class Measures:
    """How a measure against an account takes effect, on the private side.

    apply, lift: inside the transaction that decides it. tell: after it; the flag says that the measure was undone.
    """

    apply: Callable[[Connection, AccountMeasure], None]
    lift: Callable[[Connection, AccountMeasure], None]
    tell: Callable[[AccountMeasure, bool], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """tell: brings the outcome to the reporter, by report id and `return_to`. clock: Unix seconds.

    measures: what an account may meet after a report.
    """

    db: Database
    keys: ModeratorKeys = field(repr=False)
    tell: Callable[[bytes, bytes, Outcome], Awaitable[None]]
    measures: Measures
    clock: Callable[[], float]
    complaints: OpenComplaints = field(default_factory=OpenComplaints)

    def today(self) -> int:
        """Days since 1970."""
        return int(self.clock()) // _DAY_S


async def take_report(inbox: Inbox, report: VerifiedReport) -> ReportTaken:
    """The report waits in queue `private`, durably; what its reporter is told."""
    return await _keep(inbox, report.report_id, store.REPORT, msgspec.msgpack.encode(report))


async def take_complaint(inbox: Inbox, complaint: Complaint) -> ReportTaken:
    """The complaint waits in queue `complaints`, durably; what its reporter is told.

    Raises Limited `quota`: see `OpenComplaints`.
    """
    data = msgspec.msgpack.encode(complaint)
    count = inbox.complaints.add
    also = partial(count, reporter_ref=complaint.reporter_ref)
    return await _keep(inbox, complaint.report_id, store.COMPLAINT, data, also=also)


async def waiting_reports(inbox: Inbox, *, limit: int) -> list[VerifiedReport]:
    """Open reports, oldest first, readable. Raises Refused `private-locked`, SealBroken."""
    rows = await inbox.db.read(lambda db: store.open_reports(db, store.REPORT, limit=limit))
    return [_read_report(inbox, row) for row in rows]


async def waiting_complaints(inbox: Inbox, *, limit: int) -> list[Complaint]:
    """Open complaints, oldest first, readable. Raises Refused `private-locked`, SealBroken."""
    rows = await inbox.db.read(lambda db: store.open_reports(db, store.COMPLAINT, limit=limit))
    return [msgspec.msgpack.decode(_open(inbox, row), type=Complaint) for row in rows]


async def find_report(inbox: Inbox, report_id: bytes) -> VerifiedReport:
    """The report of this id. Raises Refused `gone` for no report, a complaint's id too; SealBroken."""
    row = await inbox.db.read(lambda db: store.find_report(db, report_id))
    if row is None or row.kind != store.REPORT:
        raise error("gone")
    return _read_report(inbox, row)


class CaseMessage(NamedTuple):
    """One message for a person to read. sender: 16 bytes. sent_ms: Unix ms, 0 where unknown."""

    text: str
    form: Form
    sender: bytes
    sent_ms: int


class Case(NamedTuple):
    """A report, or a complaint, as a person reads it: without its reporter. proven: whether it is a report."""

    proven: bool
    reason: Reason
    note: str
    accepted_at: int
    messages: tuple[CaseMessage, ...]


def open_case(inbox: Inbox, row: store.ReportRow) -> Case:
    """What lies in a row, for whoever holds it. Raises Refused `private-locked`, SealBroken."""
    if row.kind == store.REPORT:
        report = _read_report(inbox, row)
        messages = tuple(
            CaseMessage(each.text, each.form, report.sender_account, each.sent_ms) for each in report.items
        )
        return Case(True, report.reason, report.note, report.accepted_at, messages)
    told = msgspec.msgpack.decode(_open(inbox, row), type=Complaint)
    messages = tuple(CaseMessage(each.text, "text", each.account, each.sent_ms) for each in told.items)
    return Case(False, told.reason, told.note, told.accepted_at, messages)


async def close_report(
    inbox: Inbox,
    report_id: bytes,
    outcome: Outcome,
    *,
    holder: bytes | None = None,
    also: Callable[[Connection], None] = lambda _db: None,
) -> bool:
    """The report or complaint is decided, will be deleted, and its reporter hears of it. holder: who has claimed it.

    also: more to write in the same transaction, where it is decided.
    False where it was decided before, is gone, or not the holder's any more. Raises Refused
    `private-locked`, SealBroken.
    """
    row = await inbox.db.read(lambda db: store.find_report(db, report_id))
    if row is None:
        return False
    told = _read(inbox, row)
    sealed = inbox.keys.seal(outcome.encode(), context=untold.context_of(report_id))

    def write(db: Connection) -> bool:
        decided = store.mark_decided(db, report_id, day=inbox.today(), holder=holder)
        if decided:
            if isinstance(told, Complaint):
                inbox.complaints.close(db, told.reporter_ref)
            untold.put_outcome(db, report_id, sealed)
            also(db)
        return decided

    if not await inbox.db.write(write):
        return False
    await inbox.tell(report_id, told.return_to, outcome)
    return True


async def open_outcome(inbox: Inbox, found: untold.Untold) -> Callable[[], Awaitable[None]] | None:
    """What tells the reporter of what was decided and not told; None where the report is gone.

    Raises Refused `private-locked`; SealBroken, or ValueError or MsgspecError of its parser, for what is damaged or
    sealed to a key that is lost.
    """
    row = await inbox.db.read(lambda db: store.find_report(db, found.about))
    if row is None or found.outcome is None:
        return None
    context = untold.context_of(found.about)
    plain = inbox.keys.open(found.outcome, context=context, by_person=False).decode()
    to = _read(inbox, row, by_person=False).return_to
    return partial(inbox.tell, found.about, to, msgspec.convert(plain, Outcome))


async def run_retention(inbox: Inbox) -> None:
    """Delete what was decided 90 days ago, and acts of 400 days ago, in short transactions."""
    while await inbox.db.write(lambda db: store.delete_old(db, day=inbox.today(), limit=_ROWS)) >= _ROWS:
        pass
    while await inbox.db.write(lambda db: records.forget(db, today=inbox.today(), limit=_ROWS)) >= _ROWS:
        pass
    await inbox.db.write(lambda db: untold.forget(db, today=inbox.today()))
    while await inbox.db.write(lambda db: tallies.forget_acts(db, today=inbox.today(), limit=_ROWS)) >= _ROWS:
        pass


async def take_stock(inbox: Inbox) -> None:
    """After unlocking: count open complaints, seal anew what an older key sealed, try anew to tell what was put aside.

    Raises Refused `private-locked`.
    """
    if not inbox.keys.opens:
        raise error("private-locked")
    reporters: dict[bytes, bytes] = {}
    last = 0
    while rows := await inbox.db.read(partial(store.rows_after, n=last, limit=_PAGE)):
        last = rows[-1][0]
        stale = await asyncio.to_thread(_look_over, inbox, rows, reporters)
        if stale:
            await inbox.db.write(partial(store.put_bodies, bodies=stale))

    def write(db: Connection) -> None:
        _look_over(inbox, store.rows_after(db, last, limit=_ROWS), reporters)  # what came in the meantime
        still = store.open_ids(db, store.COMPLAINT)
        inbox.complaints.take(db, [who for report_id, who in reporters.items() if report_id in still])
        untold.try_anew(db)

    await inbox.db.write(write)


def _look_over(
    inbox: Inbox, rows: Iterable[tuple[int, store.ReportRow]], reporters: dict[bytes, bytes]
) -> dict[bytes, bytes]:
    """New bodies by id, of rows that an older key sealed. reporters: of open complaints, by id; more are added."""
    stale = {}
    for _, row in rows:
        counts = row.kind == store.COMPLAINT and row.state == store.OPEN
        if not counts and not inbox.keys.is_old(row.body):
            continue
        try:
            plain = _open(inbox, row)
        except SealBroken:  # of a key that was lost: nobody reads it any more
            continue
        if inbox.keys.is_old(row.body):
            stale[row.id] = inbox.keys.seal(plain, context=_context(row.id, row.kind))
        if counts:
            reporters[row.id] = msgspec.msgpack.decode(plain, type=Complaint).reporter_ref
    return stale


async def _keep(
    inbox: Inbox,
    report_id: bytes,
    kind: int,
    plaintext: bytes,
    *,
    also: Callable[[Connection], None] = lambda _db: None,
) -> ReportTaken:
    body = inbox.keys.seal(plaintext, context=_context(report_id, kind))
    taken, keep = ReportTaken(B16(report_id), verified=kind == store.REPORT), answers.keeper()

    def write(db: Connection) -> None:
        also(db)
        store.insert_report(db, report_id, kind=kind, body=body, day=inbox.today())
        keep(db, taken)

    await inbox.db.write(write)
    return taken


def _read(inbox: Inbox, row: store.ReportRow, *, by_person: bool = True) -> VerifiedReport | Complaint:
    kind: type[VerifiedReport | Complaint] = VerifiedReport if row.kind == store.REPORT else Complaint
    return msgspec.msgpack.decode(_open(inbox, row, by_person=by_person), type=kind)


def _read_report(inbox: Inbox, row: store.ReportRow) -> VerifiedReport:
    return msgspec.msgpack.decode(_open(inbox, row), type=VerifiedReport)


def _open(inbox: Inbox, row: store.ReportRow, *, by_person: bool = True) -> bytes:
    return inbox.keys.open(row.body, context=_context(row.id, row.kind), by_person=by_person)


def _context(report_id: bytes, kind: int) -> bytes:
    """Kind and id are bound by the seal: a complaint put under the other kind does not open."""
    return bytes([kind]) + report_id
