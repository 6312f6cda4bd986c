"""Official vectors of mlswg/mls-implementations at cfd4502: one pytest case per vector.

Data: `$ZAJIL_VECTORS/mls`, else `../shared/vectors/mls` beside the project. Absent: one skip naming both.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

COUNTS = {
    "crypto-basics": 7,
    "deserialization": 14,
    "key-schedule": 7,
    "message-protection": 7,
    "messages": 300,
    "passive-client-welcome": 56,
    "passive-client-handling-commit": 91,
    "passive-client-random": 1,
    "psk_secret": 77,
    "secret-tree": 21,
    "transcript-hashes": 7,
    "tree-math": 10,
    "tree-operations": 5,
    "tree-validation": 98,
    "treekem": 77,
    "welcome": 7,
}
TOTAL = 785
ABSENT = "-absent"

Vector = dict[str, Any]  # JSON as published: each file has its own fields

_PROJECT = Path(__file__).resolve().parents[2]
SIBLING_NAME = "../shared/vectors/mls"
SIBLING = _PROJECT.parent / "shared" / "vectors" / "mls"


def directory() -> Path | None:
    """Where the vectors are, or None."""
    configured = os.environ.get("ZAJIL_VECTORS")
    places = [Path(configured) / "mls"] if configured else []
    return next((place for place in [*places, SIBLING] if place.is_dir()), None)


@cache
def load(name: str) -> list[Vector]:
    """Every vector of one file; asserts the published count."""
    place = directory()
    assert place is not None
    vectors: list[Vector] = json.loads((place / f"{name}.json").read_text(encoding="utf-8"))
    assert len(vectors) == COUNTS[name], f"{name}: {len(vectors)} vectors, expected {COUNTS[name]}"
    return vectors


def cases(name: str) -> pytest.MarkDecorator:
    """Parametrises a test's `index` over one file; ids are `<file>-v<index>`.

    Where the data is absent, one placeholder stands in, which conftest deselects: the skip is said once.
    """
    if directory() is None:
        return pytest.mark.parametrize("index", [pytest.param(0, id=f"{name}{ABSENT}")])
    return pytest.mark.parametrize("index", [pytest.param(i, id=f"{name}-v{i}") for i in range(COUNTS[name])])


def unhex(text: str) -> bytes:
    """Bytes of a hex field."""
    return bytes.fromhex(text)
