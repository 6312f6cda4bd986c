"""The web client's unit tests (vitest) in three items, one worker each.

More would transform the same modules more often. Their real servers are forks, as those of the stories are.
"""

from __future__ import annotations

import hatch_build
import pytest
from tests.forks import asked

pytestmark = [pytest.mark.web, pytest.mark.slow, pytest.mark.timeout(600)]
SHARDS = 3


@pytest.mark.parametrize("shard", range(1, SHARDS + 1))
def test_vitest(shard: int) -> None:
    """Vitest finds its files by itself, and `web/build/shards.ts` deals them out by their cost: no list can miss one.

    Without its cache: shards that run at once would write it into each other. One thread computes what WebCrypto is
    asked for, as the tests wait for each answer: four would wake each other for it.
    """
    try:
        with hatch_build.one_builder_at_a_time():
            hatch_build.install_packages()
        options = (f"--shard={shard}/{SHARDS}", "--maxWorkers=1", "--cache=false")
        environ = {"ZAJIL_FORKS": asked.socket(), "UV_THREADPOOL_SIZE": "1"}
        done = hatch_build.run_npm("run", "--silent", "test", "--", *options, environment=environ)
    except hatch_build.NoNode as reason:
        pytest.skip(str(reason))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
