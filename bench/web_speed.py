"""How fast the web client is, in Chromium on this machine: one JSON line per figure, beside what it aims at.

Run: .venv/bin/python bench/web_speed.py. Figures are of this run on this machine; none passes or fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import hatch_build


def main() -> int:
    """Build where needed, run the measurements, print their lines."""
    if hatch_build.is_stale():
        hatch_build.build()
    command, path = hatch_build.npm_command("run", "--silent", "speed")
    env = os.environ | {"PATH": path}
    done = subprocess.run(command, cwd=hatch_build.WEB, env=env, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            sys.stdout.write(line + "\n")
    if done.returncode != 0:
        sys.stderr.write(done.stdout[-3000:] + done.stderr[-1000:])
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
