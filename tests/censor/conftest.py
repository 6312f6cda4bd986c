"""One laboratory for the whole run; the line is opened again after each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.censor.lab.capabilities import find_missing
from tests.censor.lab.censors import Censor
from tests.censor.lab.laboratory import Laboratory


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--censor-report", metavar="FOLDER", help="write what the censor lab measured into this folder")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    missing = find_missing(())
    if missing is not None:
        pytest.skip(missing)
    laboratory = Laboratory(tmp_path_factory.mktemp("censor"))
    yield laboratory
    laboratory.delete()


@pytest.fixture
def censor(lab: Laboratory) -> Iterator[Censor]:
    lab.censor.lift()
    yield lab.censor
    lab.censor.lift()
