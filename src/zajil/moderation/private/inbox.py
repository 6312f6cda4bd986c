"""Reports from private chats come in, wait sealed for a person, and go 90 days after the decision.

`take_report` and `take_complaint` are the callables that the private side is given: they take two types, keep them in
two queues, and nothing here passes one for the other. Matches and scores never act on either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import Connection

from zajil.engine.sql.database import Database
from zajil.moderation.private import store
from zajil.moderation.private.keys import ModeratorKeys
from zajil.protocol.errors import error
from zajil.protocol.report.complaint import Complaint
from zajil.protocol.report.reasons import Outcome, Reason
from zajil.protocol.report.verified import Form, VerifiedReport

QUEUE: Final = "private"
"""Of verified reports; reviewers need the permission of this name."""
COMPLAINTS: Final = "complaints"
"""Of what has no proof; the same permission."""
Queue: TypeAlias = Literal["private", "complaints"]
_DAY_S: Final = 86_400
_ROWS: Final = 1000
COMPLAINTS_MAX: Final = 20
"""Complaints that one member may have open at a time."""


class OpenComplaints:
    """How many complaints each member has open, as far as this process took them in.

    In memory alone: no table says who complained, so a restart begins to count anew.
    """

    def __init__(self) -> None:
        self._of: dict[bytes, bytes] = {}
        self._count: Counter[bytes] = Counter()

    def add(self, report_id: bytes, reporter_ref: bytes) -> None:
        """One more. Raises Limited `quota` where the member has as many open as anybody may."""
        if self._count[reporter_ref] >= COMPLAINTS_MAX:
            raise error("quota", "open complaints")
        self._of[report_id] = reporter_ref
        self._count[reporter_ref] += 1

    def close(self, report_id: bytes) -> None:
        """That one is open no more."""
        reporter_ref = self._of.pop(report_id, None)
        if reporter_ref is not None:
            self._count[reporter_ref] -= 1
            if not self._count[reporter_ref]:
                del self._count[reporter_ref]


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """tell: brings the outcome to the reporter, by report id and `return_to`. clock: Unix seconds."""

    db: Database
    keys: ModeratorKeys = field(repr=False)
    tell: Callable[[bytes, bytes, Outcome], Awaitable[None]]
    clock: Callable[[], float]
    complaints: OpenComplaints = field(default_factory=OpenComplaints)

    def today(self) -> int:
        """Days since 1970."""
        return int(self.clock()) // _DAY_S


async def take_report(inbox: Inbox, report: VerifiedReport) -> None:
    """The report waits in queue `private`, durably."""
    await _keep(inbox, report.report_id, store.REPORT, msgspec.msgpack.encode(report))


async def take_complaint(inbox: Inbox, complaint: Complaint) -> None:
    """The complaint waits in queue `complaints`, durably. Raises Limited `quota`: see `OpenComplaints`."""
    inbox.complaints.add(complaint.report_id, complaint.reporter_ref)
    try:
        await _keep(inbox, complaint.report_id, store.COMPLAINT, msgspec.msgpack.encode(complaint))
    except BaseException:
        inbox.complaints.close(complaint.report_id)
        raise


async def waiting_reports(inbox: Inbox, *, limit: int) -> list[VerifiedReport]:
    """Open reports, oldest first, readable. Raises SealBroken where the moderators' key is not here."""
    rows = await inbox.db.read(lambda db: store.open_reports(db, store.REPORT, limit=limit))
    return [_read_report(inbox, row) for row in rows]


async def waiting_complaints(inbox: Inbox, *, limit: int) -> list[Complaint]:
    """Open complaints, oldest first, readable. Raises SealBroken where the moderators' key is not here."""
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
    """What lies in a row, for whoever holds it. Raises SealBroken where the moderators' key is not here."""
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
    False where it was decided before, is gone, or not the holder's any more. Raises SealBroken where the
    moderators' key is not here.
    """
    row = await inbox.db.read(lambda db: store.find_report(db, report_id))
    if row is None:
        return False
    kind: type[VerifiedReport | Complaint] = VerifiedReport if row.kind == store.REPORT else Complaint
    return_to = msgspec.msgpack.decode(_open(inbox, row), type=kind).return_to

    def write(db: Connection) -> bool:
        decided = store.mark_decided(db, report_id, day=inbox.today(), holder=holder)
        if decided:
            also(db)
        return decided

    if not await inbox.db.write(write):
        return False
    inbox.complaints.close(report_id)
    await inbox.tell(report_id, return_to, outcome)
    return True


async def run_retention(inbox: Inbox) -> None:
    """Delete what was decided 90 days ago, in short transactions."""
    while await inbox.db.write(lambda db: store.delete_old(db, day=inbox.today(), limit=_ROWS)) >= _ROWS:
        pass


async def _keep(inbox: Inbox, report_id: bytes, kind: int, plaintext: bytes) -> None:
    body = inbox.keys.seal(plaintext, context=_context(report_id, kind))
    await inbox.db.write(lambda db: store.insert_report(db, report_id, kind=kind, body=body, day=inbox.today()))


def _read_report(inbox: Inbox, row: store.ReportRow) -> VerifiedReport:
    return msgspec.msgpack.decode(_open(inbox, row), type=VerifiedReport)


def _open(inbox: Inbox, row: store.ReportRow) -> bytes:
    return inbox.keys.open(row.body, context=_context(row.id, row.kind))


def _context(report_id: bytes, kind: int) -> bytes:
    """Kind and id are bound by the seal: a complaint put under the other kind does not open."""
    return bytes([kind]) + report_id
