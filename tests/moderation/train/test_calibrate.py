"""Calibration against known lines, thresholds against counts."""

from __future__ import annotations

import numpy as np
import pytest

from zajil.moderation.train.calibrate import (
    HARD_ROWS_MIN,
    find_levels,
    find_point,
    find_removal,
    fit_line,
    may_calibrate,
)

RNG = np.random.default_rng(5)
ONES = np.ones


def test_a_known_line_is_found_again() -> None:
    logits = RNG.normal(size=(40_000, 1))
    labels = (RNG.random(40_000) < 1 / (1 + np.exp(-(2 * logits[:, 0] - 1)))).astype(np.int8)
    line = fit_line(logits, labels, ONES(40_000), prior=float(labels.mean()))
    assert line.scale[0] == pytest.approx(2, abs=0.1)
    assert line.shift == pytest.approx(-1, abs=0.1)


def test_probabilities_stand_for_the_prior_whatever_the_share_of_rows() -> None:
    labels = np.repeat(np.array([0, 1], dtype=np.int8), 5_000)
    logits = (labels + RNG.normal(size=10_000))[:, None]
    for prior in (0.5, 0.01):
        line = fit_line(logits, labels, ONES(10_000), prior=prior)
        mean = line.apply(logits)[labels == 1].mean() * prior + line.apply(logits)[labels == 0].mean() * (1 - prior)
        assert mean == pytest.approx(prior, rel=0.02)


def test_classes_that_part_cleanly_and_models_that_err_stay_finite() -> None:
    labels = np.repeat(np.array([0, 1], dtype=np.int8), 300)
    clean = fit_line(labels[:, None].astype(np.float64) * 8, labels, ONES(600), prior=0.01)
    assert np.isfinite(clean.scale).all()
    assert clean.apply(np.array([[0.0], [8.0]]))[0] < 0.01 < clean.apply(np.array([[0.0], [8.0]]))[1]
    wrong = fit_line(-labels[:, None].astype(np.float64) + RNG.normal(size=(600, 1)), labels, ONES(600), prior=0.1)
    assert 0 < wrong.scale[0] < 0.01
    two = fit_line(np.column_stack([labels + RNG.normal(size=600), -labels]), labels, ONES(600), prior=0.1)
    assert two.scale[0] > 0
    assert two.scale[1] == 0


def test_the_operating_point_is_where_balanced_accuracy_is_best() -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.4, 0.9])
    labels = np.array([0, 0, 1, 0, 1, 1], dtype=np.int8)
    assert find_point(scores, labels, ONES(6)) == 0.3
    assert find_point(scores, ONES(6).astype(np.int8), ONES(6)) == 0.5


def test_auto_needs_a_harm_that_may_be_removed_rows_and_hard_rows() -> None:
    natural, none = RNG.random(40_000) * 0.5, np.zeros(0)
    hard = RNG.random(HARD_ROWS_MIN) * 0.4
    assert find_levels(natural, none, hard, removes=True, read_by_person=True).auto is not None
    assert find_levels(natural, none, hard, removes=True, read_by_person=False).auto is None
    assert find_levels(natural, none, hard, removes=False, read_by_person=True).auto is None
    assert find_levels(natural, none, hard[:-1], removes=True, read_by_person=True).auto is None
    assert find_levels(natural[:20_000], none, hard, removes=True, read_by_person=True).auto is None
    caught = np.append(hard[:-1], 0.99)
    levels = find_levels(natural, none, caught, removes=True, read_by_person=True)
    assert levels.auto is None
    assert levels.limit is not None


def test_what_removal_would_stand_on_is_counted() -> None:
    natural, hard = np.linspace(0, 0.5, 30_000), np.array([0.1, 0.2, 0.7])
    found = find_removal(natural, hard, np.array([0.4, 0.6]))
    assert found is not None
    assert found.score == pytest.approx(0.5, abs=1e-4)
    assert (found.rows, found.errors, found.hard_rows, found.hard_errors, found.found) == (30_000, 0, 3, 1, 0.5)
    assert found.bound == pytest.approx(1 - 0.05 ** (1 / 30_000), rel=1e-6)
    assert find_removal(natural[:29_000], hard, hard) is None


def test_few_rows_of_a_class_are_calibrated_with_other_languages() -> None:
    assert may_calibrate(np.repeat(np.array([0, 1], dtype=np.int8), 200))
    assert not may_calibrate(np.repeat(np.array([0, 1], dtype=np.int8), [5_000, 199]))
