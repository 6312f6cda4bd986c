"""What a month's report counts. A month is a range of the log: entries whose time is in it, and the rows they are of.

Counted are rows by their entry, not by their own second, so that log and database agree to the unit also where a clock
went back between the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, cast, func, select

from zajil.moderation.audit.entries import parse_entry
from zajil.moderation.store import log
from zajil.moderation.store.decisions import DecisionRow, read_decisions
from zajil.moderation.store.people import appeal, notice, sample
from zajil.moderation.store.tables import decision, tally

_DAY_S: Final = 86_400
# A row's own second and its entry's differ where a clock went back; the index is on the second.
_CLOCKS_S: Final = 7 * _DAY_S
_CHUNK: Final = 1000


class Span(NamedTuple):
    """A month's part of the log: entries first <= n < end. start, over: its Unix seconds, over not in it."""

    first: int
    end: int
    start: int
    over: int


class Counted(NamedTuple):
    """How many decisions of one kind there were."""

    action: str
    category: str
    lang: str
    source: str
    automated: str
    human: bool
    n: int


class Outcome(NamedTuple):
    """A notice or appeal. group: category of the notice, empty for appeals. closed_at: None while open."""

    group: str
    state: str
    at: int
    closed_at: int | None


class Judged(NamedTuple):
    """Blind judgements of drawn posts. action: of the decision judged, empty for posts that were let stand."""

    category: str
    lang: str
    action: str
    judgement: str
    n: int


def find_span(db: Connection, start: int, over: int) -> Span:
    """The entries of these seconds. Times in the log never go back, so both ends are found by halving."""
    size = log.count_entries(db)
    return Span(_first_since(db, start, size), _first_since(db, over, size), start, over)


def first_time(db: Connection) -> int | None:
    """Unix second of the first entry ever."""
    data = log.find_entry(db, 0)
    return None if data is None else parse_entry(data).at


def _first_since(db: Connection, at: int, size: int) -> int:
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        data = log.find_entry(db, middle)
        if data is not None and parse_entry(data).at < at:
            low = middle + 1
        else:
            high = middle
    return low


def _in(span: Span) -> ColumnElement[bool]:
    near = and_(decision.c.at >= span.start - _CLOCKS_S, decision.c.at < span.over + _CLOCKS_S)
    return and_(near, decision.c.entry >= span.first, decision.c.entry < span.end)


def count_decisions(db: Connection, span: Span) -> list[Counted]:
    """Decisions of the month by everything a report tells them apart by."""
    human = decision.c.actor != b""
    columns = (decision.c.action, decision.c.category, decision.c.lang, decision.c.source, decision.c.automated, human)
    found = select(*columns, func.count()).where(_in(span)).group_by(*columns)
    return [Counted(r[0], r[1], r[2], r[3], r[4], bool(r[5]), r[6]) for r in db.execute(found)]


def decided_entries(db: Connection, span: Span) -> set[int]:
    """The entries of the month whose decision is stored."""
    return set(db.execute(select(decision.c.entry).where(_in(span))).scalars())


def stored_decisions(db: Connection, span: Span) -> Iterator[DecisionRow]:
    """The month's decisions themselves, in their order, in pieces."""
    after = 0
    while rows := read_decisions(db, _in(span), after=after, n=_CHUNK):
        after = rows[-1].seq
        yield from rows


def entries_at(db: Connection, numbers: Sequence[int]) -> Iterator[bytes]:
    """The bytes of these entries, in no order, in pieces."""
    for at in range(0, len(numbers), _CHUNK):
        chosen = log.entry.c.n.in_(numbers[at : at + _CHUNK])
        yield from db.execute(select(log.entry.c.data).where(chosen)).scalars()


def read_notices(db: Connection, span: Span) -> list[Outcome]:
    """Notices that came or were decided in the month."""
    columns = (notice.c.category, notice.c.state, notice.c.at, notice.c.closed_at)
    came = and_(notice.c.at >= span.start, notice.c.at < span.over)
    closed = and_(notice.c.closed_at >= span.start, notice.c.closed_at < span.over)
    return [Outcome(*row) for row in db.execute(select(*columns).where(came | closed))]


def read_appeals(db: Connection, span: Span) -> list[Outcome]:
    """Appeals that came or were decided in the month."""
    columns = (appeal.c.state, appeal.c.at, appeal.c.closed_at)
    came = and_(appeal.c.at >= span.start, appeal.c.at < span.over)
    closed = and_(appeal.c.closed_at >= span.start, appeal.c.closed_at < span.over)
    return [Outcome("", *row) for row in db.execute(select(*columns).where(came | closed))]


def count_judged(db: Connection, kind: str, span: Span) -> list[Judged]:
    """Judgements of posts drawn in the month. kind: `acted` or `allowed`."""
    action = func.coalesce(decision.c.action, "")
    columns = (sample.c.category, sample.c.lang, action, sample.c.judgement)
    drawn = and_(sample.c.at >= span.start, sample.c.at < span.over, sample.c.judged_at.is_not(None))
    found = (
        select(*columns, func.count())
        .select_from(sample.outerjoin(decision, decision.c.id == sample.c.decision_id))
        .where(sample.c.kind == kind, drawn)
        .group_by(*columns)
    )
    return [Judged(*row) for row in db.execute(found)]


def count_posts(db: Connection, span: Span) -> dict[str, int]:
    """Post versions judged for the first time in the month, by language."""
    first, last = span.start // _DAY_S, (span.over - 1) // _DAY_S
    found = select(tally.c.lang, cast(func.sum(tally.c.posts), BigInteger)).where(
        tally.c.day >= first, tally.c.day <= last
    )
    return {row[0]: int(row[1]) for row in db.execute(found.group_by(tally.c.lang))}
