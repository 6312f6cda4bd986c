"""Clopper-Pearson against known values, and thresholds that hold on the rows they were found on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.moderation.policy.thresholds import (
    TARGETS,
    Thresholds,
    bound_above,
    errors_allowed,
    find_threshold,
    find_thresholds,
    laxer_levels,
    rows_needed,
    upper_bound,
)
from zajil.protocol.errors import LocalProtocolError


@pytest.mark.parametrize(("target", "rows"), [(0.01, 299), (0.001, 2_995), (0.0001, 29_956)])
def test_rows_needed_without_an_error(target: float, rows: int) -> None:
    """Section 8 rounds the first to 300. Closed form for k = 0: 1 - .05^(1/n)."""
    assert rows_needed(target) == rows == math.ceil(math.log(0.05) / math.log(1 - target))
    assert upper_bound(0, rows) <= target < upper_bound(0, rows - 1)
    assert upper_bound(0, 300) <= 0.01


@pytest.mark.parametrize(
    ("errors", "rows", "bound"),
    [
        (0, 1, 0.95),
        (0, 10, 0.258866),
        (1, 10, 0.394163),
        (2, 20, 0.282619),
        (5, 100, 0.102253),
        (10, 10, 1.0),
        (0, 0, 1.0),
    ],
)
def test_bounds_of_the_published_tables(errors: int, rows: int, bound: float) -> None:
    """One-sided 95 % upper limits, as in tables of exact binomial limits (0/10: 25.9 %, 1/10: 39.4 %, 2/20: 28.3 %)."""
    assert upper_bound(errors, rows) == pytest.approx(bound, abs=1e-6)


@given(st.integers(1, 300), st.data())
def test_the_bound_is_where_the_binomial_tail_is_five_percent(rows: int, data: st.DataObject) -> None:
    """The definition itself, computed another way: P(X <= k | n, bound) = .05."""
    errors = data.draw(st.integers(0, rows - 1))
    p = upper_bound(errors, rows)
    tail = math.fsum(math.comb(rows, k) * p**k * (1 - p) ** (rows - k) for k in range(errors + 1))
    assert tail == pytest.approx(0.05, abs=1e-9)


@given(st.integers(0, 100_000), st.sampled_from(sorted(TARGETS.values())))
def test_errors_allowed_is_the_most(rows: int, target: float) -> None:
    allowed = errors_allowed(rows, target)
    if allowed is None:
        assert upper_bound(0, rows) > target
    else:
        assert upper_bound(allowed, rows) <= target < upper_bound(allowed + 1, rows)


@given(st.lists(st.floats(0, 1, width=32), max_size=3_500), st.sampled_from([0.01, 0.001]))
def test_a_threshold_holds_and_is_the_lowest(benign: list[float], target: float) -> None:
    threshold = find_threshold(benign, target)
    above = [score for score in benign if threshold is not None and score >= threshold]
    if threshold is not None:
        assert upper_bound(len(above), len(benign)) <= target
        lower = float(np.nextafter(threshold, -np.inf))
        assert upper_bound(sum(score >= lower for score in benign), len(benign)) > target
    else:
        assert upper_bound(0, len(benign)) > target or upper_bound(sum(s >= 1 for s in benign), len(benign)) > target


def test_too_few_rows_are_no_threshold() -> None:
    assert find_threshold([0.1] * 298, 0.01) is None
    assert find_threshold([0.1] * 299, 0.01) == pytest.approx(0.1)
    assert find_threshold([1.0] * 299, 0.01) is None
    assert find_threshold([], 0.01) is None


def test_levels_stand_in_order_and_end_at_the_first_that_is_not_shown() -> None:
    rng = np.random.default_rng(0)
    rows = rng.random(30_000)
    found = find_thresholds({"review": rows, "limit": rows, "auto": rows})
    assert found.is_ordered()
    assert found.auto is not None
    assert found.auto == pytest.approx(rows.max())
    few = find_thresholds({"review": rows[:300], "limit": rows[:300], "auto": rows})
    assert few.review is not None
    assert few.limit is None
    assert few.auto is None
    # A level measured on other, easier rows is never below a softer one.
    eased = find_thresholds({"review": rows, "limit": rows / 10, "auto": rows})
    assert eased.limit == eased.review


def test_a_hand_read_sample_has_its_own_bound() -> None:
    assert bound_above([0.1] * 600, 0.2) == pytest.approx(0.00498, abs=1e-5)
    assert bound_above([0.1] * 599 + [0.2], 0.2) == upper_bound(1, 600)
    assert bound_above([], 0.5) == 1.0


def test_a_score_reaches_the_hardest_level_it_can() -> None:
    levels = Thresholds(review=0.5, limit=0.8)
    assert [levels.level(s) for s in (0.4, 0.5, 0.8, 1.0)] == [None, "review", "limit", "limit"]
    assert Thresholds().level(1.0) is None


@pytest.mark.parametrize(
    ("thresholds", "ordered"),
    [
        (Thresholds(), True),
        (Thresholds(review=0.5), True),
        (Thresholds(review=0.5, limit=0.5, auto=0.9), True),
        (Thresholds(review=0.5, limit=0.4), False),
        (Thresholds(limit=0.4), False),
        (Thresholds(review=0.1, auto=0.4), False),
    ],
)
def test_order(thresholds: Thresholds, ordered: bool) -> None:
    assert thresholds.is_ordered() is ordered


def test_laxer_is_lower_or_what_was_never_shown() -> None:
    shown = Thresholds(review=0.5, limit=0.8)
    assert list(laxer_levels(Thresholds(review=0.5, limit=0.9), shown)) == []
    assert list(laxer_levels(Thresholds(), shown)) == []
    assert list(laxer_levels(Thresholds(review=0.4, limit=0.8, auto=0.99), shown)) == ["review", "auto"]


def test_impossible_counts_are_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        upper_bound(2, 1)
    with pytest.raises(LocalProtocolError):
        rows_needed(0)
    with pytest.raises(LocalProtocolError):
        find_threshold([float("nan")], 0.01)
