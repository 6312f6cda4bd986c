"""The eight linear heads: loading what was trained, and the calibrated scores of a batch.

A model file is arrays and text, never a pickle: `W` float16 [262144, 8], `b` float32 [8], `platt_a` and `platt_b`
float32 [8, 3], as safetensors or NPZ. A head's probability is 1 / (1 + exp(-(a * logit + b))), with a and b of the
language.
Source: design/moderation.md sections 5 (length, views), 7 and 8; Platt 1999.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.classify.features import BUCKETS, hash_features
from zajil.moderation.classify.modelfile import (
    ModelMetadata,
    Shapes,
    encode_arrays,
    parse_arrays,
    read_model_file,
)
from zajil.moderation.normalise.text import Normalised

Floats: TypeAlias = npt.NDArray[np.float32]

SHAPES: Final[Shapes] = {
    "W": (np.float16, (BUCKETS, len(HEADS))),
    "b": (np.float32, (len(HEADS),)),
    "platt_a": (np.float32, (len(HEADS), len(LANGUAGES))),
    "platt_b": (np.float32, (len(HEADS), len(LANGUAGES))),
}
# A text longer than this is scored by windows, so that padding cannot dilute what it says.
MAX_WHOLE: Final = 2000
WINDOW: Final = 1500
STEP: Final = 1200
# Probabilities of 0 and 1 to float32; beyond it exp overflows.
MAX_LOGIT: Final = 80.0


class Scores(msgspec.Struct, frozen=True):
    """Of a batch: `probabilities` float32 [texts, 8], and in `readings` [texts, 8] which reading of each text gave it.

    Reading 0 is the base view, 1 the first of `Normalised.views`, and so on.
    """

    probabilities: Floats
    readings: npt.NDArray[np.int64]


class LinearModel:
    """A loaded model. Immutable; made by `load_model` or `parse_model`, which check what it holds."""

    def __init__(self, arrays: dict[str, npt.NDArray[np.generic]], metadata: ModelMetadata, sha256: str) -> None:
        # One score takes seventeen times as long where the rows are not contiguous.
        self.weights: Floats = np.ascontiguousarray(arrays["W"], dtype=np.float32)
        self.bias: Floats = np.ascontiguousarray(arrays["b"], dtype=np.float32)
        scale, shift = (arrays[name].astype(np.float32) for name in ("platt_a", "platt_b"))
        # By language then head; the last row, the mean, is for a text of none of ours, which no score ever acts on.
        self._scale: Floats = np.vstack([scale.T, scale.mean(axis=1)]).astype(np.float32)
        self._shift: Floats = np.vstack([shift.T, shift.mean(axis=1)]).astype(np.float32)
        for array in (self.weights, self.bias, self._scale, self._shift):
            array.flags.writeable = False
        self.metadata = metadata
        self.sha256 = sha256

    def find_logits(self, readings: Sequence[str]) -> Floats:
        """Uncalibrated scores, float32 [readings, 8]; each reading whole, as training does."""
        return np.asarray(hash_features(readings) @ self.weights + self.bias, dtype=np.float32)

    def calibrate(self, logits: Floats, languages: Sequence[str]) -> Floats:
        """Probabilities of logits [n, 8], by the language of each row."""
        rows = [LANGUAGE_ROWS.get(language, len(LANGUAGES)) for language in languages]
        z = np.clip(self._scale[rows] * logits + self._shift[rows], -MAX_LOGIT, MAX_LOGIT)
        return np.asarray(1.0 / (1.0 + np.exp(-z)), dtype=np.float32)

    def score_batch(self, texts: Sequence[Normalised]) -> Scores:
        """Each head's highest probability over the readings of a text and over the windows of a long one."""
        if not texts:
            return Scores(np.zeros((0, len(HEADS)), np.float32), np.zeros((0, len(HEADS)), np.int64))
        pieces = [text.base for text in texts]
        languages: list[str] = [text.lang for text in texts]
        if not any(text.views for text in texts) and max(map(len, pieces)) <= MAX_WHOLE:
            best = self.calibrate(self.find_logits(pieces), languages)
            return Scores(best, np.zeros(best.shape, np.int64))
        return self._score_pieces(texts)

    def _score_pieces(self, texts: Sequence[Normalised]) -> Scores:
        """`score_batch` of texts of which some have several readings or windows."""
        pieces: list[str] = []
        languages: list[str] = []
        readings: list[int] = []
        starts: list[int] = []
        for text in texts:
            starts.append(len(pieces))
            if not text.views and len(text.base) <= MAX_WHOLE:
                pieces.append(text.base)
                languages.append(text.lang)
                readings.append(0)
                continue
            for number, (language, reading) in enumerate(
                [(text.lang, text.base), *((view.language, view.text) for view in text.views)]
            ):
                for window in cut_windows(reading):
                    pieces.append(window)
                    languages.append(language)
                    readings.append(number)
        probabilities = self.calibrate(self.find_logits(pieces), languages)
        best = np.maximum.reduceat(probabilities, starts, axis=0)
        if len(pieces) == len(texts):
            return Scores(best, np.zeros(best.shape, np.int64))
        sizes = np.diff(starts, append=len(pieces))
        # The first piece that reaches the maximum: the others count as past the end.
        order = np.where(probabilities == np.repeat(best, sizes, axis=0), np.arange(len(pieces))[:, None], len(pieces))
        return Scores(best, np.asarray(readings)[np.minimum.reduceat(order, starts, axis=0)])


LANGUAGE_ROWS: Final[dict[str, int]] = {language: row for row, language in enumerate(LANGUAGES)}


def cut_windows(text: str) -> list[str]:
    """The text itself up to 2,000 characters; else windows of 1,500, one every 1,200, the last one at the end."""
    if len(text) <= MAX_WHOLE:
        return [text]
    return [text[start : start + WINDOW] for start in range(0, len(text) - (WINDOW - STEP), STEP)]


def load_model(path: Path, *, sha256: str | None) -> LinearModel:
    """The model of a file. sha256: hex digest it must have; None takes any.

    Raises ModelRefused; OSError where the file cannot be read.
    """
    return parse_model(read_model_file(path, sha256=sha256))


def parse_model(data: bytes) -> LinearModel:
    """The model of a file's bytes. Raises ModelRefused for other shapes, types, heads, or numbers that are not
    finite."""
    arrays, metadata = parse_arrays(data, SHAPES)
    return LinearModel(arrays, metadata, hashlib.sha256(data).hexdigest())


def encode_model(arrays: Mapping[str, npt.NDArray[np.generic]], metadata: ModelMetadata) -> bytes:
    """A model file of trained arrays; the same arrays and metadata give the same bytes."""
    return encode_arrays(arrays, SHAPES, metadata)
