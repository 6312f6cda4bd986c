"""All rows of a training run: natural ones, templates as many as may be, and some of them disguised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from zajil.moderation.categories import CATEGORIES
from zajil.moderation.evaluate.sets import read_held_texts
from zajil.moderation.normalise.text import normalise_batch
from zajil.moderation.train.corpus import REAL_ROWS, Example, hash_key, prefix_key, prepare, read_rows
from zajil.moderation.train.rows import YES, Row
from zajil.moderation.train.texts.templates import expand_all

TEMPLATE_SHARE: Final = 0.3


def assemble(data: Path, extra: Iterable[Row] = ()) -> list[Example]:
    """Every row, in the order of its hash, none of them in a test set or a suite. Raises DataMissing."""
    held = frozenset(prefix_key(text.base) for text in normalise_batch(list(read_held_texts(data))))
    return cap_templates(prepare([*read_rows(data), *expand_all(), *extra], held=held))


def cap_templates(examples: list[Example]) -> list[Example]:
    """At most three in ten positives of a category in a language are templates, where real ones exist.

    Which ones stay follows from their hash, so all patterns keep their part.
    """
    real = Counter(
        (example.language, category)
        for example in examples
        if example.kind != "template"
        for category, label in zip(CATEGORIES, example.labels, strict=False)
        if label == YES
    )
    allowed = {
        key: int(count * TEMPLATE_SHARE / (1 - TEMPLATE_SHARE)) for key, count in real.items() if count >= REAL_ROWS
    }
    taken: Counter[tuple[str, str]] = Counter()
    dropped: set[str] = set()
    for example in sorted(examples, key=lambda example: hash_key(example.base)):
        if example.kind == "template":
            for category, label in zip(CATEGORIES, example.labels, strict=False):
                key = (example.language, category)
                if label == YES and key in allowed:
                    taken[key] += 1
                    if taken[key] > allowed[key]:
                        dropped.add(example.base)
    return [example for example in examples if example.base not in dropped]
