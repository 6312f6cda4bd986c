"""Which words of a text speak for a category, by the linear head's weights: shown to reviewers, decides nothing."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import numpy as np

from zajil.moderation.categories import HEADS
from zajil.moderation.classify.features import hash_features
from zajil.moderation.classify.heads import LinearModel
from zajil.moderation.classify.packaged import load_linear
from zajil.protocol.review.api import Highlight

SHOWN: Final = 12
WORDS: Final = 2000
_WORD: Final = re.compile(r"\S+")


@cache
def _model() -> LinearModel:
    return load_linear()


def find_highlights(text: str, category: str) -> tuple[Highlight, ...]:
    """Up to 12 words of a normalised text that weigh most for a category, in the order of the text.

    weight: of all n-grams inside the word together, over the square root of how many the word has. Empty for a
    category without a head.
    """
    words = list(_WORD.finditer(text))[:WORDS]
    if category not in HEADS or not words:
        return ()
    column = HEADS.index(category)
    weights = np.asarray(hash_features([word.group() for word in words]) @ _model().weights[:, column])
    best = [int(number) for number in np.argsort(-weights, kind="stable")[:SHOWN] if weights[number] > 0]
    return tuple(
        Highlight(words[number].start(), words[number].end(), round(float(weights[number]), 3))
        for number in sorted(best)
    )
