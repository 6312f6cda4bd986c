"""The models that ship, loaded by the hash their manifest names."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from zajil.moderation.categories import Category, Language
from zajil.moderation.classify.fusion import FusionModel, load_fusion
from zajil.moderation.classify.heads import LinearModel, load_model
from zajil.moderation.classify.modelfile import ModelMetadata, ModelRefused
from zajil.moderation.policy.thresholds import ModelThresholds, Thresholds

FOLDER: Final = Path(str(files("zajil.moderation").joinpath("model")))
LINEAR: Final = "linear.safetensors"
EMBEDDINGS: Final = "embeddings.safetensors"
MANIFEST: Final = "manifest.json"


def read_manifest(folder: Path = FOLDER) -> dict[str, str]:
    """SHA-256 of each model file, by name. Raises ModelRefused for a manifest that is none, OSError without one."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return msgspec.convert(manifest["models"], dict[str, str])
    except (ValueError, KeyError, TypeError) as cause:
        raise ModelRefused("no manifest of models") from cause


@cache
def load_linear(folder: Path = FOLDER) -> LinearModel:
    """The linear heads. Raises ModelRefused where the file is not the one of the manifest, OSError without one."""
    return load_model(folder / LINEAR, sha256=read_manifest(folder)[LINEAR])


@cache
def load_embeddings(encoder: str, folder: Path = FOLDER) -> FusionModel:
    """The heads on sentence vectors. encoder: hash of the encoder in use. Raises ModelRefused, OSError."""
    try:
        digest = read_manifest(folder)[EMBEDDINGS]
    except KeyError as cause:
        raise ModelRefused("no heads on vectors") from cause
    return load_fusion(folder / EMBEDDINGS, sha256=digest, encoder=encoder)


def read_thresholds(linear: ModelMetadata, *, embeddings: ModelMetadata | None = None) -> ModelThresholds:
    """What the models have been shown to be safe at, as a policy wants it."""
    return ModelThresholds(
        source=linear.commit,
        heads=_convert(linear),
        embeddings={} if embeddings is None else _convert(embeddings),
    )


def _convert(metadata: ModelMetadata) -> dict[Category, dict[Language, Thresholds]]:
    try:
        return msgspec.convert(metadata.thresholds, dict[Category, dict[Language, Thresholds]])
    except msgspec.ValidationError as cause:
        raise ModelRefused("thresholds that cannot be read") from cause
