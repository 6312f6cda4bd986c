"""The heads of stage 4: fitted on sentence vectors of a sample of the rows, weighed together with the linear heads.

A vector takes 15 to 50 ms, so each source gives so many rows at most, the first by hash; Arabic gives all it has. A
head has one layer of 64 units, because a call and the news of it lie close together and no plane parts them; the
penalty is the one that ranks best out of fold, languages and kinds of rows counting alike. What goes into the weighing
is out of fold on both sides, so neither the words nor the vectors are believed more than they deserve.
Source: design/moderation.md section 7; scikit-learn.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier

from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.classify.fusion import MAX_ODDS, STRETCH, UNITS, encode_fusion
from zajil.moderation.classify.modelfile import ModelMetadata
from zajil.moderation.normalise.text import VERSION
from zajil.moderation.train.calibrate import Floats
from zajil.moderation.train.corpus import FOLDS, Example, Table, tabulate
from zajil.moderation.train.fit import balance
from zajil.moderation.train.linear import LinearResult
from zajil.moderation.train.measure import Measured, as_metadata, measure_head

PENALTIES: Final = (0.1, 1.0)
"""Of the squared weights of a head (`alpha` of scikit-learn)."""
EPOCHS: Final = 16
STEP: Final = 2e-3
BATCH: Final = 256
TEMPLATES: Final = 3
"""Of each pattern; its other texts would say the same to an encoder."""
PRESUMED: Final = 400
CAPS: Final[Mapping[str, int]] = {
    "mlma_ar": 4_000,
    "mlma_en": 1_000,
    "davidson": 800,
    "edos": 800,
    "civil_toxic_spans": 500,
    "paradetox": 1_200,
    "fox": 500,
    "sms_spam": 500,
    "rudetoxifier": 1_000,
    "tgspam": 1_000,
    "hard_ar": 1_000,
    "hard_en": 1_000,
    "hard_ru": 1_000,
}


class Embedder(Protocol):
    """Makes or remembers vectors, float32 [n, 384]."""

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """One row a text."""
        ...


class Head(NamedTuple):
    """One head on vectors. hidden: [384, 64], inner, outer: [64], and bias."""

    hidden: Floats
    inner: Floats
    outer: Floats
    bias: float

    def apply(self, x: Floats) -> Floats:
        """Logits [n] of stretched vectors [n, 384]."""
        return np.asarray(np.maximum(x @ self.hidden + self.inner, 0) @ self.outer + self.bias)


class FusionResult(NamedTuple):
    """A trained model's file, and what was measured out of fold: by head, logits of the rows of `table` in pairs."""

    data: bytes
    table: Table
    logits: dict[str, Floats]
    penalties: dict[str, float]
    measured: dict[str, Measured]


def choose_rows(examples: Sequence[Example]) -> list[int]:
    """Which examples get a vector: by place, in order. Those that train and those that measure are counted apart."""
    seen: Counter[tuple[str, bool]] = Counter()
    chosen = []
    for place, example in enumerate(examples):
        template = example.kind == "template"
        key = (example.group if template else example.source, example.trains)
        seen[key] += 1
        if seen[key] <= (TEMPLATES if template else CAPS.get(example.source, PRESUMED)):
            chosen.append(place)
    return chosen


def train_fusion(
    linear: LinearResult,
    embedder: Embedder,
    *,
    encoder: str,
    priors: Mapping[str, float],
    commit: str,
    data: Mapping[str, str],
    shipped: bool,
) -> FusionResult:
    """The model on the rows of the linear one. encoder: hash of the weights behind `embedder`."""
    chosen = np.array(choose_rows(linear.table.examples), dtype=np.int64)
    table = tabulate([linear.table.examples[place] for place in chosen])
    vectors = embedder.embed([example.base for example in table.examples]).astype(np.float64)
    trains = np.array([example.trains for example in table.examples])
    mean = vectors[trains].mean(axis=0)
    x = (vectors - mean) * STRETCH
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "hidden": np.zeros((len(HEADS), x.shape[1], UNITS), np.float32),
        "inner": np.zeros((len(HEADS), UNITS), np.float32),
        "outer": np.zeros((len(HEADS), UNITS), np.float32),
        "b": np.zeros(len(HEADS), np.float32),
        "mean": mean.astype(np.float32),
        "weight": np.zeros((len(HEADS), len(LANGUAGES), 2), np.float32),
        "shift": np.zeros((len(HEADS), len(LANGUAGES)), np.float32),
    }
    penalties: dict[str, float] = {}
    measured: dict[str, Measured] = {}
    pairs: dict[str, Floats] = {}
    for number, head in enumerate(HEADS):
        penalty, logits = _choose_penalty(x, table, trains, number)
        fitted = _fit(x, table, trains, number, penalty)
        odds = _find_odds(linear, number, head)[chosen]
        pairs[head] = np.column_stack([odds, logits])
        found = measure_head(number, pairs[head], table, prior=priors[head], review_only=True)
        arrays["hidden"][number], arrays["inner"][number] = fitted.hidden, fitted.inner
        arrays["outer"][number], arrays["b"][number] = fitted.outer, fitted.bias
        arrays["weight"][number] = [line.scale for line in found.lines]
        arrays["shift"][number] = [line.shift for line in found.lines]
        penalties[head], measured[head] = penalty, found
    metadata = ModelMetadata(
        heads=HEADS,
        languages=LANGUAGES,
        normaliser=VERSION,
        commit=commit,
        data=dict(sorted(data.items())),
        thresholds=as_metadata(measured),
        points={head: found.points for head, found in measured.items()},
        pooled={head: found.pooled for head, found in measured.items() if found.pooled},
        shipped=shipped,
        encoder=encoder,
    )
    return FusionResult(encode_fusion(arrays, metadata), table, pairs, penalties, measured)


def _find_odds(linear: LinearResult, number: int, head: str) -> Floats:
    """What stage 3 says of each row, calibrated as the shipped model is, out of fold."""
    odds = np.zeros(len(linear.table.examples))
    for language, line in enumerate(linear.measured[head].lines):
        rows = linear.table.languages == language
        odds[rows] = linear.logits[rows, number] * line.scale[0] + line.shift
    return np.clip(odds, -MAX_ODDS, MAX_ODDS)


def _fit(x: Floats, table: Table, rows: npt.NDArray[np.bool_], head: int, penalty: float) -> Head:
    known = np.flatnonzero(rows & (table.labels[:, head] >= 0))
    labels = table.labels[known, head]
    if len(np.unique(labels)) < 2:
        return Head(np.zeros((x.shape[1], UNITS)), np.zeros(UNITS), np.zeros(UNITS), 0.0)
    model = MLPClassifier(
        (UNITS,),
        alpha=penalty,
        batch_size=min(BATCH, len(known)),
        learning_rate_init=STEP,
        max_iter=EPOCHS,
        n_iter_no_change=EPOCHS,
        random_state=0,
    )
    with warnings.catch_warnings():
        # So many rounds it shall be, whether or not it could still move.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x[known], labels, sample_weight=balance(table, head, known))
    (hidden, outer), (inner, bias) = model.coefs_, model.intercepts_
    return Head(hidden, inner, outer[:, 0], float(bias[0]))


def _choose_penalty(
    x: Floats, table: Table, trains: npt.NDArray[np.bool_], head: int
) -> tuple[float, npt.NDArray[np.float64]]:
    """The penalty whose logits out of fold rank best, and these logits for every row."""
    best: tuple[float, float, npt.NDArray[np.float64]] | None = None
    for penalty in PENALTIES:
        logits = np.zeros(len(x))
        for fold in range(FOLDS):
            fitted = _fit(x, table, trains & (table.folds != fold), head, penalty)
            out = table.folds == fold
            logits[out] = fitted.apply(x[out])
        quality = _rank(logits, table, head)
        if best is None or quality > best[0]:
            best = (quality, penalty, logits)
    if best is None:
        raise ValueError("no penalty to choose from")
    return best[1], best[2]


def _rank(logits: npt.NDArray[np.float64], table: Table, head: int) -> float:
    """The mean over languages of the area under the ROC curve; half where a language has one class alone."""
    areas = []
    for language in range(len(LANGUAGES)):
        rows = np.flatnonzero((table.languages == language) & (table.labels[:, head] >= 0))
        labels = table.labels[rows, head]
        if len(np.unique(labels)) == 2:
            areas.append(float(roc_auc_score(labels, logits[rows], sample_weight=balance(table, head, rows))))
    return sum(areas) / len(areas) if areas else 0.5
