"""What a process of the server does before it takes work."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator

import pytest

from zajil.server.main import GARBAGE_AT, SWITCH_S, settle_process


@pytest.fixture
def _as_before() -> Iterator[None]:
    switch_s, thresholds = sys.getswitchinterval(), gc.get_threshold()
    yield
    sys.setswitchinterval(switch_s)
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.mark.usefixtures("_as_before")
def test_garbage_is_looked_for_rarely_and_never_among_what_was_loaded() -> None:
    settle_process()
    assert gc.get_threshold() == GARBAGE_AT
    assert gc.get_freeze_count() > 10_000
    assert gc.isenabled()
    assert sys.getswitchinterval() == pytest.approx(SWITCH_S)
