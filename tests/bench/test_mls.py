"""A small run of each library of MLS that is measured, in both suites where it has both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pytest
from bench.rounds import MissingError, Turn

from bench import mls

SIZES = (2, 4)
PLAYS: dict[str, Callable[[Sequence[int]], Turn]] = {
    "zajil.mls": mls.play_ours,
    "mls-rs": mls.play_mls_rs,
    "ts-mls": partial(mls.play_ts_mls, raw=True),
    "web": partial(mls.play_ts_mls, raw=False),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAYS)
def test_every_step_is_measured_and_everybody_agrees(name: str) -> None:
    try:
        if name == "mls-rs":
            mls.describe_mls_rs()
        elif name != "zajil.mls":
            mls.describe_ts_mls(name, "")
    except MissingError as missing:
        pytest.skip(f"a peer of the benchmarks is not here: {missing}")
    turn = PLAYS[name](SIZES)
    prefixes = ("",) if name == "mls-rs" else ("", "xwing_")
    assert turn.checks == {"opened": mls.MESSAGES, **{f"{p}agree_{n}": 1 for p in prefixes for n in SIZES}}
    for prefix in prefixes:
        steps = [turn.metrics[f"{prefix}{step}_4_ms"] for step in ("bulk_add", "join", "update", "process")]
        assert min(steps) > 0
        assert turn.metrics[f"{prefix}all_4_ms"] == sum(steps)
    assert turn.metrics["encrypt_200_ms"] > 0 < turn.metrics["decrypt_200_ms"]
