"""What each device of a call may say. web/src/core/calls/budget.test.ts tells the same."""

from __future__ import annotations

from collections.abc import Callable

from zajil.client.calls.budget import SignalBudget
from zajil.protocol.calls import signals as sg

CALL = bytes(16)
END = sg.End(CALL, "hangup")


def got(to: int) -> sg.Got:
    return sg.Got(CALL, to, 2)


def answer(to: int, pc: int) -> sg.Desc:
    return sg.Desc(CALL, to, pc, "answer", "")


def cand(pc: int, count: int) -> sg.Cand:
    return sg.Cand(CALL, 0, pc, ("",) * count, False)


def times(count: int, works: Callable[[], bool]) -> int:
    return sum(works() for _ in range(count))


def test_300_signals_at_once_then_one_a_second_and_what_ends_the_call_always() -> None:
    budget = SignalBudget()
    assert times(400, lambda: budget.admits(1, got(0), 5_000)) == 300
    assert budget.admits(1, END, 5_000)
    assert budget.admits(2, got(0), 5_000)
    assert times(9, lambda: budget.admits(1, got(0), 8_000)) == 3
    assert times(400, lambda: budget.admits(1, got(0), 5_000_000)) == 300


def test_8_times_lost_at_once_then_one_a_second_whatever_else_is_said() -> None:
    budget, lost = SignalBudget(), sg.Lost(CALL, 0, 2)
    assert times(300, lambda: budget.admits(1, lost, 0)) == 8
    assert budget.admits(2, lost, 0)
    assert times(9, lambda: budget.admits(1, lost, 3_000)) == 3
    assert times(9, lambda: budget.admits(1, got(0), 60_000)) == 9


def test_who_drains_one_budget_drains_no_others() -> None:
    budget = SignalBudget()
    assert times(400, lambda: budget.may_send(got(1), 0)) == 300
    assert budget.may_send(END, 0)
    assert budget.may_send(got(2), 0)
    assert budget.may_send(got(1), 1_000)


def test_an_answer_is_repeated_four_times_for_each_attempt() -> None:
    budget = SignalBudget()
    for to, pc in ((1, 4), (1, 6), (2, 4)):
        assert sum(budget.may_send(answer(to, pc), 0) for _ in range(9)) == 5
    assert times(400, lambda: budget.may_send(got(1), 0)) == 290


def test_20_candidates_of_an_attempt_and_no_count_for_what_is_above_the_limit_of_signals() -> None:
    budget = SignalBudget()
    assert [budget.admits(1, cand(pc, 10), 0) for pc in (2, 2, 2, 4)] == [True, True, False, True]
    assert times(400, lambda: budget.admits(1, got(0), 0)) == 296
    assert not budget.admits(1, cand(6, 20), 0)
    assert budget.admits(1, cand(6, 20), 1_000)
