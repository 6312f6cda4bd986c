"""Fuzzing led by coverage: `make fuzz S=30 T="mls"`, each target in a process of its own, by Atheris (libFuzzer).

Inputs that reach something new stay in `build/fuzz/<target>`, from which the next run goes on. What crashes, runs out
of memory or takes over a second is put there too, under libFuzzer's names, and the run fails. Atheris has wheels for
Linux on x86-64 alone; elsewhere the edits of tests/fuzz/test_fuzz.py go on for as long.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import itertools
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build" / "fuzz"
INPUT_BYTES = 16_384
MEMORY_MIB = 1024
AT_ONCE = max(1, (os.cpu_count() or 1) - 1)


def main() -> int:
    parser = argparse.ArgumentParser(description="fuzz the parsers of network bytes")
    parser.add_argument("--seconds", type=int, default=30, help="for each target")
    parser.add_argument("--only", default="", help="targets with this in their name")
    parser.add_argument("--target", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.target is not None:
        fuzz(options.target, options.seconds)
    from tests.fuzz.table import TARGETS

    names = [name for name in TARGETS if options.only in name]
    print(f"{len(names)} targets, {options.seconds} s each, {AT_ONCE} at once")
    failed = [name for group in _divided(names) for name in _run(group, options.seconds)]
    print(f"{len(failed)} failed: {', '.join(failed)}" if failed else "none failed")
    return len(failed) > 0


def _divided(names: list[str]) -> list[list[str]]:
    return [names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE)]


def _run(names: list[str], seconds: int) -> list[str]:
    """Those of them that failed, after their last lines were printed."""
    command = [sys.executable, "-m", "tests.fuzz", "--seconds", str(seconds), "--target"]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    running = {
        name: subprocess.Popen(
            [*command, name], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for name in names
    }
    failed = []
    for name, process in running.items():
        said, _ = process.communicate()
        tail = said.strip().splitlines()
        print(f"{name}: {_count(tail)}", flush=True)
        if process.returncode:
            print("\n".join(tail[-30:]), flush=True)
            failed.append(name)
    return failed


def _count(lines: list[str]) -> str:
    """How many inputs were tried, as the process says at its end."""
    told = (line for line in lines if "executed_units" in line or line.endswith("without coverage"))
    return next(told, "it said nothing").rpartition("units:")[2].strip()


def fuzz(name: str, seconds: int) -> None:
    """One target in this process, which ends with it."""
    if importlib.util.find_spec("atheris") is None:
        _edit(name, seconds)
    atheris: ModuleType = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["zajil"], enable_loader_override=False):
        from tests.fuzz.table import TARGETS
    target = TARGETS[name]
    kept = KEPT / name.replace(" ", "-").replace("/", "-").replace(":", "").replace("'", "")
    kept.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        (kept / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)

    def take(data: bytes) -> None:
        _take(target, data)

    atheris.Setup(
        [
            *(sys.argv[0], str(kept), f"-artifact_prefix={kept}/", f"-max_total_time={seconds}"),
            *(f"-max_len={INPUT_BYTES}", "-timeout=1", f"-rss_limit_mb={MEMORY_MIB}", "-verbosity=0"),
            *("-print_final_stats=1", "-seed=1"),
        ],
        take,
    )
    atheris.Fuzz()  # ends the process
    raise SystemExit(0)


def _edit(name: str, seconds: int) -> None:
    from tests.fuzz.editing import edits
    from tests.fuzz.table import TARGETS

    target, until, done = TARGETS[name], time.monotonic() + seconds, 0
    for seed in itertools.count():
        for data in edits(target.seeds, seed=seed, count=100):
            _take(target, data)
        done += 100
        if time.monotonic() > until:
            print(f"{done} edits, without coverage")
            raise SystemExit(0)


def _take(target: Target, data: bytes) -> None:
    try:
        target.parse(data)
    except target.refused:
        return


if __name__ == "__main__":
    sys.exit(main())
