"""What a head's scores out of fold say: calibration, thresholds and operating point of each language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from zajil.moderation.categories import ANY, HEADS, LANGUAGES
from zajil.moderation.policy.thresholds import Thresholds
from zajil.moderation.train.calibrate import (
    Floats,
    Line,
    Removal,
    find_levels,
    find_point,
    find_removal,
    find_review,
    fit_line,
    may_calibrate,
)
from zajil.moderation.train.corpus import KINDS, PRESUMED, Table
from zajil.moderation.train.texts.natural import HARD_READ_BY_PERSON

REMOVING: Final = frozenset({"fraud", "spam"})
HARD: Final = "hard_"
EVEN: Final = 0.5
ADVERTISING: Final = frozenset({"sms_spam", "tgspam"})


class Measured(NamedTuple):
    """Of one head: a line a language, whether it is that of all languages, thresholds, and the operating point.

    removals: what removal by score would stand on, of the heads that may have it.
    """

    lines: list[Line]
    pooled: tuple[str, ...]
    thresholds: dict[str, Thresholds]
    points: dict[str, float]
    removals: dict[str, Removal]


class Benign(NamedTuple):
    """Scores of benign rows: natural ones, templates, and hard lines."""

    natural: Floats
    written: Floats
    hard: Floats


def measure_head(head: int, logits: Floats, table: Table, *, prior: float, review_only: bool = False) -> Measured:
    """Everything about one head. logits: out of fold, [n, models]; table: the same rows, none of them disguised."""
    labels = table.labels[:, head]
    known = labels >= 0
    whole = _fit_line(logits, labels, table, known, prior=prior)
    lines: list[Line] = []
    pooled: list[str] = []
    thresholds: dict[str, Thresholds] = {}
    points: dict[str, float] = {}
    removals: dict[str, Removal] = {}
    name = HEADS[head]
    for number, language in enumerate(LANGUAGES):
        rows = known & (table.languages == number)
        own = may_calibrate(labels[rows])
        line = _fit_line(logits, labels, table, rows, prior=prior) if own else whole
        lines.append(line)
        if not own:
            pooled.append(language)
        scores = line.apply(logits)
        points[language] = find_point(scores[rows], labels[rows], _contrast_weights(table, rows, labels[rows]))
        if name != ANY:
            benign = _split_benign(name, scores, table, number, labels)
            if review_only:
                thresholds[language] = find_review(np.concatenate(benign))
                continue
            removes = name in REMOVING
            thresholds[language] = find_levels(*benign, removes=removes, read_by_person=HARD_READ_BY_PERSON)
            removal = find_removal(benign.natural, benign.hard, scores[rows & (labels == 1)]) if removes else None
            if removal is not None:
                removals[language] = removal
    return Measured(lines, tuple(pooled), thresholds, points, removals)


def _fit_line(
    logits: Floats, labels: npt.NDArray[np.int8], table: Table, rows: npt.NDArray[np.bool_], *, prior: float
) -> Line:
    """Two models are weighed against each other on rows whose kinds have an equal say, and their sum is calibrated.

    Else the words would be believed for telling sources apart, which they do best.
    """
    logits, labels = logits[rows], labels[rows]
    weights = table.weights[rows]
    if logits.shape[1] == 1:
        return fit_line(logits, labels, weights, prior=prior)
    mixed = fit_line(logits, labels, _even_weights(table, rows, labels), prior=EVEN)
    joined = logits @ mixed.scale + mixed.shift
    line = fit_line(joined[:, None], labels, weights, prior=prior)
    return Line(line.scale[0] * mixed.scale, float(line.scale[0] * mixed.shift + line.shift))


def _split_benign(name: str, scores: Floats, table: Table, language: int, labels: npt.NDArray[np.int8]) -> Benign:
    examples = table.examples
    here = table.languages == language
    kinds = np.array([example.kind for example in examples])
    measures = here & np.array([example.measures for example in examples])
    hard = measures & np.array([example.source.startswith(HARD) for example in examples]) & (labels == 0)
    benign = labels == 0
    if name in REMOVING:
        # Nor was fraud looked for in the other sets: a wrong row there only makes the threshold stricter.
        benign |= (labels == -1) & np.array([example.source not in ADVERTISING for example in examples])
    natural = measures & benign & (kinds != "template") & ~hard
    written = here & (labels == 0) & (kinds == "template")
    return Benign(scores[natural], scores[written], scores[hard])


def _even_weights(table: Table, rows: npt.NDArray[np.bool_], labels: npt.NDArray[np.int8]) -> Floats:
    """Weights under which, within a class, labelled, presumed and written rows have an equal say."""
    kinds = table.kinds[rows]
    weights = np.zeros(len(labels))
    for label in (0, 1):
        for kind in range(len(KINDS)):
            group = (labels == label) & (kinds == kind)
            if group.any():
                weights[group] = 1.0 / group.sum()
    return weights


def _contrast_weights(table: Table, rows: npt.NDArray[np.bool_], labels: npt.NDArray[np.int8]) -> Floats:
    """The same, but everyday lines have no say where there are harmless rows near to harm.

    Nobody needs a model to tell small talk from a threat; a point that is right about both halves of such rows is low.
    """
    weights = _even_weights(table, rows, labels)
    sources = np.array([example.source for example in table.examples])[rows]
    everyday = (table.kinds[rows] == PRESUMED) | np.char.startswith(sources, HARD)
    near = (labels == 0) & ~everyday
    if near.any():
        weights[(labels == 0) & everyday] = 0.0
    return weights


def as_metadata(measured: Mapping[str, Measured]) -> dict[str, dict[str, dict[str, float | None]]]:
    """The thresholds of all heads as a model's file holds them."""
    return {
        head: {language: dict(levels.items()) for language, levels in found.thresholds.items()}
        for head, found in measured.items()
        if found.thresholds
    }
