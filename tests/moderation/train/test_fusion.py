"""The heads of stage 4: which rows get a vector, and that the same vectors give the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tests.moderation.train.fixture import make_rows

from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.classify.embeddings import DIMENSIONS
from zajil.moderation.classify.fusion import parse_fusion
from zajil.moderation.train import fusion
from zajil.moderation.train.corpus import prepare
from zajil.moderation.train.fusion import CAPS, PRESUMED, TEMPLATES, FusionResult, choose_rows, train_fusion
from zajil.moderation.train.indomain import apply_lines, measure_rows
from zajil.moderation.train.linear import LinearResult, train_linear
from zajil.moderation.train.texts.templates import expand_all
from zajil.moderation.train.vectors import VectorCache

PRIORS = dict.fromkeys(HEADS, 0.01)
FRAUD = HEADS.index("fraud")
ENCODER = "cd" * 32


class WordEncoder:
    """A vector a text: its words' hashes, added up. Counts how often it was asked."""

    sha256 = ENCODER

    def __init__(self) -> None:
        self.asked = 0

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.asked += len(texts)
        vectors = np.zeros((len(texts), DIMENSIONS), np.float32)
        for row, text in enumerate(texts):
            for word in text.split():
                vectors[row, int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) % DIMENSIONS] += 0.2
        return vectors


@pytest.fixture(autouse=True)
def _fit_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """One penalty: the choice between two takes twice as long and tells no more here."""
    monkeypatch.setattr(fusion, "PENALTIES", (0.1,))


@cache
def linear() -> LinearResult:
    return train_linear(prepare(make_rows()[::3]), priors=PRIORS, commit="", data={}, shipped=False)


def fuse() -> FusionResult:
    return train_fusion(linear(), WordEncoder(), encoder=ENCODER, priors=PRIORS, commit="c", data={}, shipped=False)


def test_templates_give_a_few_texts_a_pattern_and_sources_so_many() -> None:
    examples = prepare([*make_rows(), *expand_all(("ar",))])
    chosen = [examples[place] for place in choose_rows(examples)]
    groups = [example.group for example in chosen if example.group]
    assert max(groups.count(group) for group in set(groups)) == TEMPLATES
    plain = [example for example in chosen if example.source == "plain"]
    assert [sum(example.trains is side for example in plain) for side in (True, False)] == [PRESUMED, PRESUMED]
    assert CAPS["mlma_ar"] > 3_353


@pytest.mark.slow
def test_the_same_vectors_give_the_same_bytes_and_the_heads_learn() -> None:
    result = fuse()
    assert fuse().data == result.data
    model = parse_fusion(result.data)
    assert (model.metadata.encoder, model.metadata.commit, model.metadata.shipped) == (ENCODER, "c", False)
    texts = ["guaranteed profit from the river today", "the teacher stands near our bus today"]
    scores = model.score(WordEncoder().embed(texts), np.full((2, len(HEADS)), 0.01, np.float32), ["en", "en"])
    assert scores[0, FRAUD] > scores[1, FRAUD]
    assert set(model.metadata.thresholds["fraud"]) == set(LANGUAGES)
    assert model.metadata.thresholds["fraud"]["en"]["limit"] is None


@pytest.mark.slow
def test_what_is_told_of_training_is_out_of_fold() -> None:
    result = fuse()
    points = {head: found.points for head, found in result.measured.items()}
    found = measure_rows(result.table, apply_lines(result.table, result.logits, result.measured), points)
    assert "sexual" not in found
    figures = found["fraud"]["en"]["real"]
    assert figures.share < 0.5 < figures.auprc
    assert "templates" not in found["fraud"]["en"]


def test_vectors_are_made_once_and_read_back(tmp_path: Path) -> None:
    encoder = WordEncoder()
    texts = [f"text {number % 7}" for number in range(20)]
    first = VectorCache(tmp_path, encoder).embed(texts)
    assert encoder.asked == 7
    assert (VectorCache(tmp_path, encoder).embed(texts) == first).all()
    assert encoder.asked == 7
    np.testing.assert_allclose(first, WordEncoder().embed(texts), atol=1e-3)
