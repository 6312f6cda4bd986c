"""Each strategy alone in each scenario, cold: what the tables of the docs say."""

from __future__ import annotations

import pytest
from tests.censor.lab.capabilities import find_missing
from tests.censor.lab.laboratory import Laboratory
from tests.censor.lab.matrix import list_strategies, try_strategies
from tests.censor.lab.report import Report
from tests.censor.lab.scenarios import Scenario, load_scenarios

pytestmark = [pytest.mark.censor, pytest.mark.timeout(300)]

STREAMS_END = ("freeze",)
"""No stream lives long there; the dialer's segments do, see test_dialer."""


@pytest.mark.parametrize("scenario", load_scenarios(), ids=lambda one: one.name)
def test_each_strategy_alone(lab: Laboratory, report: Report, scenario: Scenario) -> None:
    missing = find_missing((*scenario.needs, "microsocks", "obfs4"))
    if missing is not None:
        pytest.skip(missing)
    rows = try_strategies(lab, scenario, list_strategies(lab.bridges.endpoint("nginx"), lab.obfs4()))
    report.matrix.extend(rows)
    through = [row.strategy for row in rows if row.reachable]
    if scenario.name == "open":
        assert len(through) == len(rows), [row for row in rows if not row.reachable]
    elif scenario.expect == "files-only":
        assert through == []
    elif scenario.name not in STREAMS_END:
        assert through, "a way that the dialer can find"
    else:
        assert [row for row in rows if row.bytes_until_frozen], "the censor froze something"
