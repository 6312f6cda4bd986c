"""Fitting the linear heads and their scores out of fold; one thread, seed 0, rows in the order of their hash.

Each class of each language weighs the same in a head, whatever the number of its rows: Arabic has thirty presumed
benign lines for one that is known to be harmful. Source: design/moderation.md sections 8 and 14; scikit-learn.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, SGDClassifier

from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.train.corpus import FOLDS

Floats: TypeAlias = npt.NDArray[np.float64]

SEED: Final = 0
ALPHA: Final = 5e-6
EPOCHS: Final = 8
FEW_ROWS: Final = 20_000
MAX_BALANCE: Final = 50.0
"""A class of a few rows in a language is lifted this much and no more."""


class Fitted(NamedTuple):
    """Weights float64 [features, 8] and bias [8]."""

    weights: Floats
    bias: Floats


def balance(labels: npt.NDArray[np.int8], languages: npt.NDArray[np.int64], weights: Floats) -> Floats:
    """Weights under which both classes of each language sum to the same, one on average. labels: 0 or 1."""
    balanced = weights.astype(np.float64).copy()
    for language in range(len(LANGUAGES)):
        sums = [float(weights[(languages == language) & (labels == label)].sum()) for label in (0, 1)]
        if min(sums) <= 0:
            continue
        for label in (0, 1):
            rows = (languages == language) & (labels == label)
            balanced[rows] *= min(sum(sums) / (2 * sums[label]), MAX_BALANCE)
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


def fit_heads(
    features: csr_matrix,
    labels: npt.NDArray[np.int8],
    languages: npt.NDArray[np.int64],
    weights: Floats,
    rows: npt.NDArray[np.bool_],
) -> Fitted:
    """All heads on the chosen rows, each on those whose label it knows. A head without a class stays at nought."""
    fitted = Fitted(np.zeros((features.shape[1], len(HEADS))), np.zeros(len(HEADS)))
    for head in range(len(HEADS)):
        known = np.flatnonzero(rows & (labels[:, head] >= 0))
        if len(np.unique(labels[known, head])) < 2:
            continue
        lifted = balance(labels[known, head], languages[known], weights[known])
        fitted.weights[:, head], fitted.bias[head] = fit_head(features[known], labels[known, head], lifted)
    return fitted


def score_out_of_fold(
    features: csr_matrix,
    labels: npt.NDArray[np.int8],
    languages: npt.NDArray[np.int64],
    folds: npt.NDArray[np.int64],
    weights: Floats,
    trains: npt.NDArray[np.bool_],
) -> Floats:
    """Logits [n, 8] of every row by heads that never saw its fold; rows that do not train are scored all the same."""
    logits = np.zeros((features.shape[0], len(HEADS)))
    for fold in range(FOLDS):
        fitted = fit_heads(features, labels, languages, weights, trains & (folds != fold))
        out = np.flatnonzero(folds == fold)
        logits[out] = features[out] @ fitted.weights + fitted.bias
    return logits
