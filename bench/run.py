"""`make bench`: every benchmark that compares with goals, one after the other; `make bench B=fanout N=7` runs one.

What comes after the name is passed on to it. A peer that is missing prints how it is installed and is no error; a
benchmark whose counts do not come even ends with 1, and so does this, after the others have run. How long each took
is told, minutes and seconds.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

ALL: Final = (
    *("relay_durable", "relay_ephemeral", "latency", "fanout", "idle_memory"),
    *("offline", "reconnect", "cold_start", "media_relay", "mls", "attachments", "growth", "scaling"),
    *("moderation_stages", "moderation_latency", "web_speed"),
)
"""Those that take rounds and write a result, in the order in which they run."""


def main() -> None:
    """Runs the benchmark of the first argument, or all. Raises SystemExit 1 where one of them failed."""
    folder = Path(__file__).resolve().parent
    name, rest = (sys.argv[1], sys.argv[2:]) if sys.argv[1:] and not sys.argv[1].startswith("-") else ("", sys.argv[1:])
    names = (name,) if name else ALL
    failed, took = [], {}
    for each in names:
        path = folder / f"{each}.py"
        if not path.exists():
            raise SystemExit(f"no benchmark {each}; there are: {', '.join(ALL)}")
        if not name:
            print(f"\n== {each}", flush=True)
        began = time.monotonic()
        if subprocess.run([sys.executable, str(path), *rest], check=False).returncode:
            failed.append(each)
        took[each] = time.monotonic() - began
        print(f"{each}: {_clock(took[each])}", flush=True)
    if len(took) > 1:
        longest = sorted(took, key=lambda each: -took[each])
        print(f"all: {_clock(sum(took.values()))}; " + ", ".join(f"{each} {_clock(took[each])}" for each in longest))
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


if __name__ == "__main__":
    main()
