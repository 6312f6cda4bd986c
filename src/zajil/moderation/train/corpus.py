"""Rows as models read them: normalised, of a known language, each once, none of them in a test set or a suite.

Copies of one text never cross folds: a row's fold is the hash of the first 60 characters of its base view, spaces left
out. Everything is in the order of that hash, so the same data give the same model.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence, Set
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from zajil.moderation.categories import HEADS, LANGUAGES, Language, find_language
from zajil.moderation.normalise.text import Normalised, normalise_batch
from zajil.moderation.train.rows import BENIGN, UNKNOWN, YES, Kind, Label, Labels, Row, mark
from zajil.moderation.train.texts.natural import find_fraud, read_benign, read_hard
from zajil.moderation.train.texts.sources import read_labelled

FOLDS: Final = 5
PREFIX: Final = 60
BATCH: Final = 2048
KINDS: Final[tuple[Kind, ...]] = ("natural", "presumed", "template")
NATURAL: Final = KINDS.index("natural")
PRESUMED: Final = KINDS.index("presumed")
TEMPLATE: Final = KINDS.index("template")
REAL_ROWS: Final = 1_000
"""With fewer real positives than this in a language, a category counts as one without data."""


class Example(NamedTuple):
    """One row, ready. base: what both models read. fold: 0..4. kind, weight, trains, measures: see `Row`."""

    base: str
    language: Language
    source: str
    labels: Labels
    kind: Kind
    weight: float
    trains: bool
    measures: bool
    digest: bytes
    group: str
    raw: str

    @property
    def fold(self) -> int:
        """The fold in which the row is held out."""
        return self.digest[0] % FOLDS


class Table(NamedTuple):
    """Columns of examples. labels int8 [n, 8]; languages, kinds: row of LANGUAGES, KINDS; folds 0..4; weights
    float64."""

    examples: list[Example]
    labels: npt.NDArray[np.int8]
    languages: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]


def prefix_key(base: str) -> str:
    """What copies of one text share: the first 60 characters of the base view without spaces."""
    return base.replace(" ", "")[:PREFIX]


def hash_key(base: str) -> bytes:
    """The hash of the key, of which the fold follows."""
    return hashlib.sha256(prefix_key(base).encode("utf-8", "replace")).digest()


def read_rows(data: Path) -> Iterator[Row]:
    """Every natural row: labelled sets, benign lines, and hard lines that somebody read."""
    yield from read_labelled(data, find_fraud)
    for language in LANGUAGES:
        for line in read_benign(data, language):
            # Odd lines measure, even ones train: what a threshold stands on was never in a model.
            yield Row(line.text, line.source, BENIGN, "presumed", trains=line.even, measures=not line.even)
        for line, label in read_hard(data, language):
            labels = BENIGN if label == "benign" else mark() if label == "unsure" else mark(**{label: YES})
            yield Row(line.text, f"hard_{language}", labels, trains=line.even, measures=not line.even)


def prepare(rows: Iterable[Row], *, held: Set[str] = frozenset()) -> list[Example]:
    """Rows normalised and merged, in the order of their hash. held: keys of texts nothing may learn from.

    Where copies disagree about a head, it is unknown; a natural row takes the place of a template.
    """
    merged: dict[str, Example] = {}
    for row, text in _normalise(rows):
        language = find_language(text.lang)
        if language is None or prefix_key(text.base) in held:
            continue
        example = Example(
            base=text.base,
            language=language,
            source=row.source,
            labels=row.labels,
            kind=row.kind,
            weight=row.weight,
            trains=row.trains,
            measures=row.measures,
            # Texts of one purpose stay together, so that what is measured on them is an unseen one.
            digest=hash_key(row.family or row.group or text.base),
            group=row.group,
            raw=row.text,
        )
        known = merged.get(text.base)
        merged[text.base] = example if known is None else _merge(known, example)
    return sorted(merged.values(), key=lambda example: (example.digest, example.base))


def _normalise(rows: Iterable[Row]) -> Iterator[tuple[Row, Normalised]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield from zip(batch, normalise_batch([row.text for row in batch]), strict=True)
            batch = []
    yield from zip(batch, normalise_batch([row.text for row in batch]), strict=True)


def _merge(one: Example, other: Example) -> Example:
    if one.kind != other.kind:
        # What somebody labelled counts before what is presumed, and both before what was written for training.
        return min(one, other, key=lambda example: KINDS.index(example.kind))
    labels = tuple(_agree(left, right) for left, right in zip(one.labels, other.labels, strict=True))
    return one._replace(labels=labels, trains=one.trains or other.trains, measures=one.measures and other.measures)


def _agree(left: Label, right: Label) -> Label:
    if left in (UNKNOWN, right):
        return right
    return left if right == UNKNOWN else UNKNOWN


def cap_sources(examples: Sequence[Example], caps: dict[str, int], default: int) -> list[Example]:
    """At most so many rows of each source, by the order of the hash: a fair sample, the same each time."""
    seen: defaultdict[tuple[str, bool], int] = defaultdict(int)
    kept: list[Example] = []
    for example in examples:
        key = (example.source, example.trains)
        seen[key] += 1
        if seen[key] <= caps.get(example.source, default):
            kept.append(example)
    return kept


def tabulate(examples: list[Example]) -> Table:
    """The columns of examples."""
    return Table(
        examples=examples,
        labels=np.array([example.labels for example in examples], dtype=np.int8).reshape(-1, len(HEADS)),
        languages=np.array([LANGUAGES.index(example.language) for example in examples], dtype=np.int64),
        kinds=np.array([KINDS.index(example.kind) for example in examples], dtype=np.int64),
        folds=np.array([example.fold for example in examples], dtype=np.int64),
        weights=np.array([example.weight for example in examples], dtype=np.float64),
    )
