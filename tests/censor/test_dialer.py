"""The product as a whole in every scenario: cold, remembered, and with the block beginning in mid-session.

Reaching, losing and doubling are pass or fail. Times are printed, and marked where they miss the issue's goals: what
else the machine does must not fail a test.
"""

from __future__ import annotations

import pytest
from tests.censor.lab.capabilities import find_missing
from tests.censor.lab.laboratory import Laboratory
from tests.censor.lab.report import DialerRow, Report
from tests.censor.lab.scenarios import Scenario, load_scenarios
from tests.censor.lab.trials import Pair, measure

pytestmark = [pytest.mark.censor, pytest.mark.timeout(400)]


def cases(expect: str) -> list[object]:
    """The scenarios as parameters, those of the smoke marked."""
    return [
        pytest.param(one, id=one.name, marks=[pytest.mark.censor_smoke] if one.smoke else [])
        for one in load_scenarios()
        if one.expect == expect
    ]


@pytest.mark.parametrize("scenario", cases("reachable"))
def test_messages_get_through_once_and_in_order(
    request: pytest.FixtureRequest, pair: Pair, report: Report, scenario: Scenario
) -> None:
    if scenario.name == "prober":
        request.getfixturevalue("verdicts")  # it strikes with what it knows, not a minute later
    missing = find_missing(scenario.needs)
    if missing is not None:
        report.skips.append(f"{scenario.name}: {missing}")
        pytest.skip(missing)
    row = measure(pair, scenario)
    report.dialer.append(row)
    assert row.reachable, "the first message did not come out within a minute"
    assert (row.lost, row.doubled, row.disordered) == (0, 0, 0)


@pytest.mark.parametrize("scenario", cases("files-only"))
def test_messages_cross_a_total_cut_as_a_file(lab: Laboratory, pair: Pair, report: Report, scenario: Scenario) -> None:
    row = DialerRow(scenario=scenario.name, about=scenario.about, possible=False, reachable=False)
    report.dialer.append(row)
    texts = ["أنا بخير", "Мы в горах", "meet at noon"]
    file = str(lab.folder / "carried.zajil")
    amina = pair.amina()
    amina.call("open", home=str(pair.home))
    lab.censor.prepare(scenario)
    lab.censor.switch_on(scenario)
    try:
        amina.call("follow")
        amina.call("queue", chat=pair.chat, texts=texts)
        amina.call("export_file", chat=pair.chat, file=file)
        # A receipt that waited too may lie beside the texts.
        assert set(outcomes := pair.boris.call("import_file", file=file)) == {"taken"}
        assert len(outcomes) >= len(texts)
        assert {one["state"] for one in amina.call("read", chat=pair.chat, limit=3)} <= {"queued", "sending"}
    finally:
        lab.censor.lift()
    amina.call("settle", seconds=60.0)
    assert amina.call("say", chat=pair.chat, text="the line is back", seconds=60.0)
    assert pair.boris.call("await_texts", texts=["the line is back"], seconds=30.0)
    shown = [one["text"] for one in pair.boris.call("read", chat=pair.chat, limit=50)]
    assert [shown.count(text) for text in texts] == [1, 1, 1], "what was carried is not shown again"
    amina.leave()
