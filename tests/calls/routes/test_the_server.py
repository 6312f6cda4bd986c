"""Calls that have nothing left but a WebSocket to the site: sound goes through the server itself."""

from __future__ import annotations

import pytest
from tests.calls.routes.blocks import NO_UDP, ONLY_SITE, OPEN
from tests.calls.routes.laboratory import CallLaboratory
from tests.calls.routes.report import Report
from tests.calls.routes.test_routes import go_on, set_up
from tests.calls.routes.test_sound import listen
from tests.calls.routes.trial import Block, Trial

pytestmark = [pytest.mark.calls, pytest.mark.slow, pytest.mark.timeout(400)]


def test_a_call_begins_through_the_server(trial: Trial, report: Report) -> None:
    set_up(trial, report, ONLY_SITE, "server", calls=2)


@pytest.mark.parametrize(("before", "first"), [(OPEN, "direct"), (NO_UDP, "relay-tcp")], ids=["direct", "relay-tcp"])
def test_a_call_goes_on_through_the_server(trial: Trial, report: Report, before: Block, first: str) -> None:
    go_on(trial, report, (before, first), (ONLY_SITE, "server"), strikes=2)


def test_sound_through_the_server_under_loss(trial: Trial, lab: CallLaboratory, report: Report) -> None:
    listen(trial, lab, report, ONLY_SITE, "server")
