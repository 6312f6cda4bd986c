"""Rows under attack: three in ten of the training rows are added once more, disguised.

A disguised row keeps its labels and the fold of its original, or a model would be tested on what it was trained on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from zajil.moderation.categories import find_language
from zajil.moderation.data.attacks import TRAINED
from zajil.moderation.normalise.text import Normalised, normalise_batch
from zajil.moderation.train.corpus import Example, hash_key

TENTHS: Final = 3
BATCH: Final = 2048
ALWAYS_CHANGES: Final = "swap"


def disguise(examples: Iterable[Example]) -> list[Example]:
    """Disguised copies of three in ten of the examples that train, each under one attack, by their hash.

    Where normalising undoes that attack there is nothing to learn from it, and letters trade places instead.
    """
    names = tuple(TRAINED)
    chosen = [example for example in examples if example.trains and hash_key(example.base)[1] % 10 < TENTHS]
    copies: list[Example] = []
    for start in range(0, len(chosen), BATCH):
        part = chosen[start : start + BATCH]
        attacks = [names[hash_key(example.base)[2] % len(names)] for example in part]
        found = _attack(part, attacks)
        undone = [example for example, copy in zip(part, found, strict=True) if copy is None]
        again = _attack(undone, [ALWAYS_CHANGES] * len(undone))
        copies += [copy for copy in (*found, *again) if copy is not None]
    return copies


def _attack(examples: Sequence[Example], attacks: Sequence[str]) -> list[Example | None]:
    """Each example under its attack, or None where a model would read what it reads anyway."""
    pairs = list(zip(examples, attacks, strict=True))
    texts = normalise_batch([TRAINED[attack](example.raw, example.language) for example, attack in pairs])
    bases = [_read(text, example.language, attack) for (example, attack), text in zip(pairs, texts, strict=True)]
    return [
        example._replace(base=base, measures=False) if base and base != example.base else None
        for example, base in zip(examples, bases, strict=True)
    ]


def _read(text: Normalised, language: str, attack: str) -> str:
    """The reading that a model gets to see in the language of the original; "" where there is none."""
    if attack == "latin":
        return next((view.text for view in text.views if view.language == language), "")
    return text.base if find_language(text.lang) == language else ""
