"""Small counts are not shown, and not given away by what is: cell suppression for lists and tables with totals.

A count below 5 is shown as `<5`, nothing included. Where the other cells and the totals would tell it, further cells
are shown as `>=5` only. What must hold: for each count from 1 to 4 there is another table with the very same
published cells in which it has another value. Such a table is one *move* away: two cells of a list exchange one, or
the four corners of a rectangle in a table do, totals included, so that every sum stays as it is. Cells are hidden
until each small count has a move all of whose cells are hidden and stay within what their marks say. A grand total
counts as known. Source: the hypercube method, Giessing and Repsilber 2002, with known bounds of cells.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Final, Literal, NamedTuple, TypeAlias

FEW: Final = 5
SMALL: Final = "<5"
LARGE: Final = ">=5"
TOTAL: Final = "total"
Cell: TypeAlias = int | Literal["<5", ">=5"] | None
"""A count, `<5`, `>=5`, or None where even that would tell too much."""
_Move: TypeAlias = tuple[tuple[int, int], ...]


def protect_count(n: int) -> Cell:
    """A count that nothing else is shown about."""
    return n if n >= FEW else SMALL


def protect_list(counts: Mapping[str, int]) -> dict[str, Cell]:
    """Counts by two names or more, in their order, whose sum is known."""
    values = list(counts.values())
    moves = [((one, 1), (other, -1)) for one in range(len(values)) for other in range(len(values)) if one != other]
    return dict(zip(counts, _settle(values, moves), strict=True))


def protect_table(table: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, Cell]]:
    """Counts by row and column with the totals of both, named `total`; the sum of all is known.

    table: every row with the same columns in the same order; at least one of each.
    """
    rows = [*table, TOTAL]
    columns = [*next(iter(table.values())), TOTAL]
    inner = [list(row.values()) for row in table.values()]
    grid = [[*row, sum(row)] for row in inner]
    grid.append([sum(column) for column in zip(*grid, strict=True)])
    values = [cell for row in grid for cell in row]
    known = grid[-1][-1]
    if known < FEW:  # it is not shown either, so nothing can be reckoned from it
        shown: list[Cell] = [SMALL] * len(values)
    else:
        shown = _settle(values, _Places(len(rows), len(columns)).moves())
        shown[-1] = known
    return {
        row: dict(zip(columns, shown[number * len(columns) :][: len(columns)], strict=True))
        for number, row in enumerate(rows)
    }


class _Places(NamedTuple):
    """Cells of a table, row by row, whose last row and column are totals."""

    rows: int
    columns: int

    def moves(self) -> list[_Move]:
        """Every rectangle with the signs that keep all sums, without the sum of all."""
        rows = [(one, other) for one, other in product(range(self.rows), repeat=2) if one < other]
        columns = [(one, other) for one, other in product(range(self.columns), repeat=2) if one < other]
        last = self.rows * self.columns - 1
        found = []
        for (top, bottom), (left, right) in product(rows, columns):
            corners = tuple(
                (row * self.columns + column, self._sign(row == bottom, column == right, row, column))
                for row, column in product((top, bottom), (left, right))
            )
            if corners[-1][0] != last:
                found.append(corners)
        return found

    def _sign(self, low: bool, right: bool, row: int, column: int) -> int:
        """A total moves with the cells it sums up, so its sign turns once more."""
        turns = low + right + (row == self.rows - 1) + (column == self.columns - 1)
        return -1 if turns % 2 else 1


def _settle(values: Sequence[int], moves: Iterable[_Move]) -> list[Cell]:
    """What is shown of each cell."""
    hidden = {place for place, value in enumerate(values) if value < FEW}
    through: dict[int, list[_Move]] = {}
    for move in moves:
        if _is_possible(values, move):
            for place, _ in move:
                through.setdefault(place, []).append(move)
    for place, value in enumerate(values):
        if not 0 < value < FEW:
            continue
        ways = through.get(place, [])
        if not ways:
            return [None] * len(values)
        hidden |= {each for each, _ in min(ways, key=lambda move: _cost(values, hidden, move))}
    return [value if place not in hidden else SMALL if value < FEW else LARGE for place, value in enumerate(values)]


def _is_possible(values: Sequence[int], move: _Move) -> bool:
    """Whether the move, or the same backwards, leaves each cell within what its mark would say."""
    return any(
        all((values[place] < FEW) == (0 <= values[place] + way * sign < FEW) for place, sign in move) for way in (1, -1)
    )


def _cost(values: Sequence[int], hidden: set[int], move: _Move) -> tuple[int, int, int]:
    """What hiding its cells would take away: how many, then how much, then the first ones."""
    more = [place for place, _ in move if place not in hidden]
    return len(more), sum(values[place] for place in more), min(place for place, _ in move)
