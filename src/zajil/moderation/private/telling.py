"""What is sealed of a measure against an account, and who tells of it, or of an outcome, where the server that decided
it died.

Apart from `measures`, which needs all that reviewers need: every server looks for what was not told.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Final

import msgspec

from zajil.engine.keys import SealBroken
from zajil.moderation.private import inbox, outcomes, records
from zajil.moderation.private.inbox import Inbox
from zajil.moderation.private.outcomes import UntoldOutcome
from zajil.moderation.private.records import MeasureRow, Untold
from zajil.protocol.errors import Refused, error
from zajil.protocol.report.measures import AccountMeasure, Measure

_LISTED: Final = 100


class MeasureBody(msgspec.Struct, frozen=True, kw_only=True):
    """What of a measure is sealed. days: of a suspension, None for good. at, undone_at: Unix seconds, 0 before."""

    account: bytes
    action: Measure
    reason: str
    days: int | None
    until: int = 0
    at: int = 0
    undone_at: int = 0


class Telling:
    """Tells accounts what the server that decided it did not come to tell, since it died. One for each process."""

    def __init__(self) -> None:
        self._seen: frozenset[Untold] = frozenset()
        self._seen_outcomes: frozenset[UntoldOutcome] = frozenset()

    async def look(self, reports: Inbox) -> None:
        """Call it each minute. What was untold at the look before, too, is told by whoever takes it on first.

        A server that dies between the notice and its mark has it told twice: better than never. Nothing is told while
        the moderators' key is locked, which alone opens whom it is about.
        """
        if not reports.keys.opens:
            return
        found = await reports.db.read(lambda db: records.list_untold(db, limit=_LISTED))
        for each in found:
            if each in self._seen and await reports.db.write(partial(records.take_untold, found=each)):
                await _tell_again(reports, each)
        self._seen = frozenset(found)
        closed = await reports.db.read(lambda db: outcomes.list_untold(db, limit=_LISTED))
        for outcome in closed:
            if outcome in self._seen_outcomes and await reports.db.write(partial(outcomes.take_untold, found=outcome)):
                with suppress(Refused, SealBroken):  # sealed to a key that is lost; it goes with its report
                    await inbox.tell_again(reports, outcome)
        self._seen_outcomes = frozenset(closed)


async def _tell_again(reports: Inbox, untold: Untold) -> None:
    row = await reports.db.read(lambda db: records.find_measure(db, untold.measure_id))
    if row is None:
        return
    try:
        body = open_measure(reports, row, by_person=False)
    except Refused:
        return  # sealed to a key that is lost; it goes with its measure
    measure = view_measure(row.id, body, at=body.undone_at if untold.undone else body.at)
    await reports.measures.tell(measure, untold.undone)


def view_measure(measure_id: bytes, body: MeasureBody, *, at: int) -> AccountMeasure:
    """It, as the private side carries it out and tells it. at: Unix seconds."""
    fields = {"action": body.action, "reason": body.reason, "until": body.until, "at": at}
    return msgspec.convert({"measure_id": measure_id, "account": body.account, **fields}, AccountMeasure)


def open_measure(reports: Inbox, row: MeasureRow, *, by_person: bool = True) -> MeasureBody:
    """by_person: as of `PrivateKeys.open`. Raises private-locked, not-allowed where it was sealed to another key."""
    try:
        plain = reports.keys.open(row.body, context=context_of(row.id), by_person=by_person)
    except SealBroken:
        raise error("not-allowed", "the moderators' key on this server is another one") from None
    return msgspec.msgpack.decode(plain, type=MeasureBody)


def context_of(measure_id: bytes) -> bytes:
    """Of the seal of a measure's body."""
    return b"\3" + measure_id
