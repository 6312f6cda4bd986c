"""The stories of vectors/session are what this code does; web/src/protocol/session replays the same files."""

from __future__ import annotations

import pytest
from tests.protocol import session_vectors


@pytest.mark.parametrize("name", session_vectors.STORIES)
def test_a_session_lives_as_its_story_says(name: str) -> None:
    text = (session_vectors.FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert text == session_vectors.render(name)


def test_every_file_is_a_story() -> None:
    assert {path.stem for path in session_vectors.FOLDER.glob("*.json")} == set(session_vectors.STORIES)


def test_the_stories_reach_every_event_and_every_refusal() -> None:
    every = "".join(session_vectors.render(name) for name in session_vectors.STORIES)
    for event in ("message", "begin", "usable", "stalled", "closed", "echoed", "rotate", "slow"):
        assert f'"event": "{event}"' in every
    for name in session_vectors.VIOLATIONS:
        story = session_vectors.violation(name).render()
        assert '"code": "protocol"' in story, name
