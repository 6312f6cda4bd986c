"""One evaluation: every set, language and functionality under every scorer, as figures without a single text.

Nothing is chosen here. Operating points and thresholds come with the model, fixed out of fold before a test set was
opened. Source: design/moderation.md section 14.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.evaluate.measures import (
    Estimate,
    Floats,
    Truths,
    draw_cases,
    estimate,
    find_accuracy,
    find_auprc,
    find_balanced,
    find_chances,
    find_recall,
)
from zajil.moderation.evaluate.scorers import Levels, Scorer, find_levels
from zajil.moderation.evaluate.sets import Case, TestSet


class Level(msgspec.Struct, frozen=True):
    """What a threshold does on a set: share of harm found, and of benign cases called harm."""

    found: float
    alarms: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One scorer on one language of one set. share: of harm. accuracy_chance: of whoever always says the larger class.

    review, limit: None where the threshold does not exist. functionalities: share called right at the operating point.
    """

    cases: int
    share: float
    accuracy_chance: float
    auprc: Estimate
    balanced: Estimate
    accuracy: Estimate
    recall_1: Estimate
    recall_01: Estimate
    review: Level | None = None
    limit: Level | None = None
    functionalities: dict[str, tuple[int, float]] = {}


class SetReport(msgspec.Struct, frozen=True, kw_only=True):
    """A set: the head that was asked, and figures by scorer, then language."""

    head: str
    own: bool
    scorers: dict[str, dict[str, Figures]]


def evaluate_set(test: TestSet, scorers: Sequence[Scorer]) -> SetReport:
    """All figures of a set."""
    texts = [case.text for case in test.cases]
    head = HEADS.index(test.head)
    found: dict[str, dict[str, Figures]] = {}
    for scorer in scorers:
        scores = scorer.score(texts)[:, head]
        found[scorer.name] = {}
        for language in LANGUAGES:
            rows = [row for row, case in enumerate(test.cases) if case.language == language]
            if rows:
                cases = [test.cases[row] for row in rows]
                levels = find_levels(scorer.metadata, test.head, language)
                found[scorer.name][language] = evaluate_cases(cases, scores[rows], levels)
    return SetReport(head=test.head, own=test.own, scorers=found)


def evaluate_cases(cases: Sequence[Case], scores: Floats, levels: Levels) -> Figures:
    """The figures of cases of one language."""
    truths = np.array([case.harmful for case in cases])
    flags = (scores >= levels.point).astype(np.float64)
    draws = draw_cases([case.pair for case in cases])
    chances = find_chances(truths)
    return Figures(
        cases=len(cases),
        share=round(chances.auprc, 4),
        accuracy_chance=round(chances.accuracy, 4),
        auprc=estimate(find_auprc, scores, truths, draws),
        balanced=estimate(_balanced, flags, truths, draws),
        accuracy=estimate(_accuracy, flags, truths, draws),
        recall_1=estimate(_recall_1, scores, truths, draws),
        recall_01=estimate(_recall_01, scores, truths, draws),
        review=_find_level(scores, truths, levels.review),
        limit=_find_level(scores, truths, levels.limit),
        functionalities=_find_functionalities(cases, flags, truths),
    )


def _balanced(flags: Floats, truths: Truths) -> float:
    return find_balanced(flags > 0, truths)


def _accuracy(flags: Floats, truths: Truths) -> float:
    return find_accuracy(flags > 0, truths)


def _recall_1(scores: Floats, truths: Truths) -> float:
    return find_recall(scores, truths, alarms=0.01)


def _recall_01(scores: Floats, truths: Truths) -> float:
    return find_recall(scores, truths, alarms=0.001)


def _find_level(scores: Floats, truths: Truths, threshold: float | None) -> Level | None:
    if threshold is None or truths.all() or not truths.any():
        return None
    reached = scores >= threshold
    return Level(round(float(reached[truths].mean()), 4), round(float(reached[~truths].mean()), 4))


def _find_functionalities(cases: Sequence[Case], flags: Floats, truths: Truths) -> dict[str, tuple[int, float]]:
    right = (flags > 0) == truths
    names = sorted({case.functionality for case in cases if case.functionality})
    found: dict[str, tuple[int, float]] = {}
    for name in names:
        rows = [row for row, case in enumerate(cases) if case.functionality == name]
        found[name] = (len(rows), round(float(right[rows].mean()), 4))
    return found
