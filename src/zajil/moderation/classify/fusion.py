"""The eight heads of stage 4: what a sentence vector says, weighed together with what the linear head said.

A model file holds the heads on vectors that were centred by `mean` float32 [384] and stretched by eight. Each has one
layer of 64 units, `hidden` [8, 384, 64] with `inner` [8, 64], and sums what of them is above nought by `outer` [8, 64]
and `b` [8]. `weight` [8, 3, 2] with `shift` [8, 3] join the stages: a head's probability in a language is
1 / (1 + exp(-(u * linear + v * vector + shift))), where `linear` is the log-odds of stage 3 and `vector` the logit of
the head on the vector. Whatever the vector does not know, the words still say, and the other way round.
Source: design/moderation.md sections 7 and 8.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.classify.embeddings import DIMENSIONS
from zajil.moderation.classify.heads import LANGUAGE_ROWS
from zajil.moderation.classify.modelfile import (
    ModelMetadata,
    ModelRefused,
    Shapes,
    encode_arrays,
    parse_arrays,
    read_model_file,
)

Floats: TypeAlias = npt.NDArray[np.float32]

UNITS: Final = 64
SHAPES: Final[Shapes] = {
    "hidden": (np.float32, (len(HEADS), DIMENSIONS, UNITS)),
    "inner": (np.float32, (len(HEADS), UNITS)),
    "outer": (np.float32, (len(HEADS), UNITS)),
    "b": (np.float32, (len(HEADS),)),
    "mean": (np.float32, (DIMENSIONS,)),
    "weight": (np.float32, (len(HEADS), len(LANGUAGES), 2)),
    "shift": (np.float32, (len(HEADS), len(LANGUAGES))),
}
STRETCH: Final = 8.0
"""Vectors of this encoder lie close together; stretched, they suit a penalty of about one."""
MAX_ODDS: Final = 15.0
"""Log-odds beyond it are all the same: a probability in single precision has no more to say."""
MAX_LOGIT: Final = 80.0


class FusionModel:
    """A loaded model. Immutable; made by `load_fusion` or `parse_fusion`, which check what it holds."""

    def __init__(self, arrays: dict[str, npt.NDArray[np.generic]], metadata: ModelMetadata, sha256: str) -> None:
        # All units of all heads side by side: one product a batch.
        hidden = arrays["hidden"].astype(np.float32).transpose(1, 0, 2)
        self._hidden: Floats = np.ascontiguousarray(hidden.reshape(DIMENSIONS, -1))
        self._inner: Floats = arrays["inner"].astype(np.float32).reshape(-1)
        self._outer: Floats = np.ascontiguousarray(arrays["outer"], dtype=np.float32)
        self._bias: Floats = np.ascontiguousarray(arrays["b"], dtype=np.float32)
        self._mean: Floats = np.ascontiguousarray(arrays["mean"], dtype=np.float32)
        weight, shift = arrays["weight"].astype(np.float32), arrays["shift"].astype(np.float32)
        # By language then head; the last row, the mean, is for a text of none of ours, which no score ever acts on.
        weight, shift = weight.transpose(1, 0, 2), shift.T
        self._weight: Floats = np.concatenate([weight, weight.mean(axis=0, keepdims=True)]).astype(np.float32)
        self._shift: Floats = np.vstack([shift, shift.mean(axis=0)]).astype(np.float32)
        self.metadata = metadata
        self.sha256 = sha256

    def find_logits(self, vectors: Floats) -> Floats:
        """What the vectors alone say, uncalibrated: float32 [n, 8] of vectors [n, 384]."""
        units = np.maximum((vectors - self._mean) * np.float32(STRETCH) @ self._hidden + self._inner, 0)
        heads = (units.reshape(len(vectors), len(HEADS), UNITS) * self._outer).sum(axis=2) + self._bias
        return np.asarray(heads, dtype=np.float32)

    def score(self, vectors: Floats, linear: Floats, languages: Sequence[str]) -> Floats:
        """Probabilities float32 [n, 8]. linear: those of stage 3 for the same texts; languages: of each text."""
        rows = [LANGUAGE_ROWS.get(language, len(LANGUAGES)) for language in languages]
        pair = np.stack([find_odds(linear), self.find_logits(vectors)], axis=2)
        z = np.clip((self._weight[rows] * pair).sum(axis=2) + self._shift[rows], -MAX_LOGIT, MAX_LOGIT)
        return np.asarray(1.0 / (1.0 + np.exp(-z)), dtype=np.float32)


def find_odds(probabilities: npt.NDArray[np.floating]) -> Floats:
    """Log-odds of probabilities, within 15 of nought: what stage 4 takes from stage 3."""
    with np.errstate(divide="ignore"):
        p = probabilities.astype(np.float64)
        return np.asarray(np.clip(np.log(p) - np.log1p(-p), -MAX_ODDS, MAX_ODDS), dtype=np.float32)


def load_fusion(path: Path, *, sha256: str | None, encoder: str) -> FusionModel:
    """The model of a file. sha256: hex digest it must have; encoder: hash of the encoder whose vectors it will get.

    Raises ModelRefused; OSError where the file cannot be read.
    """
    model = parse_fusion(read_model_file(path, sha256=sha256))
    if model.metadata.encoder != encoder:
        raise ModelRefused("heads of another encoder")
    return model


def parse_fusion(data: bytes) -> FusionModel:
    """The model of a file's bytes. Raises ModelRefused for what is not one."""
    arrays, metadata = parse_arrays(data, SHAPES)
    return FusionModel(arrays, metadata, hashlib.sha256(data).hexdigest())


def encode_fusion(arrays: Mapping[str, npt.NDArray[np.generic]], metadata: ModelMetadata) -> bytes:
    """A model file of trained arrays; the same arrays and metadata give the same bytes."""
    return encode_arrays(arrays, SHAPES, metadata)
