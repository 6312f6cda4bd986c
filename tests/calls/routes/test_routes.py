"""Calls between two real browsers on networks of their own, through whatever a block leaves over.

Asserted: that both hear each other, by which way, and that no frame went out in clear. Times are printed and reported.
"""

from __future__ import annotations

import pytest
from tests.calls.routes.blocks import HIDDEN, NO_RELAY, NO_STUN, NO_UDP, ONLY_443, OPEN
from tests.calls.routes.report import Report
from tests.calls.routes.trial import Block, Trial

pytestmark = [pytest.mark.calls, pytest.mark.slow, pytest.mark.timeout(400)]

FROM_THE_START = [
    (OPEN, "direct", 6),
    (HIDDEN, "relay-udp", 3),
    (NO_UDP, "relay-tcp", 3),
    (NO_STUN, "relay-tcp", 1),
    (NO_RELAY, "direct", 1),
    (ONLY_443, "relay-tls or server", 3),
]
STRIKES = 2
IN_MID_CALL = [
    (OPEN, "direct", NO_UDP, "relay-tcp"),
    (HIDDEN, "relay-udp", NO_UDP, "relay-tcp"),
    (OPEN, "direct", ONLY_443, "relay-tls or server"),
    (NO_UDP, "relay-tcp", ONLY_443, "relay-tls or server"),
]


def check(trial: Trial) -> None:
    """Both ends sealed what they sent, opened what came, and nothing left in clear."""
    figures = trial.figures
    assert figures.plaintext == 0
    assert 0 < figures.opened <= figures.sealed


def set_up(trial: Trial, report: Report, block: Block, rung: str, *, calls: int) -> None:
    """So many calls under a block, one after the other."""
    trial.block(block)
    for _ in range(calls):
        trial.call(rung)
        trial.hang_up()
    check(trial)
    report.rungs.append(trial.row(block))
    print(f"{block.name}: {rung}, {[round(each, 2) for each in trial.figures.setups_s]} s")


def go_on(
    trial: Trial, report: Report, before: tuple[Block, str], after: tuple[Block, str], *, strikes: int = STRIKES
) -> None:
    """So many calls in which another block begins; each with the way that it then has."""
    (first, way), (block, rung) = before, after
    for _ in range(strikes):
        trial.block(first)
        trial.call(way)
        trial.strike(block, rung)
        trial.hang_up()
    check(trial)
    report.rungs.append(trial.row(Block(f"{first.name}, then {block.name}", f"{block.about}, in mid-call by {way}")))
    print(f"{first.name}, then {block.name}: {rung}, {[round(each, 2) for each in trial.figures.recovers_s]} s")


@pytest.mark.parametrize(("block", "rung", "calls"), FROM_THE_START, ids=[one.name for one, *_ in FROM_THE_START])
def test_a_call_finds_its_way(trial: Trial, report: Report, block: Block, rung: str, calls: int) -> None:
    set_up(trial, report, block, rung, calls=calls)


@pytest.mark.parametrize(
    ("before", "first", "block", "rung"), IN_MID_CALL, ids=[f"{was.name}-{one.name}" for was, _, one, _ in IN_MID_CALL]
)
def test_a_call_goes_on(trial: Trial, report: Report, before: Block, first: str, block: Block, rung: str) -> None:
    go_on(trial, report, (before, first), (block, rung))


def test_each_way_carries_a_call(trial: Trial) -> None:
    """In short, for a run that has no time for all."""
    for block, rung in (
        (OPEN, "direct"),
        (HIDDEN, "relay-udp"),
        (NO_UDP, "relay-tcp"),
        (ONLY_443, "relay-tls or server"),
    ):
        trial.block(block)
        print(f"{block.name}: {rung} after {trial.call(rung):.2f} s")
        trial.hang_up()
    trial.block(OPEN)
    trial.call("direct")
    print(f"UDP is cut: relay-tcp after {trial.strike(NO_UDP, 'relay-tcp'):.2f} s")
    trial.hang_up()
    check(trial)
