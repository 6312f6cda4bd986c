"""Rows are weighed so that no source speaks louder than another for being longer."""

from __future__ import annotations

import numpy as np
import pytest

from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.train.corpus import KINDS, NATURAL, REAL_ROWS, TEMPLATE, Table
from zajil.moderation.train.fit import MAX_BALANCE, balance
from zajil.moderation.train.texts.templates import WEIGHT

FRAUD = HEADS.index("fraud")


def table_of(counts: dict[tuple[int, int, int], int]) -> Table:
    """Rows by language, label and kind."""
    cells = [cell for cell, count in counts.items() for _ in range(count)]
    labels = np.full((len(cells), len(HEADS)), -1, dtype=np.int8)
    labels[:, FRAUD] = [label for _, label, _ in cells]
    languages, kinds = (np.array([cell[place] for cell in cells], dtype=np.int64) for place in (0, 2))
    return Table([], labels, languages, kinds, np.zeros(len(cells), np.int64), np.ones(len(cells)))


def shares(table: Table) -> dict[tuple[int, int, int], float]:
    """Of the whole weight, by language, label and kind."""
    weights = balance(table, FRAUD, np.arange(len(table.kinds)))
    assert weights.mean() == pytest.approx(1)
    cells = zip(table.languages.tolist(), table.labels[:, FRAUD].tolist(), table.kinds.tolist(), strict=True)
    found: dict[tuple[int, int, int], float] = {}
    for cell, weight in zip(cells, weights, strict=True):
        found[cell] = found.get(cell, 0.0) + weight / weights.sum()
    return found


def test_languages_classes_and_kinds_have_an_equal_say() -> None:
    presumed = KINDS.index("presumed")
    counts = {
        (0, 0, presumed): 900,
        (0, 0, TEMPLATE): 60,
        (0, 1, TEMPLATE): 40,
        (1, 0, presumed): 400,
        (1, 1, NATURAL): 200,
    }
    found = shares(table_of(counts))
    assert found[0, 0, presumed] == pytest.approx(found[0, 0, TEMPLATE]) == pytest.approx(1 / 8)
    assert found[0, 1, TEMPLATE] == pytest.approx(1 / 4)
    assert found[1, 0, presumed] == pytest.approx(found[1, 1, NATURAL]) == pytest.approx(1 / 4)
    assert len(LANGUAGES) == 3


def test_beside_real_harm_enough_templates_count_for_their_weight() -> None:
    many, few = (
        shares(table_of({(0, 0, NATURAL): 500, (0, 1, NATURAL): real, (0, 1, TEMPLATE): 300}))
        for real in (REAL_ROWS, REAL_ROWS - 1)
    )
    assert many[0, 1, TEMPLATE] / many[0, 1, NATURAL] == pytest.approx(WEIGHT)
    assert few[0, 1, TEMPLATE] == pytest.approx(few[0, 1, NATURAL])


def test_one_row_does_not_speak_for_a_language() -> None:
    table = table_of({(0, 0, NATURAL): 5_000, (0, 1, NATURAL): 1})
    weights = balance(table, FRAUD, np.arange(len(table.kinds)))
    assert weights.max() / weights.min() < 2.1 * MAX_BALANCE
