"""Thresholds from false positives: the lowest score at which few enough benign rows lie above, with 95 % confidence.

A probability says nothing about harm done to the innocent; a count on benign text does. For k errors among n rows the
one-sided 95 % upper bound is the p at which k or fewer errors have probability .05: the .95 quantile of
Beta(k + 1, n - k). Without an error, 1 % needs 299 rows (the page rounds to 300), 0.1 % 2,995 and 0.01 % 29,956.
Source: Clopper and Pearson 1934; design/moderation.md section 8.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from zajil.moderation.categories import Category, Language
from zajil.protocol.errors import error

CONFIDENCE: Final = 0.95
Level: TypeAlias = Literal["review", "limit", "auto"]
LEVELS: Final[tuple[Level, ...]] = ("review", "limit", "auto")
TARGETS: Final[Mapping[Level, float]] = MappingProxyType({"review": 0.01, "limit": 0.001, "auto": 0.0001})
Score: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The scores of one head in one language from which something may happen; None: that action does not exist."""

    review: Score | None = None
    limit: Score | None = None
    auto: Score | None = None

    def level(self, score: float) -> Level | None:
        """The hardest level that a score reaches."""
        # Almost every score ends at the first line: none reaches a harder level without the softer ones.
        if self.review is None or score < self.review:
            return None
        if self.auto is not None and score >= self.auto:
            return "auto"
        return "limit" if self.limit is not None and score >= self.limit else "review"

    def items(self) -> tuple[tuple[Level, float | None], ...]:
        """The levels from the softest to the hardest, with their scores."""
        return (("review", self.review), ("limit", self.limit), ("auto", self.auto))

    def is_ordered(self) -> bool:
        """Each level stands at or above the softer ones, and none exists where a softer one does not."""
        scores = [score for _, score in self.items()]
        known = [score for score in scores if score is not None]
        return known == sorted(known) and scores[: len(known)] == known


NO_THRESHOLDS: Final = Thresholds()


class ModelThresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model, or `calibrate` on an operator's own traffic, has shown. Rides in the model's metadata as JSON.

    source: hash of the model's manifest or of the calibration. heads, embeddings: by category, then language; what is
    missing is None. Of embeddings (stage 4) only `review` counts.
    """

    source: str = ""
    heads: dict[Category, dict[Language, Thresholds]] = {}
    embeddings: dict[Category, dict[Language, Thresholds]] = {}

    def head(self, category: Category, language: Language) -> Thresholds:
        """The thresholds of a linear head."""
        return self.heads.get(category, {}).get(language, NO_THRESHOLDS)

    def embedding(self, category: Category, language: Language) -> Thresholds:
        """The thresholds of a head on embeddings."""
        return self.embeddings.get(category, {}).get(language, NO_THRESHOLDS)


def upper_bound(errors: int, rows: int, *, confidence: float = CONFIDENCE) -> float:
    """The one-sided Clopper-Pearson upper bound of errors/rows; 1.0 where there are no rows or all are errors.

    Raises LocalProtocolError unless 0 <= errors <= rows.
    """
    if not 0 <= errors <= rows:
        raise error("wrong-call", "more errors than rows")
    if errors == rows:
        return 1.0
    return float(betaincinv(errors + 1, rows - errors, confidence))


def rows_needed(target: float, *, errors: int = 0) -> int:
    """The fewest rows on which so many errors still show a rate of at most `target`."""
    if not 0 < target < 1:
        raise error("wrong-call", "a rate lies between 0 and 1")
    low, high = errors, max(2 * errors, 2)
    while upper_bound(errors, high) > target:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if upper_bound(errors, middle) > target else (low, middle)
    return high


def errors_allowed(rows: int, target: float) -> int | None:
    """The most errors among so many rows that still show a rate of at most `target`; None where even 0 do not."""
    if upper_bound(0, rows) > target:
        return None
    # The bound grows with the errors and lies above errors/rows, which ends the search.
    low, high = 0, math.ceil(target * rows) + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if upper_bound(middle, rows) <= target else (low, middle)
    return low


def find_threshold(benign: Sequence[float] | NDArray[np.floating], target: float) -> float | None:
    """The lowest score at which the bound on benign rows at or above it is at most `target`.

    benign: one calibrated score, 0..1, per benign row, out of fold. None where there are too few rows, or only a score
    above 1 would do.
    """
    scores = np.sort(np.asarray(benign, dtype=np.float64))[::-1]
    if not np.isfinite(scores).all():
        raise error("wrong-call", "scores are finite")
    allowed = errors_allowed(len(scores), target)
    if allowed is None:
        return None
    if allowed >= len(scores):
        return 0.0
    # Rows at or above must be `allowed` at most, so the threshold lies just above the next row; ties fall with it.
    threshold = float(np.nextafter(scores[allowed], np.inf))
    return threshold if threshold <= 1 else None


def bound_above(benign: Sequence[float] | NDArray[np.floating], threshold: float) -> float:
    """The upper bound of the share of benign rows at or above a threshold, on rows it was not found on.

    A hand-read sample of hard lines is judged by this: 600 lines without one above give .005.
    """
    scores = np.asarray(benign, dtype=np.float64)
    return upper_bound(int((scores >= threshold).sum()), len(scores))


def find_thresholds(benign: Mapping[Level, Sequence[float] | NDArray[np.floating]]) -> Thresholds:
    """Thresholds of one head in one language, each level on the rows that count for it (section 8, row 3).

    A level is None where its rows do not show it, and where a softer one is; each lies at or above the softer ones.
    """
    found: dict[str, float] = {}
    floor = 0.0
    for name in LEVELS:
        score = find_threshold(benign.get(name, ()), TARGETS[name])
        if score is None:
            break
        floor = found[name] = max(floor, score)
    return Thresholds(**found)


def laxer_levels(wanted: Thresholds, shown: Thresholds) -> Iterator[Level]:
    """The levels at which `wanted` would act on more than has been shown to be safe."""
    for (name, want), (_, least) in zip(wanted.items(), shown.items(), strict=True):
        if want is not None and (least is None or want < least):
            yield name
