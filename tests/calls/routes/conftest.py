"""One laboratory of calls for its tests; its report is written where `--calls-report` says: `latest` if all passed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.calls.routes.laboratory import CallLaboratory
from tests.calls.routes.needs import find_missing
from tests.calls.routes.report import Report, versions
from tests.calls.routes.trial import Trial

_HERE = "tests/calls/routes/"
_PASSED: list[str] = []
_BUILT: list[CallLaboratory] = []
"""The one that runs."""


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


def delete_laboratory() -> None:
    """Harmless without one."""
    while _BUILT:
        laboratory = _BUILT.pop()
        laboratory.delete()
        shutil.rmtree(laboratory.folder, ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """After the last test of this folder it goes: in a run of all tests others have the machine then."""
    if nextitem is None or not nextitem.nodeid.startswith(_HERE):
        delete_laboratory()


@pytest.fixture(scope="session")
def building(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], CallLaboratory]]:
    """The laboratory, built where there is none. Nothing of it is left after the run, however that ends."""

    def build() -> CallLaboratory:
        if not _BUILT:
            _BUILT.append(CallLaboratory(tmp_path_factory.mktemp("calls")))
        return _BUILT[0]

    yield build
    delete_laboratory()


@pytest.fixture
def lab(building: Callable[[], CallLaboratory]) -> CallLaboratory:
    missing = find_missing()
    if missing is not None:
        pytest.skip(missing)
    return building()


@pytest.fixture
def trial(lab: CallLaboratory) -> Iterator[Trial]:
    made = Trial(lab)
    yield made
    made.end()
