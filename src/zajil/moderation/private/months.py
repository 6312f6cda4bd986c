"""What the public log says of private reports: rounded counts, once for each month that is over, whatever came.

An entry at the time of an act would be read by those whom it is about: on a small server, whoever just sent a threat
and sees `evidence` move knows that somebody reported. So nothing moves before the month ends. Then one entry is
written in every month, of the same size, with counts below 5 hidden and the others rounded down to fives; the record is
no secret and stands in the transparency report, so that anybody can hold one against the other.
"""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection

from zajil.moderation.private import tallies
from zajil.moderation.review.context import Review
from zajil.moderation.statistics.months import Month, month_of, parse_month
from zajil.moderation.statistics.suppression import FEW, SMALL
from zajil.moderation.store.transparency import private as published
from zajil.moderation.store.transparency.changes import log_public
from zajil.moderation.store.transparency.counts import first_time
from zajil.moderation.store.transparency.private import MonthRow, PrivateCounts, PrivateMonth, Rounded

_DAY_S: Final = 86_400


async def publish_due(review: Review) -> int:
    """Write what is due; how many months."""
    now = review.now()
    due = await review.db.read(lambda db: _find_due(db, now))
    for month in due:

        def write(db: Connection, month: Month = month) -> None:
            if published.find_month(db, month.name) is None:
                record = encode_month(month, count_month(db, month))
                published.put_month(db, MonthRow(month.name, record, now))
                log_public(db, "evidence", record, now=now)

        await review.db.write(write)
    return len(due)


def count_month(db: Connection, month: Month) -> PrivateCounts:
    """The counts of a month as they are published."""
    found = tallies.count_acts(db, month.start // _DAY_S, month.end // _DAY_S)
    names = ("opened", "acted", "not-acted", "confirmed", "undone")
    opened, acted, declined, measures, undone = (round_count(found.get(name, 0)) for name in names)
    return PrivateCounts(opened=opened, acted=acted, not_acted=declined, measures=measures, undone=undone)


def encode_month(month: Month, counts: PrivateCounts) -> str:
    """The record that the log's hash is over: JSON with sorted keys."""
    return msgspec.json.encode(PrivateMonth(month=month.name, counts=counts), order="sorted").decode()


def round_count(n: int) -> Rounded:
    """A count below 5 hidden, another rounded down to fives."""
    return n - n % FEW if n >= FEW else SMALL


def _find_due(db: Connection, now: int) -> list[Month]:
    """Months that are over and unpublished, oldest first: behind the newest published, at first from the first act."""
    last = month_of(now).before()
    began = first_time(db)
    if began is None or month_of(began) > last:
        return []
    newest, act = published.last_month(db), tallies.first_act_day(db)
    if newest is not None:
        month = parse_month(newest).next()
    else:
        month = min(last, month_of(act * _DAY_S)) if act is not None else last
    found = []
    while month <= last:
        found.append(month)
        month = month.next()
    return found
