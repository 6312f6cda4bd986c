"""Whether report, audit log and database tell the same, to the unit.

Everything is counted once more and otherwise than for the report: each entry of the month is parsed, each stored
decision is held against its entry by the record's hash, and each published cell against the rows themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection

from zajil.moderation.audit.entries import KINDS, Entry, check_record, parse_entry
from zajil.moderation.decide.orders import encode_record
from zajil.moderation.statistics.figures import RESTORING, RESTRICTING
from zajil.moderation.statistics.months import parse_month
from zajil.moderation.statistics.report import APPEAL_RESULTS, Report, find_row, find_tongue
from zajil.moderation.statistics.suppression import FEW, LARGE, SMALL, TOTAL, Cell
from zajil.moderation.store import log
from zajil.moderation.store.decisions import DecisionRow
from zajil.moderation.store.transparency import counts
from zajil.moderation.store.transparency.counts import Span
from zajil.protocol.errors import ZajilError

_DECIDING: Final = frozenset({"decision", "appeal"})


class Difference(NamedTuple):
    """What does not agree. where: a place of the report, or `entry N`. The others: as each has it, or `-`."""

    where: str
    log: str = "-"
    database: str = "-"
    report: str = "-"


class Agreement(NamedTuple):
    """What was compared: entries of the month, stored decisions, published cells; and what differs."""

    entries: int
    decisions: int
    cells: int
    differences: tuple[Difference, ...]


def check_agreement(db: Connection, report: Report) -> Agreement:
    """Hold a report against log and database, in one snapshot."""
    month = parse_month(report.month)
    span = counts.find_span(db, month.start, month.end)
    entries = [parse_entry(data) for data in log.read_entries(db, first=span.first, size=span.end)]
    rows = list(counts.stored_decisions(db, span))
    cells = _Cells()
    found = [
        *_compare_log(span, entries, report),
        *_compare_rows(entries, rows),
        *_compare_appeals(db, span, entries),
        *cells.compare(report, rows),
    ]
    return Agreement(len(entries), len(rows), cells.count, tuple(found))


def _compare_log(span: Span, entries: Sequence[Entry], report: Report) -> list[Difference]:
    found = []
    if (report.log.first, report.log.end) != (span.first, span.end):
        found.append(Difference("log", f"{span.first}-{span.end}", "-", f"{report.log.first}-{report.log.end}"))
    kinds: Counter[str] = Counter(entry.kind for entry in entries)
    for kind in KINDS:
        told = report.log.kinds.get(kind, 0)
        if kinds[kind] != told:
            found.append(Difference(f"log.kinds.{kind}", str(kinds[kind]), "-", str(told)))
    if report.government_requests != kinds["disclosure"]:
        found.append(Difference("government_requests", str(kinds["disclosure"]), "-", str(report.government_requests)))
    return found


def _compare_rows(entries: Sequence[Entry], rows: Sequence[DecisionRow]) -> list[Difference]:
    """Each decision has one entry that is about this very record, and each entry about a decision has one decision."""
    by_number = {entry.n: entry for entry in entries}
    found = []
    missing = {entry.n for entry in entries if entry.kind in _DECIDING}
    for row in rows:
        entry = by_number[row.entry]
        if row.entry not in missing:
            found.append(Difference(f"entry {row.entry}", entry.kind, row.id.hex()))
            continue
        missing.discard(row.entry)
        try:
            check_record(entry, row.salt, encode_record(row))
        except ZajilError:
            found.append(Difference(f"entry {row.entry}", "another record", row.id.hex()))
        if (entry.kind == "appeal") != (row.source == "appeal"):
            found.append(Difference(f"entry {row.entry}", entry.kind, row.source))
    return found + [Difference(f"entry {n}", by_number[n].kind, "no decision") for n in sorted(missing)]


def _compare_appeals(db: Connection, span: Span, entries: Sequence[Entry]) -> list[Difference]:
    """As many appeals were decided as the log has outcomes of appeals."""
    logged = sum(entry.kind == "appeal" for entry in entries)
    closed = sum(
        each.state in APPEAL_RESULTS and each.closed_at is not None and span.start <= each.closed_at < span.over
        for each in counts.read_appeals(db, span)
    )
    return [] if logged == closed else [Difference("appeals.decided", str(logged), str(closed))]


class _Cells:
    """Published cells against a count of the rows."""

    def __init__(self) -> None:
        self.count = 0

    def compare(self, report: Report, rows: Sequence[DecisionRow]) -> list[Difference]:
        restricting = [row for row in rows if row.action in RESTRICTING]
        told = report.restrictions
        undone = sum(row.action in RESTORING and row.is_human for row in rows)
        found = [
            *self._cell("restrictions.total", told.total, len(restricting)),
            *self._cell("restrictions.reversed", told.reversed, undone),
        ]
        actions = Counter(row.action for row in restricting)
        for action, cell in told.by_action.items():
            found += self._cell(f"restrictions.by_action.{action}", cell, actions[action])  # type: ignore[index]  # a name
        found += self._table(
            "restrictions.by_category",
            told.by_category,
            Counter((find_row(row.category), find_tongue(row.lang)) for row in restricting),
        )
        return found + self._table(
            "restrictions.by_source", told.by_source, Counter((row.source, row.automated) for row in restricting)
        )

    def _table(
        self, name: str, told: Mapping[str, Mapping[str, Cell]], counted: Mapping[tuple[str, str], int]
    ) -> list[Difference]:
        sums: Counter[tuple[str, str]] = Counter()
        for (row, column), n in counted.items():
            for place in ((row, column), (row, TOTAL), (TOTAL, column), (TOTAL, TOTAL)):
                sums[place] += n
        found = []
        for row, cells in told.items():
            for column, cell in cells.items():
                found += self._cell(f"{name}.{row}.{column}", cell, sums[row, column])
        return found

    def _cell(self, where: str, cell: Cell, n: int) -> list[Difference]:
        self.count += 1
        if cell is None or cell == n or (cell == SMALL and n < FEW) or (cell == LARGE and n >= FEW):
            return []
        return [Difference(where, "-", str(n), str(cell))]
