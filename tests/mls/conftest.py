"""The official MLS test vectors: where they are, how many there must be, and the count per file after a run."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.mls import vectors

VECTOR_CASES: Counter[str] = Counter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = [item for item in items if not item.name.endswith(f"{vectors.ABSENT}]")]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed and "vectors" in report.keywords:
        name = report.nodeid.partition("[")[2].rpartition("-v")[0]
        if name:
            VECTOR_CASES[name] += 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if VECTOR_CASES:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(VECTOR_CASES.items()))
        terminalreporter.write_line(f"MLS vectors passed: {counts}; total {VECTOR_CASES.total()}")
