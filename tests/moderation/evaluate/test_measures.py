"""Measures against scikit-learn and against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, balanced_accuracy_score

from zajil.moderation.evaluate.measures import (
    DRAWS,
    draw_cases,
    estimate,
    find_accuracy,
    find_auprc,
    find_balanced,
    find_chances,
    find_difference,
    find_recall,
)

RNG = np.random.default_rng(3)
TRUTHS = RNG.random(600) < 0.3
SCORES = np.round(RNG.random(600) + TRUTHS * 0.3, 2).astype(np.float64)


def test_auprc_is_average_precision_with_ties() -> None:
    assert find_auprc(SCORES, TRUTHS) == pytest.approx(average_precision_score(TRUTHS, SCORES))
    assert np.isnan(find_auprc(SCORES, np.zeros(600, dtype=bool)))


def test_balanced_accuracy_is_that_of_the_library() -> None:
    flags = SCORES > 0.6
    assert find_balanced(flags, TRUTHS) == pytest.approx(balanced_accuracy_score(TRUTHS, flags))
    assert find_balanced(np.ones(5, dtype=bool), np.ones(5, dtype=bool)) == 1.0


def test_recall_counts_what_lies_above_the_allowed_alarms() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    truths = np.array([True, False, True, True, False, False])
    assert find_recall(scores, truths, alarms=0.0) == pytest.approx(1 / 3)
    assert find_recall(scores, truths, alarms=0.34) == 1.0
    assert find_recall(scores, truths, alarms=1.0) == 1.0


def test_chances_are_those_of_who_does_not_look() -> None:
    chances = find_chances(np.array([True, False, False, False]))
    assert chances == (0.75, 0.5, 0.25)
    assert find_accuracy(np.zeros(4, dtype=bool), np.array([True, False, False, False])) == 0.75


def test_intervals_hold_the_figure_and_pairs_stay_together() -> None:
    draws = draw_cases([""] * 600)
    assert len(draws) == DRAWS
    found = estimate(find_auprc, SCORES, TRUTHS, draws)
    assert found.low < found.value < found.high
    assert found.high - found.low < 0.25
    paired = draw_cases(["a", "b", "a", ""])
    assert all((rows == 0).sum() == (rows == 2).sum() for rows in paired)


def test_a_difference_is_measured_draw_by_draw() -> None:
    worse = RNG.random(600)
    found = find_difference(find_auprc, SCORES, worse, TRUTHS, draw_cases([""] * 600))
    assert found.low > 0
    same = find_difference(find_auprc, SCORES, SCORES, TRUTHS, draw_cases([""] * 600))
    assert (same.low, same.high) == (0, 0)
