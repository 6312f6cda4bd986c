"""The first minutes of a new person: `zajil run`, the commands it prints, Echo's answers, and `zajil demo`."""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zajil.cli.texts import echo as echo_words

pytestmark = [pytest.mark.flows, pytest.mark.slow]

ZAJIL = [sys.executable, "-m", "zajil.cli.main"]
START_S = 60.0


def environ(home: Path) -> dict[str, str]:
    return {**os.environ, "ZAJIL_HOME": str(home), "ZAJIL_LANG": "en", "PYTHONUNBUFFERED": "1"}


class Residence:
    """`zajil run` in a process of its own, and what it printed until it was ready."""

    def __init__(self, data: Path, home: Path) -> None:
        command = [*ZAJIL, "run", "--data", str(data), "--port", "0"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ(home))
        self.printed = self._read_until("Ctrl-C stops everything")

    def _read_until(self, end: str) -> list[str]:
        output = self.process.stdout
        assert output is not None
        lines: list[str] = []
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if select.select([output], [], [], 0.2)[0]:
                lines.append(output.readline())
                assert lines[-1], f"zajil run ended: {lines}"
                if lines[-1].startswith(end):
                    return lines
        raise AssertionError(f"zajil run is not ready: {lines}")

    def commands(self) -> list[list[str]]:
        """The lines to paste, as a shell splits them; the program's name is replaced by this interpreter's."""
        pasted = [shlex.split(line) for line in self.printed if line.startswith("  ") and " " in line.strip()]
        verbs = ("register", "add", "send", "read")
        return [[*ZAJIL, *words[words.index(verb) :]] for words in pasted for verb in verbs if verb in words[:4]]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=40)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def paste(command: list[str], home: Path) -> str:
    run = subprocess.run(command, capture_output=True, text=True, env=environ(home), check=False, timeout=60)
    assert run.returncode == 0, (command, run.stdout, run.stderr)
    return run.stdout


def echoes(home: Path, count: int) -> list[str]:
    """Echo's answers, once there are so many: what `read --follow` shows, live."""
    command = [*ZAJIL, "read", "Echo", "--follow", "--json"]
    follow = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ(home))
    found: dict[str, str] = {}
    try:
        assert follow.stdout is not None
        deadline = time.monotonic() + START_S
        while len(found) < count and time.monotonic() < deadline:
            if select.select([follow.stdout], [], [], 0.2)[0]:
                line = follow.stdout.readline()
                assert line, "read --follow ended"
                message = json.loads(line)
                if message["sender"] == "Echo":
                    found[message["id"]] = message["text"]
    finally:
        follow.send_signal(signal.SIGINT)
        follow.wait(timeout=20)
        if follow.stdout is not None:
            follow.stdout.close()
    assert len(found) == count
    return list(found.values())


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "data", tmp_path / "home"


def test_what_zajil_run_prints_works_when_pasted_and_echo_answers(folders: tuple[Path, Path]) -> None:
    data, home = folders
    residence = Residence(data, home)
    try:
        register, add, send, read = residence.commands()
        assert "--invite" in register
        for command in (register, add, send):
            paste(command, home)
        assert read[-3:] == ["read", "Echo", "--follow"]
        (answer,) = echoes(home, 1)
        assert answer.startswith(echo_words.WELCOME.en)
        assert answer.endswith("Hello!")
        paste([*ZAJIL, "send", "Echo", "А по-русски?"], home)
        assert echoes(home, 2)[1].endswith("А по-русски?")
    finally:
        code = residence.stop()
    assert code == 0
    again = Residence(data, home)
    try:
        (account,) = [json.loads(paste([*ZAJIL, "contacts", "--json"], home))[0]["name"]]
        assert account == "Echo"
        paste([*ZAJIL, "whoami"], home)
    finally:
        code = again.stop(signal.SIGINT)
    assert code == 0


def test_a_busy_port_is_said_clearly(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [*ZAJIL, "run", "--data", str(tmp_path / "data"), "--port", port]
        run = subprocess.run(command, capture_output=True, text=True, env=environ(tmp_path), check=False, timeout=60)
    assert run.returncode == 1
    assert run.stderr.startswith(f"error: port-busy: Another program already uses port {port}.")
    assert "hint: " in run.stderr


def test_the_demo_holds_and_leaves_nothing_behind(tmp_path: Path) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    settings = {**environ(tmp_path / "home"), "TMPDIR": str(scratch), "ZAJIL_LANG": "ru"}
    run = subprocess.run(
        [*ZAJIL, "demo", "--fast"], capture_output=True, text=True, env=settings, check=False, timeout=120
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "✗" not in run.stdout
    assert run.stdout.count("✓") >= 15
    assert "\x1b" not in run.stdout
    assert "السلام عليكم" in run.stdout
    assert list(scratch.iterdir()) == []
    assert not (tmp_path / "home").exists()
