"""Rows under attack: three in ten of the training rows are added once more, disguised.

A disguised row keeps its labels and the fold of its original, or a model would be tested on what it was trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from zajil.moderation.categories import find_language
from zajil.moderation.data.attacks import TRAINED
from zajil.moderation.normalise.text import Normalised, normalise_batch
from zajil.moderation.train.corpus import Example, hash_key

TENTHS: Final = 3
BATCH: Final = 2048
# English written in Latin letters is what it was.
NO_CHANGE: Final = frozenset({("en", "latin")})


def disguise(examples: Iterable[Example]) -> list[Example]:
    """Disguised copies of three in ten of the examples that train, each under one attack, by their hash."""
    chosen = list(_choose(examples))
    copies: list[Example] = []
    for start in range(0, len(chosen), BATCH):
        part = chosen[start : start + BATCH]
        texts = normalise_batch([TRAINED[attack](example.raw, example.language) for example, attack in part])
        for (example, attack), text in zip(part, texts, strict=True):
            base = _read(text, example.language, attack)
            if base and base != example.base:
                copies.append(example._replace(base=base, measures=False))
    return copies


def _choose(examples: Iterable[Example]) -> Iterator[tuple[Example, str]]:
    names = tuple(TRAINED)
    for example in examples:
        choice = hash_key(example.base)
        if example.trains and choice[1] % 10 < TENTHS:
            attack = names[choice[2] % len(names)]
            if (example.language, attack) not in NO_CHANGE:
                yield example, attack


def _read(text: Normalised, language: str, attack: str) -> str:
    """The reading that a model gets to see in the language of the original; "" where there is none."""
    if attack == "latin":
        return next((view.text for view in text.views if view.language == language), "")
    return text.base if find_language(text.lang) == language else ""
