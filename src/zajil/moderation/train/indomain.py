"""How well the heads do on rows like the ones they learned from, out of fold: the flattering half of the model card.

Real rows and templates are counted apart, and every figure stands beside what a coin would get. A model card never
shows these without the figures of sets nobody trained on. `model/training.json` holds them; training writes it.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec
import numpy as np

from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.evaluate.measures import find_auprc, find_balanced, find_recall
from zajil.moderation.train.calibrate import Floats, Removal
from zajil.moderation.train.corpus import Table
from zajil.moderation.train.measure import Measured

DIGITS: Final = 4
CLASS_ROWS_MIN: Final = 20


class InDomain(msgspec.Struct, frozen=True, kw_only=True):
    """One head in one language on one kind of rows. share: of harm, which is what AUPRC is by chance."""

    rows: int
    share: float
    auprc: float
    balanced: float
    recall_1: float


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """What a training run says of itself. rows: by source. linear, fused: by head, language, then real or templates.

    removals: by head and language, what removal by score would stand on, whether or not it exists.
    penalties: of the heads on vectors. pooled: by scorer and head, languages calibrated together. vectors: how many.
    """

    rows: dict[str, int]
    linear: dict[str, dict[str, dict[str, InDomain]]]
    fused: dict[str, dict[str, dict[str, InDomain]]]
    removals: dict[str, dict[str, Removal]]
    penalties: dict[str, float]
    pooled: dict[str, dict[str, tuple[str, ...]]]
    vectors: int


def measure_rows(
    table: Table, scores: dict[str, Floats], points: dict[str, dict[str, float]]
) -> dict[str, dict[str, dict[str, InDomain]]]:
    """Figures of rows with a known label. scores: probabilities by head, one a row, out of fold."""
    templates = np.array([example.kind == "template" for example in table.examples])
    found: dict[str, dict[str, dict[str, InDomain]]] = {}
    for number, head in enumerate(HEADS):
        for language, name in enumerate(LANGUAGES):
            for kind, chosen in (("real", ~templates), ("templates", templates)):
                rows = chosen & (table.languages == language) & (table.labels[:, number] >= 0)
                truths = table.labels[rows, number] == 1
                if min(int(truths.sum()), int((~truths).sum())) < CLASS_ROWS_MIN:
                    continue
                values = scores[head][rows]
                found.setdefault(head, {}).setdefault(name, {})[kind] = InDomain(
                    rows=len(truths),
                    share=round(float(truths.mean()), DIGITS),
                    auprc=round(find_auprc(values, truths), DIGITS),
                    balanced=round(find_balanced(values >= points[head][name], truths), DIGITS),
                    recall_1=round(find_recall(values, truths, alarms=0.01), DIGITS),
                )
    return found


def apply_lines(table: Table, logits: dict[str, Floats], measured: dict[str, Measured]) -> dict[str, Floats]:
    """Probabilities by head of logits [n, models] by head, each row by the line of its language."""
    scores: dict[str, Floats] = {}
    for head, found in measured.items():
        scores[head] = np.zeros(len(table.examples))
        for language, line in enumerate(found.lines):
            rows = table.languages == language
            scores[head][rows] = line.apply(logits[head][rows])
    return scores


def count_rows(table: Table) -> dict[str, int]:
    """Rows by source, in the order of their names."""
    return dict(sorted(Counter(example.source for example in table.examples).items()))
