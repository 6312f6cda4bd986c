"""How each way sounds when packets get lost: what is concealed, the delay, and the E-model's estimate, all reported."""

from __future__ import annotations

import pytest
from tests.calls.routes.blocks import HIDDEN, NO_UDP, OPEN
from tests.calls.routes.laboratory import CallLaboratory
from tests.calls.routes.needs import can_delay
from tests.calls.routes.report import Report
from tests.calls.routes.trial import Block, Trial

pytestmark = [pytest.mark.calls, pytest.mark.slow, pytest.mark.timeout(400)]

LINE_MS = 20
LOSSES = (5, 10)
WAYS = [(OPEN, "direct"), (HIDDEN, "relay-udp"), (NO_UDP, "relay-tcp")]


@pytest.mark.parametrize(("block", "rung"), WAYS, ids=[rung for _, rung in WAYS])
def test_sound_under_loss(trial: Trial, lab: CallLaboratory, report: Report, block: Block, rung: str) -> None:
    listen(trial, lab, report, block, rung)


def listen(trial: Trial, lab: CallLaboratory, report: Report, block: Block, rung: str) -> None:
    """One call, under each loss in turn."""
    line_ms = LINE_MS if can_delay() else 0
    trial.block(block)
    if line_ms:
        lab.network.slow_down(line_ms)
    trial.call(rung)
    for loss_pct in LOSSES:
        row = trial.listen(trial.figures.rung, loss_pct=loss_pct, line_ms=line_ms)
        report.sound.append(row)
        figures = f"{row.concealed_pct:.1f} % concealed, {row.delay_ms:.0f} ms, MOS {row.mos:.2f}"
        print(f"{rung} at {loss_pct} % loss: {figures}")
    trial.hang_up()
    assert trial.figures.plaintext == 0
