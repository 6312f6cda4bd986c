"""A whole training run: data in, model files and a manifest of hashes out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from zajil.moderation.categories import ANY, CATEGORIES, HEADS
from zajil.moderation.classify.embeddings import Encoder
from zajil.moderation.data.folder import ROOT, hash_file
from zajil.moderation.normalise.text import normalise
from zajil.moderation.policy.packaged import load_packaged
from zajil.moderation.train.assemble import assemble
from zajil.moderation.train.fusion import FusionResult, train_fusion
from zajil.moderation.train.indomain import Training, apply_lines, count_rows, measure_rows
from zajil.moderation.train.linear import LinearResult, train_linear
from zajil.moderation.train.texts.extra import read_extra
from zajil.moderation.train.texts.sources import READERS
from zajil.moderation.train.vectors import VectorCache

LINEAR: Final = "linear.safetensors"
EMBEDDINGS: Final = "embeddings.safetensors"
TRAINING: Final = "training.json"
MANIFEST: Final = "manifest.json"
# What decides what a text becomes and what is learned from it, in the order of their names.
SOURCES: Final = (
    "categories.py",
    "classify/embeddings.py",
    "classify/features.py",
    "classify/fusion.py",
    "classify/heads.py",
    "classify/modelfile.py",
    "data",
    "hashing.py",
    "normalise",
    "policy/thresholds.py",
    "train",
)
SUFFIXES: Final = frozenset({".py", ".json", ".yaml", ".txt"})


def build(data: Path, out: Path, *, vectors: Path, encoder: Encoder, extra: Path | None = None) -> dict[str, str]:
    """Train on a data folder and write the files into `out`; their hashes. Raises DataMissing, ExtraRefused.

    extra: file of own rows, see `extra.py`; the models then say that they are not the shipped ones.
    vectors: folder that keeps sentence vectors between runs; an empty one takes half an hour to fill.
    """
    priors = find_priors()
    hashes = hash_data(data)
    commit = hash_sources()
    if extra is not None:
        hashes[f"extra/{extra.name}"] = hash_file(extra)
    examples = assemble(data, () if extra is None else read_extra(extra))
    shipped = extra is None
    linear = train_linear(examples, priors=priors, commit=commit, data=hashes, shipped=shipped)
    fused = train_fusion(
        linear,
        VectorCache(vectors, encoder),
        encoder=encoder.sha256,
        priors=priors,
        commit=commit,
        data=hashes,
        shipped=shipped,
    )
    training = msgspec.json.format(msgspec.json.encode(describe(linear, fused), order="sorted"), indent=1) + b"\n"
    models = {LINEAR: linear.data, EMBEDDINGS: fused.data, TRAINING: training}
    return write_files(out, models, commit=commit, data=hashes)


def describe(linear: LinearResult, fused: FusionResult) -> Training:
    """What the run says of itself, out of fold."""
    logits = {head: linear.logits[:, [number]] for number, head in enumerate(HEADS)}
    return Training(
        rows=count_rows(linear.table),
        linear=measure_rows(
            linear.table,
            apply_lines(linear.table, logits, linear.measured),
            {head: found.points for head, found in linear.measured.items()},
        ),
        fused=measure_rows(
            fused.table,
            apply_lines(fused.table, fused.logits, fused.measured),
            {head: found.points for head, found in fused.measured.items()},
        ),
        removals={head: found.removals for head, found in linear.measured.items() if found.removals},
        penalties=fused.penalties,
        pooled={
            name: {head: found.pooled for head, found in measured.items() if found.pooled}
            for name, measured in (("linear", linear.measured), ("fused", fused.measured))
        },
        vectors=len(fused.table.examples),
    )


def find_priors() -> dict[str, float]:
    """The share of posts that each head stands for: the policy's, and their sum for `any`."""
    policy = load_packaged(lambda text: normalise(text).base)
    priors: dict[str, float] = {category: policy.categories[category].prior for category in CATEGORIES}
    return {**priors, ANY: sum(priors.values())}


def hash_data(data: Path) -> dict[str, str]:
    """SHA-256 of every file that training reads. Raises DataMissing."""
    names = [*(f"train/{name}" for name in READERS), "train/ru_tgspam_spam.txt", "train/ru_tgspam_ham.txt"]
    for language in ("ar", "en", "ru"):
        names += [f"benign/{language}.txt.gz", f"unlabelled_hard/{language}.tsv.gz"]
    return {name: hash_file(data / name) for name in sorted(names)}


def hash_sources() -> str:
    """One hash over the sources that decide the outcome: two models with it differ in their data alone."""
    root = Path(str(files("zajil.moderation")))
    digest = hashlib.sha256()
    for name in SOURCES:
        path = root / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix in SUFFIXES:
                digest.update(f"{file.relative_to(root)}\0".encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def write_files(out: Path, models: Mapping[str, bytes], *, commit: str, data: Mapping[str, str]) -> dict[str, str]:
    """Model files and the manifest that names their hashes."""
    out.mkdir(parents=True, exist_ok=True)
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(models.items())}
    for name, content in models.items():
        (out / name).write_bytes(content)
    manifest = {"models": hashes, "sources": commit, "data": dict(sorted(data.items()))}
    (out / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return hashes


DEFAULT_OUT: Final = ROOT / "src" / "zajil" / "moderation" / "model"
