"""Calls between two real browsers on networks of their own, through whatever a block leaves over.

Asserted: that both hear each other, by a rung that the block leaves open, and that no frame went out in clear. Which of
several rungs wins a race is not. Times are printed and reported.
"""

from __future__ import annotations

import pytest
from tests.calls.routes.blocks import HIDDEN, NO_RELAY, NO_STUN, NO_UDP, ONLY_443, ONLY_SITE, OPEN
from tests.calls.routes.report import Report
from tests.calls.routes.trial import Block, Trial, either

pytestmark = [pytest.mark.calls, pytest.mark.slow, pytest.mark.timeout(400)]

FROM_THE_START = [(OPEN, 5), (HIDDEN, 3), (NO_UDP, 3), (NO_STUN, 1), (NO_RELAY, 2), (ONLY_443, 3), (ONLY_SITE, 3)]
STRIKES = 2
IN_MID_CALL = [
    (OPEN, NO_UDP),
    (HIDDEN, NO_UDP),
    (OPEN, ONLY_443),
    (NO_UDP, ONLY_443),
    (OPEN, ONLY_SITE),
    (NO_UDP, ONLY_SITE),
]


@pytest.mark.parametrize(("block", "calls"), FROM_THE_START, ids=[one.name for one, _ in FROM_THE_START])
def test_a_call_finds_its_way(trial: Trial, report: Report, block: Block, calls: int) -> None:
    trial.block(block)
    for _ in range(calls):
        trial.call()
        trial.hang_up()
    trial.figures.check()
    report.rungs.append(trial.row(block.name, block.about))
    print(f"{block.name}: {either(trial.figures.rungs)}, {[round(each, 2) for each in trial.figures.setups_s]} s")


@pytest.mark.parametrize(("first", "block"), IN_MID_CALL, ids=[f"{was.name}-{one.name}" for was, one in IN_MID_CALL])
def test_a_call_goes_on(trial: Trial, report: Report, first: Block, block: Block) -> None:
    for _ in range(STRIKES):
        trial.block(first)
        trial.call()
        trial.strike(block)
        trial.hang_up()
    trial.figures.check()
    about = f"{block.about}, in mid-call by {either(trial.figures.rungs)}"
    report.rungs.append(trial.row(f"{first.name}, then {block.name}", about))
    took = [round(each, 2) for each in trial.figures.recovers_s]
    print(f"{first.name}, then {block.name}: {either(trial.figures.rungs_after)}, {took} s")
