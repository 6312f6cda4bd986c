"""One laboratory of calls for the run; its report is written where `--calls-report` says: `latest` if all passed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.calls.routes.laboratory import CallLaboratory
from tests.calls.routes.needs import find_missing
from tests.calls.routes.report import Report, versions
from tests.calls.routes.trial import Trial

_HERE = "tests/calls/routes/"
_PASSED: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed and report.nodeid.startswith(_HERE):
        _PASSED.append(report.nodeid)


@pytest.fixture(scope="session")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """What the run measures; printed and written at its end; what failed has no row."""
    made = Report(versions=versions())
    yield made
    config = request.config
    folder = config.getoption("--calls-report")
    own = [item for item in request.session.items if item.nodeid.startswith(_HERE)]
    chosen = config.getoption("keyword") or "smoke" in config.getoption("markexpr")
    if folder:
        whole = not chosen and len(_PASSED) == len(own)
        made.write(Path(folder), name="latest" if whole else "part")
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line("")
        reporter.write_line(made.render())
        for miss in made.misses():
            reporter.write_line(f"beyond its goal: {miss}")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallLaboratory]:
    missing = find_missing()
    if missing is not None:
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("calls")
    laboratory = CallLaboratory(folder)
    yield laboratory
    laboratory.delete()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def trial(lab: CallLaboratory) -> Iterator[Trial]:
    made = Trial(lab)
    yield made
    made.end()
