"""One laboratory for the whole run; the line is opened again after each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.censor.lab.capabilities import find_missing
from tests.censor.lab.censors import Censor
from tests.censor.lab.laboratory import Laboratory
from tests.censor.lab.network import wait_until
from tests.censor.lab.report import Report, collect_versions
from tests.censor.lab.scenarios import load_scenarios
from tests.censor.lab.trials import Pair, introduce

_WHOLE = "censor"
"""The marker expression of a run that may write `latest.json`; any other run is a part of it."""


_PASSED: list[str] = []
"""Tests that passed so far. A run that somebody interrupts has no failed one, and is no whole one all the same."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        _PASSED.append(report.nodeid)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--censor-report", metavar="FOLDER", help="write what the censor lab measured into this folder")


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """What the run measures; written at its end."""
    made = Report(versions=collect_versions())
    yield made
    config = request.config
    folder = config.getoption("--censor-report")
    if folder:
        complete = config.getoption("markexpr") == _WHOLE and not config.getoption("keyword")
        passed = len(_PASSED) == len(request.session.items) and not request.session.testsfailed
        made.write(Path(folder), whole=complete and passed)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line("")
        reporter.write_line(made.render())
        for miss in made.misses():
            reporter.write_line(f"beyond its goal: {miss}")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    missing = find_missing(())
    if missing is not None:
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("censor")
    laboratory = Laboratory(folder)
    yield laboratory
    laboratory.delete()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def censor(lab: Laboratory) -> Iterator[Censor]:
    lab.censor.lift()
    yield lab.censor
    lab.censor.lift()


@pytest.fixture(scope="session")
def verdicts(lab: Laboratory) -> dict[str, list[str]]:
    """What the prober found about every server of the list, by address: it watched a client speak to each."""
    (scenario,) = [one for one in load_scenarios() if one.name == "prober"]
    lab.censor.lift()
    lab.censor.prepare(scenario)
    lab.censor.switch_on(scenario)
    hosts = ("origin.test", "front.test", "bridge-a.test", "caddy.test")
    try:
        for host in hosts:
            lab.network.client.run("curl", "-sS", "-m", "5", "-o", "/dev/null", f"https://{host}/")
        wait_until("all are judged", lambda: len(lab.censor.read_verdicts()) >= len(hosts), timeout_s=280)
        return lab.censor.read_verdicts()
    finally:
        lab.censor.lift()


@pytest.fixture(scope="session")
def pair(lab: Laboratory) -> Iterator[Pair]:
    """Amina and Boris, friends since before."""
    made = introduce(lab)
    yield made
    made.boris.leave()
