"""Before the workers of a run begin: pytest's rewriting of asserts, once for all of them.

pytest keeps what it rewrote beside each test file, but the workers of one run begin at once, and in a fresh checkout
each would rewrite every file by itself: 18 seconds of the processor a worker.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from _pytest.assertion import rewrite
from _pytest.assertion.rewrite import assertstate_key

TESTS: Final = Path(__file__).resolve().parent


def pyc_of(file: Path) -> Path:
    """Where pytest keeps what it made of a file."""
    return rewrite.get_cache_dir(file) / f"{file.stem}{rewrite.PYC_TAIL}"


def find_stale(folder: Path) -> list[Path]:
    """The files that pytest rewrites and has not since they changed, largest first."""

    def is_stale(file: Path) -> bool:
        pyc = pyc_of(file)
        return not pyc.exists() or pyc.stat().st_mtime < file.stat().st_mtime

    files = [file for name in ("test_*.py", "conftest.py") for file in folder.rglob(name) if is_stale(file)]
    return sorted(files, key=lambda file: -file.stat().st_size)


def rewrite_files(config: pytest.Config, files: Sequence[Path]) -> None:
    """As pytest does when it imports them; what it cannot read it says itself, when it comes to it."""
    for file in files:
        if not rewrite.try_makedirs(rewrite.get_cache_dir(file)):
            return
        try:
            source_hash, code = rewrite._rewrite_test(file, config)
        except (SyntaxError, UnicodeDecodeError):
            continue
        rewrite._write_pyc(config.stash[assertstate_key], code, source_hash, pyc_of(file))


def rewrite_once(config: pytest.Config, folder: Path = TESTS) -> None:
    """In the process that starts the workers, on all processors."""
    is_controller = getattr(config.option, "dist", "no") != "no" and not hasattr(config, "workerinput")
    if not is_controller or sys.dont_write_bytecode or config.option.assertmode != "rewrite":
        return
    stale = find_stale(folder)
    processes = min(os.cpu_count() or 1, len(stale))
    if processes < 2 or "fork" not in multiprocessing.get_all_start_methods():
        return  # the workers do it
    fork = multiprocessing.get_context("fork")  # the configuration of a run goes through no pipe
    running = [fork.Process(target=rewrite_files, args=(config, stale[at::processes])) for at in range(processes)]
    for process in running:
        process.start()
    for process in running:
        process.join()
