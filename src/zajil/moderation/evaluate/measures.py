"""Measures of scores against labels, each with what a coin or the majority would get, in numpy alone.

Intervals are percentiles of a bootstrap over the cases: 1,000 draws under seed 0, cases of one pair drawn together, so
two models on one set can be compared draw by draw. Source: Davis and Goadrich 2006; Efron 1979.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Truths: TypeAlias = npt.NDArray[np.bool_]
Measure: TypeAlias = Callable[[Floats, Truths], float]

DRAWS: Final = 1_000
SEED: Final = 0
INTERVAL: Final = (2.5, 97.5)


class Estimate(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class Chances(NamedTuple):
    """What needs no model: the share of the larger class (accuracy), half (balanced), the share of harm (AUPRC)."""

    accuracy: float
    balanced: float
    auprc: float


def find_auprc(scores: Floats, truths: Truths) -> float:
    """Area under precision over recall, by steps (average precision); not a number where nothing is harmful."""
    if not truths.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truths[order])
    ends = np.append(np.flatnonzero(np.diff(scores[order]) != 0), len(order) - 1)
    precision = hits[ends] / (ends + 1)
    recall = hits[ends] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def find_recall(scores: Floats, truths: Truths, *, alarms: float) -> float:
    """The share of harm found at a score that at most this share of benign cases reaches."""
    benign = np.sort(scores[~truths])[::-1]
    if not len(benign) or not truths.any():
        return float("nan")
    allowed = int(alarms * len(benign))
    return float((scores[truths] > benign[allowed]).mean()) if allowed < len(benign) else 1.0


def find_balanced(flags: Truths, truths: Truths) -> float:
    """The mean of the shares of both classes that are called right; of one class where there is no other."""
    shares = [float((flags[truths == side] == side).mean()) for side in (True, False) if (truths == side).any()]
    return sum(shares) / len(shares)


def find_accuracy(flags: Truths, truths: Truths) -> float:
    """The share of cases that are called right."""
    return float((flags == truths).mean())


def find_chances(truths: Truths) -> Chances:
    """The baselines of a set."""
    share = float(truths.mean())
    return Chances(max(share, 1 - share), 0.5, share)


def draw_cases(pairs: Sequence[str]) -> list[npt.NDArray[np.int64]]:
    """The rows of each bootstrap draw. pairs: cases with the same non-empty one are drawn together."""
    groups: dict[str, list[int]] = {}
    for row, pair in enumerate(pairs):
        groups.setdefault(pair or f"#{row}", []).append(row)
    members = [np.array(rows, dtype=np.int64) for rows in groups.values()]
    generator = np.random.default_rng(SEED)
    if all(len(rows) == 1 for rows in members):
        return [generator.integers(0, len(members), len(members)) for _ in range(DRAWS)]
    return [
        np.concatenate([members[at] for at in generator.integers(0, len(members), len(members))]) for _ in range(DRAWS)
    ]


def estimate(measure: Measure, scores: Floats, truths: Truths, draws: Sequence[npt.NDArray[np.int64]]) -> Estimate:
    """A measure with its interval. scores: or flags as 0 and 1, for measures that take those."""
    values = np.array([measure(scores[rows], truths[rows]) for rows in draws])
    values = values[np.isfinite(values)]
    low, high = np.percentile(values, INTERVAL) if len(values) else (float("nan"), float("nan"))
    return Estimate(round(measure(scores, truths), 4), round(float(low), 4), round(float(high), 4))


def find_difference(
    measure: Measure, one: Floats, other: Floats, truths: Truths, draws: Sequence[npt.NDArray[np.int64]]
) -> Estimate:
    """How much better the first model is than the second on the same draws."""
    values = np.array([measure(one[rows], truths[rows]) - measure(other[rows], truths[rows]) for rows in draws])
    low, high = np.percentile(values[np.isfinite(values)], INTERVAL)
    return Estimate(
        round(measure(one, truths) - measure(other, truths), 4), round(float(low), 4), round(float(high), 4)
    )
