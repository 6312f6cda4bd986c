"""Reports by month: read, or reckoned anew while they still grow; and kept once they are final.

A report is final 30 days after its month. It is kept then: decisions are forgotten later and would be missing in it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import msgspec
from sqlalchemy import Connection

from zajil.engine.sql.database import Database
from zajil.moderation.statistics.figures import count_month
from zajil.moderation.statistics.months import Month, month_of, parse_month
from zajil.moderation.statistics.report import Report, find_state, make_report
from zajil.moderation.store.transparency.counts import first_time
from zajil.moderation.store.transparency.published import find_published, put_published
from zajil.protocol.errors import error

_BUSY_SHARE: Final = 0.05
"""Most of the time that reckoning reports may take, however often they are asked for."""
_decoder: Final = msgspec.json.Decoder(Report)


def read_report(db: Connection, month: Month, *, server: str, now: float) -> Report:
    """The report of a month. Raises Refused `gone` for one that lies ahead or before the log began."""
    kept = find_published(db, month.name)
    if kept is not None:
        return _decoder.decode(kept)
    began = first_time(db)
    if month.start > now or (month != month_of(now) and (began is None or month.end <= began)):
        raise error("gone", "no report of this month")
    return make_report(count_month(db, month), server=server, now=now)


def find_due(db: Connection, *, now: float) -> list[Month]:
    """Months whose report is final and not kept yet, oldest first."""
    began = first_time(db)
    found: list[Month] = []
    if began is None:
        return found
    month = month_of(began)
    while find_state(month.end, now=now) == "final":
        if find_published(db, month.name) is None:
            found.append(month)
        month = month.next()
    return found


async def keep_final(database: Database, *, server: str, now: float) -> int:
    """Keep every report that became final; how many."""
    due = await database.read(lambda db: find_due(db, now=now))
    for month in due:

        def write(db: Connection, month: Month = month) -> None:
            report = make_report(count_month(db, month), server=server, now=now)
            put_published(db, month.name, msgspec.json.encode(report), now=int(now))

        await database.write(write)
    return len(due)


class Reports:
    """Reports for whoever asks: one reckoning at a time, its result good for twenty times as long as it took."""

    def __init__(
        self,
        database: Database,
        *,
        server: str,
        clock: Callable[[], float],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """server: its name. clock: Unix seconds. timer: seconds that only grow."""
        self._db = database
        self._server = server
        self._clock = clock
        self._timer = timer
        self._known: dict[Month, tuple[float, Report]] = {}
        self._turn = asyncio.Lock()

    async def find(self, name: str) -> Report:
        """The report of a month by its name. Raises Malformed, Refused `gone`."""
        month = parse_month(name)
        async with self._turn:
            began = self._timer()
            fresh_until, known = self._known.get(month, (0.0, None))
            if known is not None and began < fresh_until:
                return known
            now = self._clock()
            report = await self._db.read(lambda db: read_report(db, month, server=self._server, now=now))
            ended = self._timer()
            # A few months at most are asked for often; the rest is cheap to do again.
            if len(self._known) >= 24:
                self._known.clear()
            self._known[month] = (ended + (ended - began) / _BUSY_SHARE, report)
            return report
