"""A real server in its own process, and clients in temporary homes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client import serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[serving.Served]:
    """One server for the tests of a module, open for registration."""
    with serving.serve(tmp_path_factory.mktemp("server")) as served:
        yield served


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    """Where the homes of a test's people are."""
    return tmp_path
