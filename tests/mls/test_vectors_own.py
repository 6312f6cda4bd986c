"""Transcripts of our own in both suites, written by our engine and by ts-mls: a passive member follows each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.mls.actors import EXTENSION_TYPES

from zajil import mls

pytestmark = pytest.mark.vectors
FOLDER = Path(__file__).resolve().parents[2] / "vectors" / "mls"
NAMES = ("zajil-x25519", "zajil-xwing", "ts-mls-x25519", "ts-mls-xwing")
MAX_BYTES = 300_000
Document = dict[str, Any]  # JSON


def load(name: str) -> Document:
    document: Document = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return document


def reader_env(document: Document) -> mls.Env:
    """A reader believes every credential and never sends."""
    return mls.Env(
        authenticate=lambda credential, _key, _use: credential.body, signer=bytes, rng=bytes, now=document["now"]
    )


def check_reached(group: mls.Group, document: Document, expected: Document) -> None:
    exporter = document["exporter"]
    exported = group.export(exporter["label"], bytes.fromhex(exporter["context"]), exporter["length"])
    assert group.epoch == expected["epoch"]
    assert group.epoch_authenticator.hex() == expected["epoch_authenticator"]
    assert group.context.tree_hash.hex() == expected["tree_hash"]
    assert exported.hex() == expected["exported"]


def joined(document: Document, env: mls.Env) -> mls.Group:
    package = mls.parse_key_package(bytes.fromhex(document["key_package"]))
    assert set(EXTENSION_TYPES) <= set(package.leaf_node.capabilities.extensions)
    secrets = mls.KeyPackageSecrets(bytes.fromhex(document["init_key"]), bytes.fromhex(document["encryption_key"]))
    group, _ = mls.Group.join(env, bytes.fromhex(document["welcome"]), package, secrets)
    return group


@pytest.mark.parametrize("name", NAMES)
def test_passive_member_follows(name: str) -> None:
    document = load(name)
    env = reader_env(document)
    group = joined(document, env)
    assert group.suite.id == document["suite"]
    check_reached(group, document, document["joined"])
    for step in document["steps"]:
        group, event = group.receive(env, bytes.fromhex(step["message"]))
        if step["kind"] == "commit":
            assert isinstance(event, mls.Staged)
            assert (event.committer, event.aad.hex()) == (step["sender"], step["aad"])
            group = event.apply()
            check_reached(group, document, step)
        else:
            assert isinstance(event, mls.Application)
            assert (event.sender, event.aad.hex(), event.data.hex()) == (step["sender"], step["aad"], step["data"])


def test_files_are_small_and_name_their_source() -> None:
    # What both languages refuse has its own test: tests/interop/test_refused.py.
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == sorted([*NAMES, "refused"])
    for name in NAMES:
        assert (FOLDER / f"{name}.json").stat().st_size < MAX_BYTES
        assert load(name)["source"].startswith("tests/interop/make_vectors.py")
