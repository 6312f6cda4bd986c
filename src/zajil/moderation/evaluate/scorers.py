"""What is evaluated: the linear heads (stage 3), and these with the heads on embeddings (stage 4), behind one shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from zajil.moderation.categories import HEADS
from zajil.moderation.classify.heads import LinearModel
from zajil.moderation.classify.modelfile import ModelMetadata
from zajil.moderation.classify.stage4 import Stage4
from zajil.moderation.normalise.text import normalise_batch

Floats = npt.NDArray[np.float64]
BATCH = 512


class Scorer(Protocol):
    """Texts in, probabilities by head out. name: as reports call it. metadata: points and thresholds."""

    name: str
    metadata: ModelMetadata

    def score(self, texts: Sequence[str]) -> Floats:
        """Probabilities float64 [n, 8]."""
        ...


class LinearScorer:
    """Stages 0 and 3."""

    name = "linear"

    def __init__(self, model: LinearModel) -> None:
        self._model = model
        self.metadata = model.metadata

    def score(self, texts: Sequence[str]) -> Floats:
        """See `Scorer`."""
        parts = [
            self._model.score_batch(normalise_batch(texts[start : start + BATCH])).probabilities
            for start in range(0, len(texts), BATCH)
        ]
        return np.concatenate([np.zeros((0, len(HEADS))), *parts]).astype(np.float64)


class FusedScorer:
    """Stages 0, 3 and 4, the last one on every text."""

    name = "fused"

    def __init__(self, model: LinearModel, stage: Stage4) -> None:
        self._model = model
        self._stage = stage
        self.metadata = stage.metadata

    def score(self, texts: Sequence[str]) -> Floats:
        """See `Scorer`."""
        parts = []
        for start in range(0, len(texts), BATCH):
            read = normalise_batch(texts[start : start + BATCH])
            parts.append(self._stage.score_batch(read, self._model.score_batch(read).probabilities))
        return np.concatenate([np.zeros((0, len(HEADS))), *parts]).astype(np.float64)


class Levels(NamedTuple):
    """The scores of one head in one language at which something happens. None: it never does."""

    point: float
    review: float | None
    limit: float | None


def find_levels(metadata: ModelMetadata, head: str, language: str) -> Levels:
    """The operating point, fixed out of fold, and the thresholds."""
    thresholds = metadata.thresholds.get(head, {}).get(language, {})
    point = metadata.points.get(head, {}).get(language, 0.5)
    return Levels(point, thresholds.get("review"), thresholds.get("limit"))
