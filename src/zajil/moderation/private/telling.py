"""What is sealed of a measure against an account, and who tells of it, or of an outcome, where the server that decided
it died.

Apart from `measures`, which needs all that reviewers need: every server looks for what was not told.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import msgspec

from zajil.engine.keys import SealBroken
from zajil.moderation.private import inbox, records, untold
from zajil.moderation.private.inbox import Inbox
from zajil.moderation.private.records import MeasureRow
from zajil.moderation.private.untold import Untold
from zajil.protocol.errors import Refused, error
from zajil.protocol.report.measures import AccountMeasure, Measure

_LISTED: Final = 200
_LOG = logging.getLogger(__name__)


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
        self._failed: Counter[Untold] = Counter()
        self._aside = 0

    @property
    def aside(self) -> int:
        """How many decisions were put aside, by any server, as of the last look."""
        return self._aside

    async def look(self, reports: Inbox) -> None:
        """Call it each minute. What was untold at the look before, too, is told by whoever takes it on first.

        A server that dies between the notice and its mark has it told twice: better than never. Nothing is told while
        the moderators' key is locked, which alone opens whom it is about. What does not open is put aside after
        `TRIES_MAX` looks of one server: another one that has its key has told it by then, or tries it anew as soon as
        somebody unlocks it there.
        """
        self._aside = await reports.db.read(untold.count_aside)
        if not reports.keys.opens:
            return
        found = await reports.db.read(lambda db: untold.list_untold(db, limit=_LISTED))
        put_aside = 0
        for each in found:
            if each in self._seen:
                put_aside += not await self._tell_again(reports, each)
        self._seen = frozenset(found)
        self._failed = Counter({each: self._failed[each] for each in self._failed if each in self._seen})
        if put_aside:
            self._aside += put_aside
            _LOG.warning("database-untold: %d decisions of moderators can be told to nobody: see the doctor", put_aside)

    async def _tell_again(self, reports: Inbox, found: Untold) -> bool:
        """False where it was put aside now. What does not open is not taken on: another server may have its key."""
        try:
            tell = await _open(reports, found)
        except (SealBroken, msgspec.MsgspecError, ValueError):
            self._failed[found] += 1
            given_up = self._failed[found] >= untold.TRIES_MAX
            return not given_up or not await reports.db.write(partial(untold.put_aside, found=found))
        except Refused:
            return True  # locked at this moment
        if await reports.db.write(partial(untold.take, found=found)):
            await tell()
        return True


async def _open(reports: Inbox, found: Untold) -> Callable[[], Awaitable[None]]:
    """What tells it. Raises as `inbox.open_outcome`; SealBroken too where what it is about is gone."""
    if found.kind == untold.OUTCOME:
        tell = await inbox.open_outcome(reports, found)
        if tell is None:
            raise SealBroken
        return tell
    row = await reports.db.read(lambda db: records.find_measure(db, found.about))
    if row is None:
        raise SealBroken
    body, undone = read_measure(reports, row, by_person=False), found.kind == untold.UNDONE
    measure = view_measure(row.id, body, at=body.undone_at if undone else body.at)
    return partial(reports.measures.tell, measure, undone)


def view_measure(measure_id: bytes, body: MeasureBody, *, at: int) -> AccountMeasure:
    """It, as the private side carries it out and tells it. at: Unix seconds."""
    fields = {"action": body.action, "reason": body.reason, "until": body.until, "at": at}
    return msgspec.convert({"measure_id": measure_id, "account": body.account, **fields}, AccountMeasure)


def open_measure(reports: Inbox, row: MeasureRow) -> MeasureBody:
    """What a person reads. Raises private-locked, not-allowed where it is damaged or was sealed to another key."""
    try:
        return read_measure(reports, row, by_person=True)
    except SealBroken:
        raise error("not-allowed", "the moderators' key on this server is another one") from None


def read_measure(reports: Inbox, row: MeasureRow, *, by_person: bool) -> MeasureBody:
    """by_person: as of `PrivateKeys.open`. Raises private-locked, SealBroken for what is damaged, too."""
    try:
        plain = reports.keys.open(row.body, context=context_of(row.id), by_person=by_person)
        return msgspec.msgpack.decode(plain, type=MeasureBody)
    except (msgspec.MsgspecError, ValueError):
        raise SealBroken from None


def context_of(measure_id: bytes) -> bytes:
    """Of the seal of a measure's body."""
    return b"\3" + measure_id
