"""Scripts that measure with means of their own: what is taken from a browser's run, a few posts judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.rounds import Turn, WrongResultError

from bench import moderation_stages, web_speed

ROOT = Path(__file__).resolve().parents[2]


def told() -> list[str]:
    """What the browser's run prints, with 1,000 for every median."""
    lines = [{"figure": name, "runs": 5, "median": 1000, "p95": 2000, "aim": 3000} for name in web_speed.FIGURES]
    lines[-1] = {"figure": list(web_speed.FIGURES)[-1], "frames": 600, "blank": 2, "longest_frame_ms": 30, "aim": 0}
    return ["", "Running 3 tests using 1 worker", *map(json.dumps, lines), "  3 passed (1.2m)"]


def test_lines_of_the_browser_become_metrics() -> None:
    turn = Turn()
    web_speed.take_lines(turn, told())
    assert turn.checks == {"figures": 7, "frames": 600}
    seconds = dict.fromkeys(("shell_s", "first_message_s", "offline_start_s"), 1)
    assert turn.metrics == seconds | {"own_bubble_ms": 1000, "crossing_ms": 1000, "switch_ms": 1000, "blank_frames": 2}
    with pytest.raises(WrongResultError, match="figures: 6 instead of 7"):
        web_speed.take_lines(Turn(), told()[:-2])


def test_every_figure_of_the_browser_is_one_that_its_stories_print() -> None:
    stories = (ROOT / "web/e2e/speed.bench.ts").read_text(encoding="utf-8")
    assert [name for name in web_speed.FIGURES if f'"{name}"' not in stories] == []


def test_posts_are_judged_to_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moderation_stages, "POSTS", 40)
    monkeypatch.setattr(moderation_stages, "ROUNDS", 1)
    turn = moderation_stages.play("made")
    assert turn.checks == {"judged": 40}
    assert turn.metrics["posts_per_s_per_core"] > 0
