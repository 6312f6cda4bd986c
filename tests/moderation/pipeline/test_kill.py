"""SIGKILL of a real worker before and after each COMMIT: no post is skipped, nothing is decided twice."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.moderation.pipeline.square import BENIGN, FRAUD, Square

from zajil.server.moderation.proof import verify_stored

# Each of its own kind, so that no two are copies.
HARMLESS = [
    BENIGN,
    "My neighbour grows roses",
    "Rain again, and the ferry is late",
    "Who has found a grey glove near the school?",
    "The choir meets in the cellar of the town hall from now on",
    "New bread every morning at six, says the baker in the yard",
    "Thanks to all who helped us carry the piano",
    "They paint the tower blue",
]
HARMFUL = [
    FRAUD,
    "A cousin of mine found guaranteed profit in pearl farming and shares the shore with few: @pearl_bay_two",
    "Tickets for the circle of guaranteed profit are drawn on Sunday, reserve yours now with @circle_three",
]
ROOT = Path(__file__).resolve().parents[3]


class Later:
    """The system's clock, moved on: a lease of the killed worker is over."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


@pytest.mark.moderation
@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.parametrize(("point", "decided"), [("claimed", 0), ("storing", 0), ("stored", 3)])
async def test_a_killed_worker_loses_no_post_and_decides_nothing_twice(
    tmp_path: Path, template: Path | None, point: str, decided: int
) -> None:
    clock = Later()
    square = Square(tmp_path / "data", clock, template=template)
    harmless = await square.crowd(HARMLESS)
    harmful = await square.crowd(HARMFUL)
    victim = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.moderation.pipeline.victim", str(square.data), point],
        cwd=ROOT,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert victim.returncode == -signal.SIGKILL, victim.stderr.decode()
    # All of a batch or nothing of it.
    for table in ("mod_decision", "pub_applied"):
        assert square.rows(f"SELECT count(*) > 0, (SELECT count(*) FROM mod_decision) FROM {table}") == [
            (int(decided > 0), decided)
        ]
    assert square.rows("SELECT count(*) FROM pub_outbox") == [(0 if decided else 11,)]
    clock.ahead_s = 31
    await square.start()
    await square.work()
    await square.worker.keep_up()
    assert [square.state(post) for post in harmless] == ["visible"] * len(HARMLESS)
    assert [square.state(post) for post in harmful] == ["held"] * 3
    assert square.rows("SELECT count(*) FROM pub_outbox") == [(0,)]
    assert square.rows("SELECT count(*) FROM mod_verdict") == [(11,)]
    assert square.rows("SELECT count(*) FROM mod_decision") == [(3,)]
    assert square.rows("SELECT count(*), count(DISTINCT target) FROM mod_decision") == [(3, 3)]
    assert square.rows("SELECT sum(posts) FROM mod_tally") == [(11,)]
    assert square.rows("SELECT count(*) FROM mod_handover") == [(0,)]
    report = verify_stored(square.data)
    assert (report.size, report.decisions) == (3, 3)
    await square.close()
