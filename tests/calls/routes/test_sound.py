"""How each way sounds when packets get lost: what is concealed, the delay, and the E-model's estimate, all reported."""

from __future__ import annotations

import pytest
from tests.calls.routes.blocks import HIDDEN, NO_UDP, ONLY_443, ONLY_SITE, OPEN
from tests.calls.routes.laboratory import CallLaboratory
from tests.calls.routes.needs import can_delay
from tests.calls.routes.report import Report
from tests.calls.routes.trial import Block, Trial

pytestmark = [pytest.mark.calls, pytest.mark.slow, pytest.mark.timeout(400)]

LINE_MS = 20
LOSSES = (0, 5, 10)
BLOCKS = (OPEN, HIDDEN, NO_UDP, ONLY_443, ONLY_SITE)


@pytest.mark.parametrize("block", BLOCKS, ids=[block.name for block in BLOCKS])
def test_sound_under_loss(trial: Trial, lab: CallLaboratory, report: Report, block: Block) -> None:
    """One call, under each loss in turn. How it sounds is not judged."""
    line_ms = LINE_MS if can_delay() else 0
    trial.block(block)
    if line_ms:
        lab.network.slow_down(line_ms)
    trial.call()
    rows = [trial.listen(block, loss_pct=loss_pct, line_ms=line_ms) for loss_pct in LOSSES]
    trial.hang_up()
    assert trial.figures.plaintext == 0
    report.rungs += rows
    for row in rows:
        print(f"{row.scenario}: {row.rung}, {row.concealed_pct} % concealed, {row.delay_ms} ms, MOS {row.mos}")
