"""Where the marks of a plot stand: plain numbers, which the template draws as SVG.

Bars grow from the side that reading begins at, so a page from right to left is a mirror image. A hidden count has no
length: it is drawn as an open mark of one size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from zajil.moderation.statistics.report import Rate
from zajil.moderation.statistics.suppression import LARGE, SMALL, Cell

WIDTH: Final = 640
LABEL: Final = 190
VALUE: Final = 80
ROW: Final = 26
BAR: Final = 16
HIDDEN: Final = 10
_ROOM: Final = WIDTH - LABEL - VALUE


class Bar(NamedTuple):
    """One line of a plot. label: shown beside it; label_x, value_x: where the texts begin. x, width: of the bar.

    low, high: ends of the interval, None without one. hidden: an open mark in place of a bar.
    """

    label: str
    label_x: float
    y: int
    x: float
    width: float
    value: str
    value_x: float
    hidden: bool
    low: float | None = None
    high: float | None = None


class Plot(NamedTuple):
    """A plot of bars. title: what it shows."""

    title: str
    height: int
    bars: tuple[Bar, ...]


def draw_counts(title: str, counts: Mapping[str, Cell], *, rtl: bool) -> Plot:
    """Counts by label. The longest bar is as long as there is room."""
    most = max([cell for cell in counts.values() if isinstance(cell, int)], default=1)
    bars = []
    for number, (label, cell) in enumerate(counts.items()):
        length = _ROOM * cell / most if isinstance(cell, int) else HIDDEN
        bars.append(_bar(number, label, length, show(cell), hidden=not isinstance(cell, int), rtl=rtl))
    return Plot(title, ROW * len(bars), tuple(bars))


def draw_rates(title: str, rates: Sequence[tuple[str, Rate]], *, rtl: bool) -> Plot:
    """Shares from 0 to 1 by label, with their intervals; those without one are left out."""
    bars: list[Bar] = []
    for label, rate in rates:
        if rate.share is None or rate.low is None or rate.high is None:
            continue
        bar = _bar(len(bars), label, _ROOM * rate.share, percent(rate.share), hidden=False, rtl=rtl)
        low, high = (_along(_ROOM * each, rtl=rtl) for each in (rate.low, rate.high))
        bars.append(bar._replace(low=min(low, high), high=max(low, high)))
    return Plot(title, ROW * len(bars), tuple(bars))


def show(cell: Cell) -> str:
    """A count as people read it."""
    if cell is None:
        return "\N{EM DASH}"
    return {SMALL: "<5", LARGE: "\N{GREATER-THAN OR EQUAL TO}5"}[cell] if isinstance(cell, str) else f"{cell:,}"


def percent(share: float | None) -> str:
    """A share with one digit behind the point."""
    return "\N{EM DASH}" if share is None else f"{share * 100:.1f} %"


def _along(length: float, *, rtl: bool) -> float:
    """How far from the left something stands that is so far from where bars begin."""
    return round(WIDTH - LABEL - length if rtl else LABEL + length, 1)


def _bar(number: int, label: str, length: float, value: str, *, hidden: bool, rtl: bool) -> Bar:
    start, end = _along(0, rtl=rtl), _along(length, rtl=rtl)
    gap = -6 if rtl else 6
    return Bar(
        label=label,
        label_x=WIDTH if rtl else 0,
        y=number * ROW,
        x=min(start, end),
        width=round(length, 1),
        value=value,
        value_x=round(_along(_ROOM, rtl=rtl) + gap, 1),
        hidden=hidden,
    )
