"""How fast the web client is in Chromium on this machine, on a slow line and on none.

Run: `make bench B=web_speed`, or .venv/bin/python bench/web_speed.py [--rounds N]. `shell_s` and `first_message_s` are
taken at a quarter of the processor and 400 kbit/s, from opening the link until the first screen, and until a first
message is written; `offline_start_s` at a second start without a server. The others are of two browsers beside one
server. Medians of the runs within one round (web/e2e/speed.bench.ts); wall time, which is what people wait for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]
# ruff: noqa: E402  # the tree has to be on the path first
import hatch_build
from bench.measure import NOISE_SHARE, Stretch, adopt, reap_adopted
from bench.record import NOISY, Subject
from bench.rounds import Entry, MissingError, Turn, WrongResultError

from bench import record, rounds

FRAMES: Final = 600


class Figure(NamedTuple):
    """Where a line of the browser's run goes. per: of its unit in one of the metric's."""

    metric: str
    per: float = 1
    field: str = "median"


FIGURES: Final = {
    "cold start to the first screen, 4x slower, 400 kbit/s": Figure("shell_s", 1000),
    "from the link to the first message written, slow line": Figure("first_message_s", 1000),
    "warm start without a server to the chat list": Figure("offline_start_s", 1000),
    "key press to the own bubble, as the test sees it": Figure("own_bubble_ms"),
    "from one browser to the other, as the test sees it": Figure("crossing_ms"),
    "switching chats": Figure("switch_ms"),
    "blank frames while scrolling 10,000 messages": Figure("blank_frames", field="blank"),
}


def take_lines(turn: Turn, lines: Iterable[str]) -> None:
    """Keep what the browser's run printed, one JSON object a line. Raises WrongResultError for a missing figure."""
    found: dict[str, dict[str, Any]] = {}  # Any: JSON
    for line in lines:
        if line.startswith("{"):
            told = json.loads(line)
            found[told["figure"]] = told
    turn.expect("figures", len(found.keys() & FIGURES.keys()), len(FIGURES))
    for name, figure in FIGURES.items():
        turn.metrics[figure.metric] = found[name][figure.field] / figure.per
    turn.expect("frames", next(told["frames"] for told in found.values() if "frames" in told), FRAMES)


def play() -> Turn:
    """One run of the browser's stories, over a bundle that is built where needed."""
    if hatch_build.is_stale():
        hatch_build.build()
    adopt()
    turn, stretch = Turn(), Stretch.begin()
    command, path = hatch_build.npm_command("run", "--silent", "speed")
    env = os.environ | {"PATH": path}
    done = subprocess.run(command, cwd=hatch_build.WEB, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise WrongResultError(f"{done.stdout[-3000:]}{done.stderr[-1000:]}")
    take_lines(turn, done.stdout.splitlines())
    reap_adopted()
    if stretch.others_share() > NOISE_SHARE:
        turn.flags.append(NOISY)
    return turn


def describe() -> Subject:
    """Raises MissingError."""
    try:
        hatch_build.find_npm()
    except hatch_build.NoNode as missing:
        raise MissingError(f"make setup ({missing})") from missing
    return Subject(name="web", version=record.read_commit()[0], settings="Chromium")


def main() -> None:
    """Prints every turn, the medians, and the goals."""
    parser = rounds.make_parser(__doc__)
    options = parser.parse_args()
    rounds.run("web_speed", [Entry("web", describe, play)], params={"slow_kbit_per_s": 400}, options=options)


if __name__ == "__main__":
    main()
