"""`bench/group_size.py` works: its figures are of a real group, however small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench" / "group_size.py"


@pytest.mark.slow
def test_the_bench_of_group_sizes_prints_figures_of_both_suites() -> None:
    sizes = ["--members", "6", "--xwing", "5", "--listeners", "2", "--messages", "1"]
    done = subprocess.run([sys.executable, str(BENCH), *sizes], check=True, capture_output=True, text=True, timeout=120)
    _, _, titles, *lines = done.stdout.splitlines()
    assert titles.split() == ["6", "in", "0x0001", "5", "in", "0x0053", "ratio"]
    figures = {line[:52].strip(): [float(each) for each in line[52:].split()] for line in lines}
    assert figures["commits for that"] == [1.0, 1.0, 1.0]
    assert all(value > 0 for values in figures.values() for value in values[:2])
    commit, better = figures["removing one: commit (KiB)"][:2]
    assert commit < better, "an X-Wing path is larger than one of X25519"
