"""A real server in its own process, and clients in temporary homes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client import serving
from tests.transports.authority import Authority


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[serving.Served]:
    """One server for the tests of a module, open for registration."""
    with serving.serve(tmp_path_factory.mktemp("server")) as served:
        yield served


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """Signs certificates that clients trust, through SSL_CERT_FILE as in the field."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    """Where the homes of a test's people are."""
    return tmp_path
