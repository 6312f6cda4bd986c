"""From scores out of fold to probabilities, thresholds and operating points.

A probability is that of a post, so Platt's two numbers are fitted on rows weighed to the prior of the policy. With
fewer than 200 rows of a class a language takes the numbers of all languages. Thresholds come from false positives on
benign rows, never from probabilities. What a score would have to show before it removes by itself is measured and
told even where it does not suffice. Source: Platt 1999; Clopper and Pearson 1934; design/moderation.md section 8.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from zajil.moderation.policy.thresholds import (
    TARGETS,
    Level,
    Thresholds,
    find_threshold,
    find_thresholds,
    upper_bound,
)

Floats: TypeAlias = npt.NDArray[np.float64]
Labels: TypeAlias = npt.NDArray[np.int8]

CLASS_ROWS_MIN: Final = 200
HARD_ROWS_MIN: Final = 600
HARD_TARGET: Final = 0.005
STEPS: Final = 100
RIDGE: Final = 1e-6
STEEPNESS_MIN: Final = 1e-3
MAX_LOGIT: Final = 80.0


class Line(NamedTuple):
    """Probability = 1 / (1 + exp(-(scale . logits + shift))). scale: one number a model."""

    scale: Floats
    shift: float

    def apply(self, logits: Floats) -> Floats:
        """Probabilities float64 [n] of logits [n, models]."""
        z = np.clip(logits @ self.scale + self.shift, -MAX_LOGIT, MAX_LOGIT)
        return np.asarray(1.0 / (1.0 + np.exp(-z)))


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """What removal by score alone would stand on in one language.

    score: the lowest one at which the 95 % upper bound of benign posts removed is at most 1 in 10,000. rows, errors,
    bound: natural benign rows, how many of them reach it, and that bound. hard_*: the same of hard lines, on which the
    score was not found. found: share of known harm, templates included, that reaches it.
    """

    score: float
    rows: int
    errors: int
    bound: float
    hard_rows: int
    hard_errors: int
    hard_bound: float
    found: float


def fit_line(logits: Floats, labels: Labels, weights: Floats, *, prior: float) -> Line:
    """The line of greatest likelihood under the prior, by Newton's method. logits: [n, models].

    A model that says the opposite of the labels counts for nothing.
    """
    if len(np.unique(labels)) < 2:
        # Nothing to learn from: everything is as probable as the prior.
        return Line(np.full(logits.shape[1], STEEPNESS_MIN), float(np.log(prior / (1 - prior))))
    share = np.array([1 - prior, prior])
    lifted = np.zeros(len(labels))
    for label in (0, 1):
        rows = labels == label
        lifted[rows] = weights[rows] * share[label] / weights[rows].sum()
    used = np.ones(logits.shape[1], dtype=bool)
    while True:
        columns = np.flatnonzero(used)
        found = _newton(np.column_stack([logits[:, columns], np.ones(len(labels))]), labels, lifted, prior)
        against = found[:-1] < STEEPNESS_MIN
        if not against.any() or len(columns) == 1:
            break
        used[columns[against]] = False
    scale = np.zeros(logits.shape[1])
    scale[columns] = np.maximum(found[:-1], STEEPNESS_MIN)
    return Line(scale, float(found[-1]))


def _newton(x: Floats, labels: Labels, weights: Floats, prior: float) -> Floats:
    found = np.zeros(x.shape[1])
    found[-1] = np.log(prior / (1 - prior))
    spread = x.std(axis=0)
    ridge = np.diag(np.append(RIDGE * spread[:-1] ** 2, 0.0)) + 1e-12 * np.eye(x.shape[1])
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ found, -MAX_LOGIT, MAX_LOGIT)))
        slope = x.T @ (weights * (labels - p)) - ridge @ found
        curve = (x * (weights * p * (1 - p))[:, None]).T @ x + ridge
        step = np.linalg.solve(curve, slope)
        # Whole steps may run away where classes part cleanly.
        found = found + step / max(1.0, float(np.abs(step).max()))
        if float(np.abs(step).max()) < 1e-9:
            break
    return found


def may_calibrate(labels: Labels) -> bool:
    """Whether a language has rows enough of both classes for numbers of its own."""
    return bool(min((labels == 0).sum(), (labels == 1).sum()) >= CLASS_ROWS_MIN)


def find_point(scores: Floats, labels: Labels, weights: Floats) -> float:
    """The score with the best balanced accuracy: a row counts as harmful from it on. 0.5 where a class is missing."""
    if not (labels == 1).any() or not (labels == 0).any():
        return 0.5
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(np.where(labels[order] == 1, weights[order], 0)) / weights[labels == 1].sum()
    alarms = np.cumsum(np.where(labels[order] == 0, weights[order], 0)) / weights[labels == 0].sum()
    ends = np.append(np.flatnonzero(np.diff(scores[order]) != 0), len(order) - 1)
    best = ends[int(np.argmax(hits[ends] - alarms[ends]))]
    return float(scores[order][best])


def find_levels(natural: Floats, written: Floats, hard: Floats, *, removes: bool, read_by_person: bool) -> Thresholds:
    """The thresholds of a head in a language from scores of benign rows out of fold.

    natural: production-like rows; written: templates, which count for `review` alone; hard: lines that were read as
    benign, among those that a keyword filter dropped. removes: only fraud and spam have `auto`, and only where at least
    600 hard lines show it as well. read_by_person: whether a person read them; else there is no `auto` at all.
    """
    rows: dict[Level, Floats] = {
        "review": np.concatenate([natural, written, hard]),
        "limit": np.concatenate([natural, hard]),
    }
    if removes and read_by_person and len(hard) >= HARD_ROWS_MIN:
        rows["auto"] = natural
    found = find_thresholds(rows)
    if found.auto is not None and upper_bound(int((hard >= found.auto).sum()), len(hard)) > HARD_TARGET:
        return Thresholds(review=found.review, limit=found.limit)
    return found


def find_removal(natural: Floats, hard: Floats, harmful: Floats) -> Removal | None:
    """What a removal by score would stand on; None where there are too few natural rows to show 1 in 10,000."""
    score = find_threshold(natural, TARGETS["auto"])
    if score is None:
        return None
    errors, hard_errors = int((natural >= score).sum()), int((hard >= score).sum())
    return Removal(
        score=score,
        rows=len(natural),
        errors=errors,
        bound=upper_bound(errors, len(natural)),
        hard_rows=len(hard),
        hard_errors=hard_errors,
        hard_bound=upper_bound(hard_errors, len(hard)),
        found=float((harmful >= score).mean()) if len(harmful) else 0.0,
    )


def find_review(benign: Floats) -> Thresholds:
    """The one threshold of a head on embeddings."""
    return Thresholds(review=find_threshold(benign, 0.01))
