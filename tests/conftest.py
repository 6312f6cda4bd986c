"""What every test shares: minutes per marker and vectors per file after a run, and no silent skips in CI."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MARKERS = ("vectors", "interop", "flows", "kill", "fuzz", "browser", "censor", "slow")
SKIPPED: list[tuple[str, str]] = []
SECONDS: defaultdict[str, float] = defaultdict(float)
VECTOR_CASES: Counter[str] = Counter()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--strict-skips", action="store_true", help="fail on a skip that tests/allowed_skips.txt lacks")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for marker in [m for m in MARKERS if m in report.keywords] or ["unmarked"]:
        SECONDS[marker] += report.duration
    if report.when == "call" and report.passed and "vectors" in report.keywords:
        name = report.nodeid.partition("[")[2].rpartition("-v")[0]
        if name:
            VECTOR_CASES[name] += 1
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        SKIPPED.append((report.nodeid, reason))


def allowed_skips() -> list[str]:
    lines = (ROOT / "tests" / "allowed_skips.txt").read_text(encoding="utf-8").splitlines()
    return [line.split()[0] for line in lines if line.strip() and not line.startswith("#")]


def unexpected_skips() -> list[tuple[str, str]]:
    allowed = allowed_skips()
    return [(node, reason) for node, reason in SKIPPED if not any(node.startswith(prefix) for prefix in allowed)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if VECTOR_CASES:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(VECTOR_CASES.items()))
        terminalreporter.write_line(f"MLS vectors passed: {counts}; total {VECTOR_CASES.total()}")
    if SECONDS:
        slowest_first = sorted(SECONDS.items(), key=lambda item: -item[1])
        spent = ", ".join(f"{marker} {seconds / 60:.1f}" for marker, seconds in slowest_first)
        terminalreporter.write_line(f"minutes of test time per marker: {spent}")
    if config.getoption("--strict-skips"):
        for node, reason in unexpected_skips():
            terminalreporter.write_line(f"unexpected skip: {node}: {reason}")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.config.getoption("--strict-skips") and unexpected_skips() and exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
