"""The linear heads: fitted, calibrated, measured, and written to one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, vstack

from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.classify.features import hash_features
from zajil.moderation.classify.heads import encode_model
from zajil.moderation.classify.modelfile import ModelMetadata
from zajil.moderation.normalise.text import VERSION
from zajil.moderation.train.augment import disguise
from zajil.moderation.train.calibrate import Floats
from zajil.moderation.train.corpus import Example, Table, tabulate
from zajil.moderation.train.fit import fit_heads, score_out_of_fold
from zajil.moderation.train.measure import Measured, as_metadata, measure_head

BATCH: Final = 4096


class LinearResult(NamedTuple):
    """A trained model's file, and what was measured out of fold: logits [n, 8] of the rows of `table`."""

    data: bytes
    table: Table
    logits: Floats
    measured: dict[str, Measured]


def train_linear(
    examples: list[Example], *, priors: Mapping[str, float], commit: str, data: Mapping[str, str], shipped: bool
) -> LinearResult:
    """The model of these rows. priors: share of posts by head. data: SHA-256 of each file. Same rows, same bytes."""
    table = tabulate([*examples, *disguise(examples)])
    count = len(examples)
    features = hash_texts([example.base for example in table.examples])
    trains = np.array([example.trains for example in table.examples])
    logits = score_out_of_fold(features, table, trains)[:count]
    fitted = fit_heads(features, table, trains)
    plain = tabulate(examples)
    measured = {
        head: measure_head(number, logits[:, [number]], plain, prior=priors[head]) for number, head in enumerate(HEADS)
    }
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "W": fitted.weights.astype(np.float16),
        "b": fitted.bias.astype(np.float32),
        "platt_a": np.array([[line.scale[0] for line in found.lines] for found in measured.values()], np.float32),
        "platt_b": np.array([[line.shift for line in found.lines] for found in measured.values()], np.float32),
    }
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
    )
    return LinearResult(encode_model(arrays, metadata), plain, logits, measured)


def hash_texts(texts: list[str]) -> csr_matrix:
    """The features of many texts, each bucket once a row, in blocks that fit a laptop."""
    blocks = []
    for start in range(0, len(texts), BATCH):
        block = hash_features(texts[start : start + BATCH])
        block.sum_duplicates()
        blocks.append(block)
    return csr_matrix(vstack(blocks, format="csr"))
