"""Fitting the linear heads and their scores out of fold; one thread, seed 0, rows in the order of their hash.

Each class of each language weighs the same in a head, whatever the number of its rows: Arabic has thirty presumed
benign lines for one that is known to be harmful. Within a class labelled rows, presumed ones and templates have an
equal say, or a head would learn to tell sources apart: everyday lines are many, and those that share the words of the
harm, which are the ones that count, are few. Source: design/moderation.md sections 8 and 14; scikit-learn.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, SGDClassifier

from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.train.corpus import FOLDS, KINDS, NATURAL, REAL_ROWS, TEMPLATE, Table
from zajil.moderation.train.texts.templates import WEIGHT

Floats: TypeAlias = npt.NDArray[np.float64]

SEED: Final = 0
ALPHA: Final = 5e-6
EPOCHS: Final = 8
FEW_ROWS: Final = 20_000
MAX_BALANCE: Final = 50.0
"""A row counts for so many average ones and no more, however few there are of its kind."""


class Fitted(NamedTuple):
    """Weights float64 [features, 8] and bias [8]."""

    weights: Floats
    bias: Floats


def balance(table: Table, head: int, rows: npt.NDArray[np.int64]) -> Floats:
    """Weights of these rows, all of a known label, one on average.

    Both classes of each language sum to the same, and so do the kinds within a class; but where a language has real
    harm enough, templates count for no more than their rows' weight.
    """
    labels, languages, kinds = table.labels[rows, head], table.languages[rows], table.kinds[rows]
    balanced = table.weights[rows].astype(np.float64)
    for language in range(len(LANGUAGES)):
        here = languages == language
        real = int((here & (labels == 1) & (kinds == NATURAL)).sum())
        for label in (0, 1):
            groups = [here & (labels == label) & (kinds == kind) for kind in range(len(KINDS))]
            shares = [WEIGHT if kind == TEMPLATE and real >= REAL_ROWS else 1.0 for kind in range(len(KINDS))]
            whole = sum(share for share, group in zip(shares, groups, strict=True) if group.any())
            for share, group in zip(shares, groups, strict=True):
                if group.any():
                    balanced[group] *= share / whole / balanced[group].sum()
    balanced = np.minimum(balanced / balanced.mean(), MAX_BALANCE)
    return np.asarray(balanced / balanced.mean())


def fit_head(features: csr_matrix, labels: npt.NDArray[np.int8], weights: Floats) -> tuple[Floats, float]:
    """One head's weights and bias. labels: 0 or 1. Averaged SGD, or L-BFGS where there are few rows."""
    if len(labels) >= FEW_ROWS:
        model = SGDClassifier(loss="log_loss", alpha=ALPHA, max_iter=EPOCHS, tol=None, average=True, random_state=SEED)
        model.fit(features, labels, sample_weight=weights)
        return np.asarray(model.coef_[0], dtype=np.float64), float(model.intercept_[0])
    # A bucket that no row has keeps a weight of nought; without them the search takes a tenth of the time.
    used, places = np.unique(features.indices, return_inverse=True)
    narrow = csr_matrix((features.data, places.astype(np.int32), features.indptr), shape=(len(labels), len(used)))
    few = LogisticRegression(C=1.0 / (ALPHA * len(labels)), max_iter=200, random_state=SEED)
    few.fit(narrow, labels, sample_weight=weights)
    found = np.zeros(features.shape[1])
    found[used] = few.coef_[0]
    return found, float(few.intercept_[0])


def fit_heads(features: csr_matrix, table: Table, rows: npt.NDArray[np.bool_]) -> Fitted:
    """All heads on the chosen rows, each on those whose label it knows. A head without a class stays at nought."""
    fitted = Fitted(np.zeros((features.shape[1], len(HEADS))), np.zeros(len(HEADS)))
    for head in range(len(HEADS)):
        known = np.flatnonzero(rows & (table.labels[:, head] >= 0))
        labels = table.labels[known, head]
        if len(np.unique(labels)) < 2:
            continue
        lifted = balance(table, head, known)
        fitted.weights[:, head], fitted.bias[head] = fit_head(features[known], labels, lifted)
    return fitted


def score_out_of_fold(features: csr_matrix, table: Table, trains: npt.NDArray[np.bool_]) -> Floats:
    """Logits [n, 8] of every row by heads that never saw its fold; rows that do not train are scored all the same."""
    logits = np.zeros((features.shape[0], len(HEADS)))
    for fold in range(FOLDS):
        fitted = fit_heads(features, table, trains & (table.folds != fold))
        out = np.flatnonzero(table.folds == fold)
        logits[out] = features[out] @ fitted.weights + fitted.bias
    return logits
