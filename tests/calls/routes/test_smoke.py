"""The laboratory in short, for every run of CI: two of its ways, once each. Times are printed, and judged by nobody."""

from __future__ import annotations

import pytest
from tests.calls.routes.blocks import NO_UDP, ONLY_SITE, OPEN
from tests.calls.routes.trial import Trial, either

pytestmark = [pytest.mark.calls, pytest.mark.smoke, pytest.mark.alone, pytest.mark.slow, pytest.mark.timeout(240)]


def test_a_call_goes_on_without_udp_and_another_goes_by_one_websocket_alone(trial: Trial) -> None:
    trial.block(OPEN)
    trial.call()
    lasted_s = trial.strike(NO_UDP)
    trial.hang_up()
    print(f"UDP cut: silence of {lasted_s:.2f} s, then {either(trial.figures.rungs_after)}")
    trial.block(ONLY_SITE)
    took_s = trial.call()
    trial.hang_up()
    figures = trial.figures
    figures.check()
    print(f"only the site: heard after {took_s:.2f} s; {figures.sealed} frames sealed, {figures.plaintext} in clear")
