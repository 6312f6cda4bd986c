"""What begins as a fork is a process like any other, and nothing outlives who asked for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.forks import asked

pytestmark = [pytest.mark.slow]
TELL = """
import json, os, sys
files = sorted(os.listdir("/proc/self/fd"))
print(json.dumps([sys.argv, __name__, os.getcwd(), os.environ["TOLD"], sys.stdin.read(), files]))
print("said", file=sys.stderr)
raise SystemExit(7)
"""
WAIT = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
print(os.getpid(), flush=True)
while True:
    time.sleep(60)
"""


@contextmanager
def waiting(folder: Path, code: str = WAIT) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A program that waits for a signal; what stands for it, and its own process id."""
    script = folder / "waits.py"
    script.write_text(code)
    with subprocess.Popen(asked.command(str(script)), stdout=subprocess.PIPE, text=True) as stands:
        assert stands.stdout is not None
        yield stands, int(stands.stdout.readline())


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def test_it_has_arguments_folder_environment_and_streams_of_its_own(tmp_path: Path) -> None:
    script = tmp_path / "tells.py"
    script.write_text(TELL)
    environ = {"PATH": os.environ["PATH"], "TOLD": "as told"}
    command = asked.command(str(script), "one", "two words")
    done = subprocess.run(command, input="in", capture_output=True, text=True, cwd=tmp_path, env=environ, check=False)
    assert (done.returncode, done.stderr) == (7, "said\n")
    # 0, 1, 2, and the folder of the descriptors itself: none of the fork server's is left.
    assert json.loads(done.stdout) == [
        *([str(script), "one", "two words"], "__main__", str(tmp_path), "as told", "in", ["0", "1", "2", "3"])
    ]


def test_it_runs_the_commands_as_the_console_script_does(tmp_path: Path) -> None:
    console = [str(Path(sys.executable).with_name("zajil"))]
    for words in (["--version"], ["--home", str(tmp_path / "none"), "whoami"]):
        here, there = (
            subprocess.run([*command, *words], capture_output=True, text=True, check=False)
            for command in (console, asked.command("zajil"))
        )
        assert (here.returncode, here.stdout, here.stderr) == (there.returncode, there.stdout, there.stderr)


def test_signals_reach_it_and_its_end_is_told(tmp_path: Path) -> None:
    with waiting(tmp_path) as (stands, pid):
        assert pid != stands.pid
        stands.terminate()
        assert stands.wait(timeout=30) == 5
        assert not is_alive(pid)
    with waiting(tmp_path) as (stands, pid):
        os.kill(pid, signal.SIGKILL)
        assert stands.wait(timeout=30) == -signal.SIGKILL


def test_who_is_killed_takes_it_along(tmp_path: Path) -> None:
    with waiting(tmp_path) as (stands, pid):
        stands.kill()
        # The end of its output is its end.
        assert stands.stdout is not None
        assert stands.stdout.read() == ""
        deadline = time.monotonic() + 30
        while is_alive(pid):
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_two_forks_draw_different_numbers(tmp_path: Path) -> None:
    script = tmp_path / "draws.py"
    script.write_text("import random, secrets, uuid; print(random.random(), secrets.token_hex(), uuid.uuid4())")
    drawn = [subprocess.check_output(asked.command(str(script)), text=True).split() for _ in range(2)]
    assert len(set(drawn[0]) | set(drawn[1])) == 6


def test_an_interrupt_ends_a_program_also_where_the_run_is_in_the_background(tmp_path: Path) -> None:
    (tmp_path / "test_interrupted.py").write_text(
        "import signal, subprocess\n\n"
        "def test_interrupted():\n"
        "    with subprocess.Popen(['cat'], stdin=subprocess.PIPE) as program:\n"
        "        program.send_signal(signal.SIGINT)\n"
        "    assert program.returncode == -signal.SIGINT\n"
    )
    run = f"{sys.executable} -m pytest -q -p tests.conftest -p no:xdist -p no:cacheprovider --rootdir . ."
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env["PYTHONPATH"] = str(asked.ROOT)
    command = ["sh", "-c", f"trap '' INT; exec {run}"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
