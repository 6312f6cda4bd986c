"""The tour in the README works when pasted, from its first line to its last."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.forks import asked

ROOT = Path(__file__).resolve().parent.parent.parent
PASTED_S = 120
TOUR = re.compile(r"```sh tour\n(.*?)```", re.DOTALL)
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")

pytestmark = [pytest.mark.flows, pytest.mark.slow]


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """An empty home folder, and this environment's `zajil` where the tour expects it."""
    asked.tools(tmp_path / "project" / ".venv" / "bin")
    return {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "TMPDIR": str(tmp_path)}


@pytest.fixture
def address(tmp_path: Path, surroundings: dict[str, str]) -> Iterator[str]:
    """What `make run` starts, on a free port."""
    command = [str(Path(sys.executable).parent / "zajil"), "run", "--port", "0"]
    with subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            found = ADDRESS.search(line)
            if found and "--invite" in line:
                yield found[0]
                break
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=30) == 0


@pytest.mark.timeout(PASTED_S + 60)
def test_the_tour_works_when_pasted(tmp_path: Path, surroundings: dict[str, str], address: str) -> None:
    tour = TOUR.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert tour
    script = "set -euo pipefail\n" + tour[1].replace("http://127.0.0.1:8440", address)
    pasted = subprocess.run(
        ["bash", "-c", script],
        env=surroundings,
        cwd=tmp_path / "project",
        capture_output=True,
        text=True,
        timeout=PASTED_S,
    )
    assert pasted.returncode == 0, pasted.stderr
    for said in ("Привет, Амина!", "أهلاً بوريس", "Friday at dawn?", "grp"):
        assert said in pasted.stdout
    digits = re.findall(r"(?:\d{5}\s+){12}", pasted.stdout.replace("\n", " "))
    assert len(digits) == 2
    assert digits[0].split() == digits[1].split()
