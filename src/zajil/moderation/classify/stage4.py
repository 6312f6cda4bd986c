"""Stage 4 of the cascade: which posts get a sentence vector, and what its heads say. Optional, and never fatal.

No server runs it yet: `zajil moderation evaluate` and training alone do.

Runs when a score of stage 3 lies between a third of `review` and `auto`, or the author is of trust 0, or the channel
has over 10,000 subscribers and `any` is above 0.2, or the post is in the audit sample. In a language that is none of
ours it never runs. Where the encoder or the heads are missing, `load_stage4` says why, posts carry `skipped`, and the
other stages go on. Source: design/moderation.md section 4.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from zajil.moderation.categories import ANY, CATEGORIES, HEADS, LANGUAGES, find_language
from zajil.moderation.classify.embeddings import DIMENSIONS, MAX_CHARACTERS, Disabled, Encoder, load_encoder
from zajil.moderation.classify.fusion import FusionModel
from zajil.moderation.classify.heads import LANGUAGE_ROWS
from zajil.moderation.classify.modelfile import ModelRefused
from zajil.moderation.classify.packaged import load_embeddings
from zajil.moderation.normalise.text import Normalised
from zajil.moderation.policy.schema import Policy
from zajil.moderation.signals import Signal, signal

Floats: TypeAlias = npt.NDArray[np.float32]

STAGE: Final = 4
SKIPPED: Final = "embeddings"
LARGE_CHANNEL: Final = 10_000
LARGE_ANY: Final = 0.2
NEW_AUTHOR: Final = 0
REVIEW_SHARE: Final = 3
CACHED: Final = 4096
_ANY: Final = HEADS.index(ANY)


class Occasion(NamedTuple):
    """What, besides its scores, makes a post worth a vector. trust: 0..2; audited: it is in the audit sample."""

    trust: int
    subscribers: int = 0
    audited: bool = False


class Triggers:
    """The bounds of a policy between which stage 4 is asked, ready for whole batches."""

    def __init__(self, policy: Policy) -> None:
        shape = (len(LANGUAGES) + 1, len(CATEGORIES))
        self._low = np.full(shape, np.inf, dtype=np.float32)
        self._high = np.full(shape, np.inf, dtype=np.float32)
        for column, category in enumerate(CATEGORIES):
            for row, language in enumerate(LANGUAGES):
                levels = policy.thresholds(category, language)
                if levels.review is not None:
                    self._low[row, column] = levels.review / REVIEW_SHARE
                if levels.auto is not None:
                    self._high[row, column] = levels.auto

    def find(
        self, probabilities: Floats, languages: Sequence[str], occasions: Sequence[Occasion]
    ) -> npt.NDArray[np.bool_]:
        """Which posts of a batch get a vector. probabilities: of stage 3, [n, 8]."""
        rows = np.array([LANGUAGE_ROWS.get(language, len(LANGUAGES)) for language in languages], dtype=np.int64)
        scores = probabilities[:, : len(CATEGORIES)]
        unsure = ((scores >= self._low[rows]) & (scores < self._high[rows])).any(axis=1)
        asked = [
            occasion.trust <= NEW_AUTHOR
            or occasion.audited
            or (occasion.subscribers > LARGE_CHANNEL and probabilities[at, _ANY] > LARGE_ANY)
            for at, occasion in enumerate(occasions)
        ]
        return np.asarray((unsure | np.array(asked, dtype=bool)) & (rows < len(LANGUAGES)))


class Stage4:
    """Encoder and heads, with the last few thousand vectors kept by exact hash: copies come in swarms."""

    def __init__(self, encoder: Encoder, model: FusionModel) -> None:
        self._encoder = encoder
        self._model = model
        self._kept: OrderedDict[bytes, Floats] = OrderedDict()
        self.metadata = model.metadata
        self.sha256 = model.sha256

    def score_batch(self, texts: Sequence[Normalised], linear: Floats) -> Floats:
        """Probabilities float32 [n, 8]. linear: of stage 3 for the same texts. Takes 15 to 50 ms a new text."""
        return self._model.score(self.embed([text.base for text in texts]), linear, [text.lang for text in texts])

    def embed(self, texts: Sequence[str]) -> Floats:
        """Vectors float32 [n, 384] of base views, each text encoded once."""
        keys = [hashlib.sha256(text[:MAX_CHARACTERS].encode("utf-8", "replace")).digest() for text in texts]
        found = {key: self._kept[key] for key in keys if key in self._kept}
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if missing:
            vectors = self._encoder.embed(list(missing.values()))
            found.update(zip(missing, vectors, strict=True))
        for key in found:
            self._kept[key] = found[key]
            self._kept.move_to_end(key)
        while len(self._kept) > CACHED:
            self._kept.popitem(last=False)
        return np.array([found[key] for key in keys], dtype=np.float32).reshape(len(texts), DIMENSIONS)


def load_stage4(wrap: Callable[[Encoder], Encoder] | None = None) -> Stage4 | Disabled:
    """The packaged heads on the encoder of the extra, tested first; or why the stage is off. Raises nothing.

    wrap: what stands between the stage and its encoder, for an evaluation that keeps vectors.
    """
    encoder = load_encoder()
    if isinstance(encoder, Disabled):
        return encoder
    try:
        return Stage4(encoder if wrap is None else wrap(encoder), load_embeddings(encoder.sha256))
    except (ModelRefused, OSError):
        return Disabled("no-heads")


def embedding_signals(scores: Sequence[float], language: str) -> tuple[Signal, ...]:
    """One `embedding` signal a category, in the order of the heads; none in a language that is none of ours."""
    if find_language(language) is None:
        return ()
    return tuple(signal("embedding", score, name) for name, score in zip(CATEGORIES, scores, strict=False))


def skipped_signal() -> Signal:
    """What a post carries that should have had a vector and got none."""
    return signal("skipped", SKIPPED)
