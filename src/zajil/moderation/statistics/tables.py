"""A report as CSV, one figure a line: `section,row,column,value,low,high`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from zajil.moderation.statistics.report import Rate, Report
from zajil.moderation.statistics.suppression import Cell

COLUMNS: Final = ("section", "row", "column", "value", "low", "high")


class Figure(NamedTuple):
    """One line. value: a count, `<5`, `>=5`, or empty where nothing is told."""

    section: str
    row: str = ""
    column: str = ""
    value: Cell | float | str = None
    low: float | None = None
    high: float | None = None


def encode_csv(report: Report) -> bytes:
    """The report, UTF-8, lines ended as RFC 4180 has it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for figure in list_figures(report):
        writer.writerow(["" if each is None else each for each in figure])
    return text.getvalue().encode()


def list_figures(report: Report) -> Iterator[Figure]:
    """Every figure of the report, in its order."""
    for name in ("format", "server", "month", "state"):
        yield Figure(name, value=str(getattr(report, name)))
    yield Figure("log", "origin", value=report.log.origin)
    yield Figure("log", "first", value=report.log.first)
    yield Figure("log", "end", value=report.log.end)
    yield from _list("log", report.log.kinds, "kind")
    yield from _list("posts", report.posts)
    told = report.restrictions
    yield Figure("restrictions", "total", value=told.total)
    yield from _list("restrictions", told.by_action, "by_action")
    yield from _table("restrictions by category", told.by_category)
    yield from _table("restrictions by source", told.by_source)
    yield Figure("restrictions", "reversed", value=told.reversed)
    yield Figure("notices", "received", value=report.notices.received)
    yield from _list("notices", report.notices.by_category, "by_category")
    yield Figure("notices", "decided", value=report.notices.decided)
    yield from _list("notices", report.notices.by_outcome, "by_outcome")
    yield Figure("notices", "median_s", value=report.notices.median_s)
    yield Figure("appeals", "received", value=report.appeals.received)
    yield Figure("appeals", "decided", value=report.appeals.decided)
    yield from _list("appeals", report.appeals.by_outcome, "by_outcome")
    yield Figure("appeals", "share_reversed", value=report.appeals.share_reversed)
    yield Figure("appeals", "median_s", value=report.appeals.median_s)
    for rate in report.precision:
        yield from _rate("precision", rate.category, rate)
    for rate in report.prevalence:
        yield from _rate("prevalence", "", rate)
    wrong = report.false_removals
    yield Figure("false_removals", "judged", value=wrong.judged)
    yield Figure("false_removals", "per_million", "", wrong.per_million, wrong.low, wrong.high)
    yield Figure("government_requests", value=report.government_requests)
    measured = str(report.downtime.seconds) if report.downtime.measured else "not measured"
    yield Figure("downtime", value=measured)
    if report.private is not None:
        for name in report.private.__struct_fields__:
            yield Figure("private", name, value=getattr(report.private, name))


def _list(section: str, counts: Mapping[str, Cell], column: str = "") -> Iterator[Figure]:
    for name, cell in counts.items():
        yield Figure(section, name, column, cell)


def _table(section: str, table: Mapping[str, Mapping[str, Cell]]) -> Iterator[Figure]:
    for row, cells in table.items():
        for column, cell in cells.items():
            yield Figure(section, row, column, cell)


def _rate(section: str, row: str, rate: Rate) -> Iterator[Figure]:
    yield Figure(f"{section} judged", row, rate.language, rate.judged)
    yield Figure(section, row, rate.language, rate.share, rate.low, rate.high)
