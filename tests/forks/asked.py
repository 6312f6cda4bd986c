"""This run's fork server, begun when somebody first asks for it, and the command lines that ask it for programs."""

from __future__ import annotations

import atexit
import shlex
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAUNCH = Path(__file__).with_name("launch.py")


@cache
def socket() -> str:
    """Where it listens. It ends with this process, however that ends: its stdin does."""
    folder = tempfile.TemporaryDirectory(prefix="zajil-forks-")
    place = str(Path(folder.name, "socket"))
    command = [sys.executable, "-m", "tests.forks.server", place]
    running = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def end() -> None:
        running.communicate()
        folder.cleanup()

    atexit.register(end)
    assert running.stdout is not None
    if running.stdout.readline() != b"ready\n":
        raise RuntimeError("the fork server ended before it was ready; what it said stands above")
    return place


def command(program: str, *words: str) -> list[str]:
    """The command line of a program: `zajil`, or the path of a script."""
    return [sys.executable, "-I", "-S", str(LAUNCH), socket(), program, *words]


def tools(folder: Path) -> Path:
    """A folder for PATH in which stands a `zajil` for shells: the one of this environment, begun as a fork."""
    folder.mkdir(parents=True)
    program = folder / "zajil"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(command("zajil"))} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    return folder
