"""A model is refused unless it is exactly what it says, and scores each text by its loudest reading."""

from __future__ import annotations

import hashlib
import io
import json
import pickle
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.classify.features import BUCKETS, hash_features
from zajil.moderation.classify.heads import (
    MAX_WHOLE,
    STEP,
    WINDOW,
    LinearModel,
    cut_windows,
    encode_model,
    load_model,
    parse_model,
)
from zajil.moderation.classify.modelfile import ModelMetadata, ModelRefused
from zajil.moderation.normalise.text import VERSION, normalise, normalise_batch

METADATA = ModelMetadata(
    heads=HEADS,
    languages=LANGUAGES,
    normaliser=VERSION,
    commit="abc",
    data={"set": "00"},
    thresholds={"fraud": {"en": {"review": 0.5, "limit": 0.9, "auto": None}}},
)
FRAUD, HATE, ANY = HEADS.index("fraud"), HEADS.index("hate"), HEADS.index("any")


def made_arrays() -> dict[str, Any]:
    """A model that knows one word of fraud in each of three languages, and nothing else."""
    weights = np.zeros((BUCKETS, len(HEADS)), dtype=np.float16)
    for word in ("doubling", "удвоим", "مضاعفه"):
        weights[hash_features([word]).indices, FRAUD] = 2.0
    scale = np.ones((len(HEADS), len(LANGUAGES)), dtype=np.float32)
    scale[FRAUD, LANGUAGES.index("ru")] = 2.0
    return {
        "W": weights,
        "b": np.full(len(HEADS), -1.0, dtype=np.float32),
        "platt_a": scale,
        "platt_b": np.zeros((len(HEADS), len(LANGUAGES)), dtype=np.float32),
    }


@pytest.fixture(scope="module")
def model() -> LinearModel:
    return parse_model(encode_model(made_arrays(), METADATA))


def test_a_file_says_what_was_saved(tmp_path: Path) -> None:
    data = encode_model(made_arrays(), METADATA)
    assert data == encode_model(made_arrays(), METADATA)
    path = tmp_path / "linear.safetensors"
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    model = load_model(path, sha256=digest)
    assert model.metadata == METADATA
    assert model.sha256 == digest
    assert model.weights.flags.c_contiguous
    assert model.weights.dtype == np.float32
    assert (model.weights == made_arrays()["W"]).all()
    with pytest.raises(ValueError, match="read-only"):
        model.weights[0, 0] = 1
    with pytest.raises(ModelRefused, match="SHA-256"):
        load_model(path, sha256="0" * 64)


def test_npz_is_read_without_pickle(tmp_path: Path) -> None:
    strings = {"heads": json.dumps(HEADS), "languages": json.dumps(LANGUAGES), "normaliser": json.dumps(VERSION)}
    path = tmp_path / "linear.npz"
    np.savez_compressed(path, metadata=np.frombuffer(json.dumps(strings).encode(), np.uint8), **made_arrays())
    assert (load_model(path, sha256=None).weights == made_arrays()["W"]).all()
    buffer = io.BytesIO()
    np.savez(buffer, W=np.array([object()]), metadata=np.frombuffer(b"{}", np.uint8))
    with pytest.raises(ModelRefused):
        parse_model(buffer.getvalue())


@pytest.mark.parametrize("name", ["linear.pkl", "linear.pickle", "linear.joblib", "linear.bin", "linear"])
def test_a_pickle_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(encode_model(made_arrays(), METADATA))
    with pytest.raises(ModelRefused, match="pickles"):
        load_model(path, sha256=None)


def broken(name: str, value: Any) -> bytes:
    from safetensors.numpy import save

    arrays = made_arrays()
    arrays[name] = value
    strings = {"heads": json.dumps(HEADS), "languages": json.dumps(LANGUAGES), "normaliser": json.dumps(VERSION)}
    return save(arrays, metadata=strings)


def test_other_shapes_types_and_numbers_are_refused() -> None:
    arrays = made_arrays()
    for name, value in (
        ("W", arrays["W"][:-1]),
        ("W", arrays["W"].astype(np.float32)[:, :1]),
        ("b", arrays["b"].astype(np.float64)),
        ("platt_a", arrays["platt_a"].T.copy()),
    ):
        with pytest.raises(ModelRefused, match=name):
            parse_model(broken(name, value))
    for bad in (np.nan, np.inf):
        shift = arrays["platt_b"].copy()
        shift[1, 2] = bad
        with pytest.raises(ModelRefused, match="finite"):
            parse_model(broken("platt_b", shift))


@pytest.mark.parametrize(
    "metadata",
    [
        ModelMetadata(heads=HEADS[::-1], languages=LANGUAGES, normaliser=VERSION),
        ModelMetadata(heads=HEADS, languages=LANGUAGES[::-1], normaliser=VERSION),
        ModelMetadata(heads=HEADS, languages=LANGUAGES, normaliser=VERSION + 1),
    ],
)
def test_a_model_for_another_order_or_normaliser_is_refused(metadata: ModelMetadata) -> None:
    with pytest.raises(ModelRefused):
        parse_model(encode_model(made_arrays(), metadata))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        b"PK\3\4garbage",
        pickle.dumps({"W": 1}),
        encode_model(made_arrays(), METADATA)[:-1],
        b"\0" * 13_000_000,
    ],
    ids=["empty", "garbage", "zip", "pickle", "cut", "large"],
)
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(ModelRefused):
        parse_model(data)


def test_scores_are_calibrated_by_language(model: LinearModel) -> None:
    english, russian, plain = normalise_batch(["doubling", "удвоим", "hello there"])
    scores = model.score_batch([english, russian, plain]).probabilities
    logits = model.find_logits(["doubling", "удвоим"])[:, FRAUD]
    assert scores[0, FRAUD] == pytest.approx(1 / (1 + np.exp(-logits[0])), rel=1e-5)
    assert scores[1, FRAUD] == pytest.approx(1 / (1 + np.exp(-2 * logits[1])), rel=1e-5)
    assert scores[2] == pytest.approx(1 / (1 + np.exp(1)), rel=1e-5)
    assert scores.shape == (3, len(HEADS))
    assert scores[0, HATE] < 0.5 < scores[0, FRAUD]


def test_the_loudest_reading_counts_and_is_named(model: LinearModel) -> None:
    text = normalise("udvoim")
    assert [view.name for view in text.views] == ["arabizi", "latin_cyrillic"]
    scores = model.score_batch([normalise("hello"), text])
    assert scores.probabilities[1, FRAUD] > 0.9
    assert scores.readings[1, FRAUD] == 2
    assert scores.readings[0, FRAUD] == 0


def test_padding_does_not_dilute_a_long_text(model: LinearModel) -> None:
    padding = " ".join(f"word{number:c}{number % 7:d}the" for number in range(200, 1200))
    assert len(padding) > 4000
    alone, long = model.score_batch(normalise_batch(["the doubling of it", padding[:2500] + " doubling " + padding]))\
        .probabilities[:, FRAUD]  # fmt: skip
    whole = model.calibrate(model.find_logits([padding[:2500] + " doubling " + padding]), ["en"])[0, FRAUD]
    assert whole < long < alone


def test_windows_cover_every_text_of_fifteen_hundred_characters() -> None:
    assert cut_windows("x" * MAX_WHOLE) == ["x" * MAX_WHOLE]
    for size in (2001, 2700, 2701, 8192, 16384):
        text = "".join(chr(0x4E00 + number) for number in range(size))
        windows = cut_windows(text)
        assert max(map(len, windows)) == WINDOW
        assert windows[-1].endswith(text[-1])
        assert len(windows[-1]) > WINDOW - STEP
        assert all(one[STEP:] == two[: WINDOW - STEP] for one, two in pairwise(windows))


def test_no_texts_and_empty_texts_have_scores(model: LinearModel) -> None:
    assert model.score_batch([]).probabilities.shape == (0, len(HEADS))
    assert np.isfinite(model.score_batch([normalise("")]).probabilities).all()


def test_extreme_logits_stay_probabilities(model: LinearModel) -> None:
    extreme = np.array([[1e6] * len(HEADS), [-1e6] * len(HEADS)], dtype=np.float32)
    result = model.calibrate(extreme, ["en", "und"])
    assert result[0] == pytest.approx(1.0)
    assert result[1] == pytest.approx(0.0)
