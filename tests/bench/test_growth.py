"""Factors of growth, that rows measured together are measured once a round, and a small run of each kind."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from bench.growing import groups, judging, keeping, serving
from bench.growing.family import Costs, Family, Row, judge
from bench.rounds import Turn

from bench import record

WORK = Row("work", "l", 100, "")
STATE = Row("state", "c", 10, "", "kib")


def test_both_factors_are_told_and_the_larger_one_is_judged() -> None:
    turn = judge(WORK, [10.0, 21.0, 63.0], Turn(checks={"sent": 3}), scale=0.5)
    assert turn.checks == {"sent": 3}
    assert turn.metrics == {
        "n": 50,
        "n_ms": 10.0,
        "2n_ms": 21.0,
        "4n_ms": 63.0,
        "factor_2n": 2.1,
        "factor_4n": 3.0,
        "l_factor": 3.0,
    }
    assert judge(STATE, [5.0, 6.0, 6.0], Turn(), scale=1).metrics["c_factor"] == 1.2


def test_rows_of_a_family_are_measured_together_and_again_when_one_is_asked_for_twice() -> None:
    measured: list[float] = []

    def measure(turn: Turn, scale: float) -> Costs:
        measured.append(scale)
        turn.expect("run", len(measured), len(measured))
        return {"work": [1.0, 2.0, 4.0], "state": [1.0, 1.0, float(len(measured))]}

    work, state = Family((WORK, STATE), measure, 0.1).entries()
    assert work.turn().metrics["l_factor"] == 2
    assert state.turn().metrics["c_factor"] == 1
    assert state.turn().checks == {"run": 2}, "a turn that was noisy is played anew"
    assert work.turn().metrics["l_factor"] == 2
    assert measured == [0.1, 0.1]
    assert work.describe().version == "L"


def test_every_row_has_its_goal() -> None:
    rows = [row for family in (serving.ROWS, groups.ROWS, judging.ROWS, keeping.ROWS) for row in family]
    goals = {goal.id: goal for goal in record.read_goals() if goal.bench == "growth"}
    for kind in ("l", "c"):
        assert set(goals[kind.upper()].of) == {row.name for row in rows if row.kind == kind}
        assert goals[kind.upper()].metric == f"{kind}_factor"


def test_groups_and_judgements_are_measured_whole() -> None:
    for family in (groups.family(0.001), judging.family(0.001)):
        turn = Turn()
        costs = family.measure(turn, family.scale)
        assert {row.name for row in family.rows} == set(costs)
        assert all(len(each) == 3 and min(each) > 0 for each in costs.values())
    assert turn.checks["listed"] > 0


@pytest.mark.slow
def test_rows_that_are_kept_are_multiplied_and_the_operation_still_finds_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeping, "TIMES", 1)
    monkeypatch.setattr(keeping, "BEST_OF", 1)
    stored, client = keeping.families(0.0006)
    for family, rows in ((stored, 6), (client, 2)):
        turn = Turn()
        costs = family.measure(turn, family.scale)
        assert {row.name for row in family.rows} == set(costs)
        assert all(len(each) == 3 and min(each) > 0 for each in costs.values())
        assert turn.checks["rows"] == rows
        if family is stored:
            assert turn.checks == {"rows": 6, "posts": 13, "items": 1}


@pytest.mark.slow
def test_messages_are_relayed_drained_and_sent_to_groups() -> None:
    turn = Turn()
    with ExitStack() as stack:
        (family,) = serving.families(stack, lambda rows: serving.DRAINED in rows, 0.001)
        costs = family.measure(turn, 0.001)
    assert {name: len(each) for name, each in costs.items()} == dict.fromkeys(costs, 3)
    assert turn.checks == {"rows": 0, "relayed": 20, "drained": 16, "to_group": 16 * 11}
