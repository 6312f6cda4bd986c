"""Certificates that these tests trust, and what a device knows of a server when it dials."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.transports.authority import Authority


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The authority, trusted as in the field: through SSL_CERT_FILE."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


@pytest.fixture
def untrusting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that trusts another authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path).file))
