"""`make bench`: every benchmark that compares with goals, one after the other; `make bench B=fanout N=7` runs one.

What comes after the name is passed on to it. A peer that is missing prints how it is installed and is no error; a
benchmark whose counts do not come even ends with 1, and so does this, after the others have run. All together end
within `--budget` minutes (45): each has its share, beginning no round that would end after it, and leaves to those
behind it what it did not need; one round of each is run in any case. How long each took is told, minutes and seconds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

BENCH: Final = Path(__file__).resolve().parent
BUDGET_MIN: Final = 45.0
ALL: Final = {
    "relay_durable": 6,
    "relay_ephemeral": 4,
    "latency": 4,
    "fanout": 6,
    "idle_memory": 4,
    "offline": 4,
    "reconnect": 4,
    "cold_start": 1,
    "media_relay": 1,
    "mls": 3,
    "attachments": 1,
    "growth": 5,
    "scaling": 3,
    "moderation_stages": 1,
    "moderation_latency": 2,
    "web_speed": 2,
}
"""Those that take rounds and write a result, in the order in which they run, each with its share of the time."""


def main() -> None:
    """Runs the benchmark of the first argument, or all. Raises SystemExit 1 where one of them failed."""
    if sys.argv[1:] and not sys.argv[1].startswith("-"):
        failed = run_each([sys.argv[1]], sys.argv[2:])
    else:
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument("--budget", type=float, default=BUDGET_MIN)
        options, rest = parser.parse_known_args()
        failed = run_each(list(ALL), rest, budget_min=options.budget)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def run_each(names: list[str], rest: list[str], *, budget_min: float | None = None) -> list[str]:
    """Run these with further arguments; those that failed. budget_min: minutes for all; None for no end."""
    began = time.monotonic()
    failed, took = [], dict[str, float]()
    for at, name in enumerate(names):
        path = BENCH / f"{name}.py"
        if not path.exists():
            raise SystemExit(f"no benchmark {name}; there are: {', '.join(ALL)}")
        share: list[str] = []
        if budget_min is not None:
            left_min = budget_min - (time.monotonic() - began) / 60
            share = ["--minutes", f"{find_share(names[at:], left_min):.2f}"]
        print(f"\n== {name}", flush=True)
        start = time.monotonic()
        if subprocess.run([sys.executable, str(path), *share, *rest], check=False).returncode:
            failed.append(name)
        took[name] = time.monotonic() - start
        print(f"{name}: {clock(took[name])}", flush=True)
    if len(took) > 1:
        longest = sorted(took, key=lambda name: -took[name])
        print(f"all: {clock(sum(took.values()))}; " + ", ".join(f"{name} {clock(took[name])}" for name in longest))
    return failed


def find_share(names: list[str], left_min: float) -> float:
    """Minutes of the first of those that are still to run; a hundredth of one where nothing is left."""
    return max(0.01, left_min * ALL[names[0]] / sum(ALL[name] for name in names))


def clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


if __name__ == "__main__":
    main()
