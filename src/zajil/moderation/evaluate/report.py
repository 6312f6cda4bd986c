"""A whole evaluation: every set that is here, under every scorer, in one value without a single text.

Public sets are read from the data folder, the own suites from the source tree; what is not there is named, not counted
as passed. `model/metrics.json` holds the evaluation of the models that ship, and `gate.py` compares with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from zajil.moderation.classify.embeddings import Disabled
from zajil.moderation.classify.packaged import load_linear
from zajil.moderation.classify.stage4 import load_stage4
from zajil.moderation.data.folder import DataMissing
from zajil.moderation.evaluate.attacks import Kept, evaluate_attacks
from zajil.moderation.evaluate.measures import Floats
from zajil.moderation.evaluate.run import SetReport, evaluate_set
from zajil.moderation.evaluate.scorers import FusedScorer, LinearScorer, Scorer
from zajil.moderation.evaluate.sets import OWN, READERS, TestSet, read_suite, read_test_set
from zajil.moderation.train.vectors import VectorCache

ALL: Final = "all"
NAMES: Final[tuple[str, ...]] = (*READERS, *OWN)
ATTACKED: Final = frozenset({"pan24", *OWN})
"""Sets with enough found when clean for a share of it to mean something."""
TOXIC: Final = "pan24"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """models: SHA-256 by scorer. attacks: by set, language, attack, of the linear heads. texts_per_s: by scorer.

    missing: sets whose files are not here. encoder_off: why there is no stage 4; "" where there is.
    """

    models: dict[str, str]
    sets: dict[str, SetReport]
    attacks: dict[str, dict[str, dict[str, Kept]]]
    texts_per_s: dict[str, float]
    missing: tuple[str, ...] = ()
    encoder_off: str = ""


def make_scorers(*, fused: bool = True, vectors: Path | None = None) -> tuple[list[Scorer], dict[str, str], str]:
    """The scorers there are, the hash of each model, and why stage 4 is off ("" where it is on).

    vectors: folder that keeps sentence vectors between runs. Raises ModelRefused, OSError for the linear model's files.
    """
    linear = load_linear()
    scorers: list[Scorer] = [LinearScorer(linear)]
    hashes = {LinearScorer.name: linear.sha256}
    if not fused:
        return scorers, hashes, "not-asked"
    stage = load_stage4(None if vectors is None else partial(VectorCache, vectors))
    if isinstance(stage, Disabled):
        return scorers, hashes, stage.reason
    return [*scorers, FusedScorer(linear, stage)], {**hashes, FusedScorer.name: stage.sha256}, ""


def read_sets(data: Path | None, names: Sequence[str]) -> Iterator[TestSet | str]:
    """Each set, or its name where its files are not here."""
    for name in names:
        try:
            if name in OWN:
                yield read_suite(name)
            elif data is None:
                yield name
            else:
                yield read_test_set(data, name)
        except DataMissing:
            yield name


def evaluate_all(
    data: Path | None, names: Sequence[str] = NAMES, *, fused: bool = True, vectors: Path | None = None
) -> Report:
    """Every figure. Takes a minute for the linear heads, and ten more with stage 4 where `vectors` keeps none yet.

    Raises ModelRefused, OSError for the linear model's files.
    """
    scorers, hashes, off = make_scorers(fused=fused, vectors=vectors)
    sets: dict[str, SetReport] = {}
    attacks: dict[str, dict[str, dict[str, Kept]]] = {}
    missing: list[str] = []
    spent = dict.fromkeys(hashes, 0.0)
    texts = 0
    for test in read_sets(data, names):
        if isinstance(test, str):
            missing.append(test)
            continue
        texts += len(test.cases)
        timed = [_Timed(scorer, spent) for scorer in scorers]
        sets[test.name] = evaluate_set(test, timed)
        if test.name in ATTACKED:
            attacks[test.name] = evaluate_attacks(test, scorers[0])
    if vectors is not None:
        # Vectors that were kept cost nothing, so this would be no speed.
        spent.pop(FusedScorer.name, None)
    return Report(
        models=hashes,
        sets=sets,
        attacks=attacks,
        texts_per_s={name: round(texts / seconds, 1) for name, seconds in spent.items() if seconds},
        missing=tuple(missing),
        encoder_off=off,
    )


class _Timed:
    """A scorer that adds the processor time it takes to a tally."""

    def __init__(self, scorer: Scorer, spent: dict[str, float]) -> None:
        self._scorer = scorer
        self._spent = spent
        self.name = scorer.name
        self.metadata = scorer.metadata

    def score(self, texts: Sequence[str]) -> Floats:
        started = time.process_time()
        scores = self._scorer.score(texts)
        self._spent[self.name] += time.process_time() - started
        return scores


def find_gap(report: Report, scorer: str) -> float | None:
    """How far the languages lie apart in toxic recall at 1 % false alarms; None without the set."""
    found = report.sets.get(TOXIC)
    if found is None or scorer not in found.scorers:
        return None
    recalls = [figures.recall_1.value for figures in found.scorers[scorer].values()]
    return round(max(recalls) - min(recalls), 4)
