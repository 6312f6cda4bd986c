"""Small counts are hidden, and nobody who solves for them finds one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from zajil.moderation.statistics.suppression import (
    FEW,
    LARGE,
    SMALL,
    TOTAL,
    Cell,
    protect_count,
    protect_list,
    protect_table,
)

COUNTS = st.one_of(st.integers(0, 6), st.integers(0, 40), st.just(0))


def find_ranges(shown: Sequence[Cell], sums: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """What an attacker can say of each cell: all published cells and marks hold, and so does every sum.

    sums: coefficients by cell; each sum is zero.
    """
    most = 10_000
    low = np.array([cell if isinstance(cell, int) else FEW if cell == LARGE else 0 for cell in shown], dtype=float)
    high = np.array([cell if isinstance(cell, int) else FEW - 1 if cell == SMALL else most for cell in shown])
    rule = LinearConstraint(np.array(sums, dtype=float), 0, 0)
    whole = np.ones(len(shown), dtype=np.int64)
    found = []
    for place in range(len(shown)):
        ends = []
        for way in (1, -1):
            target = np.zeros(len(shown))
            target[place] = way
            solved = milp(target, constraints=rule, bounds=Bounds(low, high), integrality=whole)
            assert solved.success, "the true table must be possible"
            ends.append(round(way * solved.fun))
        found.append((ends[0], ends[1]))
    return found


def attack_list(counts: Mapping[str, int], shown: Mapping[str, Cell]) -> list[tuple[int, int]]:
    """The sum of all is known."""
    cells: list[Cell] = [*shown.values(), sum(counts.values())]
    return find_ranges(cells, [[1] * len(shown) + [-1]])[:-1]


def attack_table(shown: Mapping[str, Mapping[str, Cell]]) -> dict[tuple[str, str], tuple[int, int]]:
    places = [(row, column) for row, cells in shown.items() for column in cells]
    rows, columns = list(shown), list(next(iter(shown.values())))
    sums = [[(1 if column != TOTAL else -1) if each == row else 0 for each, column in places] for row in rows]
    sums += [[(1 if row != TOTAL else -1) if each == column else 0 for row, each in places] for column in columns]
    return dict(zip(places, find_ranges([shown[row][column] for row, column in places], sums), strict=True))


def test_below_five_is_small_and_five_is_not() -> None:
    assert [protect_count(n) for n in (0, 1, 4, 5, 1000)] == [SMALL, SMALL, SMALL, 5, 1000]


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        ([3, 10, 20], [SMALL, LARGE, 20]),  # alone, it would be the total less the others
        ([3, 10, 0], [SMALL, 10, SMALL]),  # nothing hides it as well as something does
        ([4, 4, 12, 20], [SMALL, SMALL, LARGE, 20]),  # two fours are the only way to make eight
        ([1, 1, 12], [SMALL, SMALL, 12]),
        ([3, 5, 9], [SMALL, LARGE, 9]),
        ([1, 5], [SMALL, LARGE]),
        ([0, 0, 7], [SMALL, SMALL, 7]),
        ([4, 4], [None, None]),
        ([3], [None]),
        ([8, 9], [8, 9]),
    ],
)
def test_lists(counts: list[int], shown: list[Cell]) -> None:
    assert list(protect_list(dict(zip("abcd", counts, strict=False))).values()) == shown


def test_a_small_count_in_a_table_takes_a_rectangle_with_it() -> None:
    shown = protect_table({"x": {"ar": 3, "en": 10}, "y": {"ar": 7, "en": 30}})
    assert shown == {
        "x": {"ar": SMALL, "en": LARGE, TOTAL: 13},
        "y": {"ar": LARGE, "en": LARGE, TOTAL: 37},
        TOTAL: {"ar": 10, "en": 40, TOTAL: 50},
    }
    whole = protect_table({"x": {"ar": 30, "en": 10}, "y": {"ar": 7, "en": 30}})
    assert whole["x"] == {"ar": 30, "en": 10, TOTAL: 40}
    few = protect_table({"x": {"ar": 1, "en": 1}, "y": {"ar": 0, "en": 1}})
    assert {cell for row in few.values() for cell in row.values()} == {SMALL}


def test_the_attacker_finds_what_is_only_crossed_out() -> None:
    """Else the tests below would prove nothing."""
    naive: dict[str, dict[str, Cell]] = {
        "x": {"ar": SMALL, "en": 10, TOTAL: 13},
        "y": {"ar": 7, "en": 30, TOTAL: 37},
        TOTAL: {"ar": 10, "en": 40, TOTAL: 50},
    }
    assert attack_table(naive)["x", "ar"] == (3, 3)
    assert attack_list({"a": 4, "b": 4}, {"a": SMALL, "b": SMALL}) == [(4, 4), (4, 4)]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(COUNTS, min_size=2, max_size=9))
def test_no_small_count_of_a_list_can_be_reckoned(numbers: list[int]) -> None:
    counts = {f"n{place}": n for place, n in enumerate(numbers)}
    shown = protect_list(counts)
    for (name, n), (low, high) in zip(counts.items(), attack_list(counts, shown), strict=True):
        assert low <= n <= high
        assert not 0 < n < FEW or low < high, (name, shown)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5).flatmap(lambda w: st.lists(st.lists(COUNTS, min_size=w, max_size=w), min_size=1, max_size=5)))
def test_no_small_count_of_a_table_can_be_reckoned(numbers: list[list[int]]) -> None:
    table = {f"r{row}": {f"c{at}": n for at, n in enumerate(cells)} for row, cells in enumerate(numbers)}
    shown = protect_table(table)
    true = {row: {**cells, TOTAL: sum(cells.values())} for row, cells in table.items()}
    true[TOTAL] = {column: sum(cells[column] for cells in true.values()) for column in next(iter(true.values()))}
    for (row, column), (low, high) in attack_table(shown).items():
        n, cell = true[row][column], shown[row][column]
        assert low <= n <= high
        assert not 0 < n < FEW or low < high, (row, column, shown)
        assert cell is None or cell == n or cell == (SMALL if n < FEW else LARGE)


def test_most_of_a_big_table_stays() -> None:
    """A rule that hides everything would pass every other test."""
    table = {f"r{row}": {f"c{at}": 10 + 7 * row + at for at in range(4)} for row in range(8)}
    table["r3"]["c2"] = 2
    cells = [cell for row in protect_table(table).values() for cell in row.values()]
    assert sum(not isinstance(cell, int) for cell in cells) == 4
