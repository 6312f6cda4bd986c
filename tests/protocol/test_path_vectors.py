"""vectors/path.json is what this code does; web/src/protocol/path replays the same file."""

from __future__ import annotations

import json

import pytest
from tests.protocol import path_vectors

FILE = path_vectors.FILE.read_text(encoding="utf-8")


def test_the_file_is_what_we_write() -> None:
    assert path_vectors.render() == FILE


@pytest.mark.parametrize("state", ["direct", "via", "slow", "trying", "waiting", "blocked", "server_down", "offline"])
def test_the_stories_reach_every_state(state: str) -> None:
    assert any(step[7][0] == state for story in json.loads(FILE)["stories"] for step in story["steps"])


@pytest.mark.parametrize("result", ["dialing", "works", "proved", "frozen", "failed", "stopped"])
def test_the_stories_reach_every_result(result: str) -> None:
    tries = [one for story in json.loads(FILE)["stories"] for step in story["steps"] for one in step[8].values()]
    assert any(one[0] == result for one in tries)
