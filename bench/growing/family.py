"""Rows of `bench/growth.py` that are measured together: what each costs at n, 2n and 4n, and what follows from that.

Kinds: `l`, twice the work costs at most 2.2 times; `c`, one operation costs at most 1.2 times when the state around it
has doubled. A row is a subject of the run, its round three costs and both factors.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, NamedTuple, TypeAlias

from bench.measure import NOISE_SHARE, Stretch
from bench.record import NOISY, Subject
from bench.rounds import Entry, Turn

STEPS: Final = (1, 2, 4)
MS: Final = 1000.0
LEAST: Final = 1e-6
Costs: TypeAlias = dict[str, list[float]]
"""By row, one cost for each of STEPS."""


class Row(NamedTuple):
    """One line of the table. n: how much there is at first; unit: of its costs."""

    name: str
    kind: Literal["l", "c"]
    n: int
    what: str
    unit: Literal["ms", "kib"] = "ms"

    def sizes(self, scale: float) -> list[int]:
        """n, 2n and 4n; at least 4, 8 and 16."""
        first = max(4, round(self.n * scale))
        return [first * step for step in STEPS]


@dataclass
class Family:
    """Rows that share what is set up for them. measure: all of them anew; counts go to the turn it is given."""

    rows: Sequence[Row]
    measure: Callable[[Turn, float], Costs]
    scale: float = 1.0
    _waiting: dict[str, Turn] = field(default_factory=dict)

    def take(self, row: Row) -> Turn:
        """The turn of one row. Whoever comes first, or for a second time, measures all."""
        if row.name not in self._waiting:
            stretch, whole = Stretch.begin(), Turn()
            costs = self.measure(whole, self.scale)
            noisy = stretch.others_share() > NOISE_SHARE
            self._waiting = {each.name: judge(each, costs[each.name], whole, scale=self.scale) for each in self.rows}
            for turn in self._waiting.values():
                turn.flags = [*whole.flags, *([NOISY] if noisy and NOISY not in whole.flags else [])]
        return self._waiting.pop(row.name)

    def entries(self) -> list[Entry]:
        """Its rows as subjects."""
        return [Entry(row.name, partial(_describe, row), partial(self.take, row)) for row in self.rows]


def judge(row: Row, costs: Sequence[float], whole: Turn, *, scale: float) -> Turn:
    """Costs and factors of a row, the larger one under the name that its goal asks for."""
    one, two, four = (max(cost, LEAST) for cost in costs)
    factors = two / one, four / two
    figures = {f"n_{row.unit}": one, f"2n_{row.unit}": two, f"4n_{row.unit}": four}
    factor = {"factor_2n": factors[0], "factor_4n": factors[1], f"{row.kind}_factor": max(factors)}
    return Turn(checks=dict(whole.checks), metrics={"n": row.sizes(scale)[0], **figures, **factor})


def _describe(row: Row) -> Subject:
    return Subject(name=row.name, version=row.kind.upper(), settings=row.what)


def cpu_ms(act: Callable[[], object], *, times: int = 1, best_of: int = 1) -> float:
    """Milliseconds of this process's CPU for one call: the least of some blocks of so many calls each."""
    least = float("inf")
    for _ in range(best_of):
        began = time.process_time()
        for _ in range(times):
            act()
        least = min(least, time.process_time() - began)
    return least * MS / times
