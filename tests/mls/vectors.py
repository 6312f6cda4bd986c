"""Official vectors of mlswg/mls-implementations at cfd4502: one pytest case per vector."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from tests.official import read_vectors

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

Vector = dict[str, Any]  # JSON as published: each file has its own fields


@cache
def load(name: str) -> list[Vector]:
    """Every vector of one file; asserts the published count."""
    vectors: list[Vector] = read_vectors(f"mls/{name}")
    assert len(vectors) == COUNTS[name], f"{name}: {len(vectors)} vectors, expected {COUNTS[name]}"
    return vectors


def cases(name: str) -> pytest.MarkDecorator:
    """Parametrises a test's `index` over one file; ids are `<file>-v<index>`."""
    return pytest.mark.parametrize("index", [pytest.param(i, id=f"{name}-v{i}") for i in range(COUNTS[name])])


def unhex(text: str) -> bytes:
    """Bytes of a hex field."""
    return bytes.fromhex(text)
