"""The web client's unit tests (vitest), as one item: `make test` covers both languages."""

from __future__ import annotations

import hatch_build
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_vitest() -> None:
    try:
        with hatch_build.one_builder_at_a_time():
            hatch_build.install_packages()
        done = hatch_build.run_npm("run", "--silent", "test")
    except hatch_build.NoNode as reason:
        pytest.skip(str(reason))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
