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
from pathlib import Path

import pytest
from tests.flows.lines import LineProcess
from tests.forks import asked

from zajil.cli.texts import echo as echo_words
from zajil.protocol.identity.links import parse_contact_link

pytestmark = [pytest.mark.flows, pytest.mark.slow]

ZAJIL = [sys.executable, "-m", "zajil.cli.main"]
"""What runs for long. The commands that are pasted begin as forks."""
READY = "Ctrl-C stops everything"


def environ(home: Path) -> dict[str, str]:
    return {**os.environ, "ZAJIL_HOME": str(home), "ZAJIL_LANG": "en", "ZAJIL_WEB": "skip", "PYTHONUNBUFFERED": "1"}


def residence(data: Path, home: Path) -> LineProcess:
    """`zajil run` in a process of its own."""
    return LineProcess([*ZAJIL, "run", "--data", str(data), "--port", "0"], environ(home))


def commands(printed: list[str]) -> list[list[str]]:
    """The lines to paste, as a shell splits them; the program's name is replaced by this environment's."""
    pasted = [shlex.split(line) for line in printed if line.startswith("  ") and " " in line.strip()]
    verbs = ("register", "add", "send", "read")
    return [
        [*asked.command("zajil"), *words[words.index(verb) :]]
        for words in pasted
        for verb in verbs
        if verb in words[:4]
    ]


def paste(command: list[str], home: Path) -> str:
    run = subprocess.run(command, capture_output=True, text=True, env=environ(home), check=False, timeout=60)
    assert run.returncode == 0, (command, run.stdout, run.stderr)
    return run.stdout


def echoes(home: Path, count: int) -> list[str]:
    """Echo's answers, once there are so many: what `read --follow` shows, live; Ctrl-C ends it with 0."""
    found: dict[str, str] = {}
    with LineProcess(asked.command("zajil", "read", "Echo", "--follow", "--json"), environ(home)) as follow:
        while len(found) < count:
            line = follow.next_line()
            assert line, "read --follow ended"
            message = json.loads(line)
            if message["sender"] == "Echo":
                found[message["id"]] = message["text"]
        assert follow.stop(signal.SIGINT) == 0
    return list(found.values())


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "data", tmp_path / "home"


def test_what_zajil_run_prints_works_when_pasted_and_echo_answers(folders: tuple[Path, Path]) -> None:
    data, home = folders
    with residence(data, home) as running:
        register, add, send, read = commands(running.read_until(READY))
        assert "--invite" in register
        for command in (register, add, send):
            paste(command, home)
        assert read[-3:] == ["read", "Echo", "--follow"]
        (answer,) = echoes(home, 1)
        assert answer.startswith(echo_words.WELCOME.en)
        assert answer.endswith("Hello!")
        paste(asked.command("zajil", "send", "Echo", "А по-русски?"), home)
        assert echoes(home, 2)[1].endswith("А по-русски?")
        assert running.stop(signal.SIGTERM) == 0
    with residence(data, home) as again:
        again.read_until(READY)
        contacts = json.loads(paste(asked.command("zajil", "contacts", "--json"), home))
        assert [contact["name"] for contact in contacts] == ["Echo"], "the same Echo, at another address"
        assert again.stop(signal.SIGINT) == 0


def test_the_printed_link_registers_a_guest_who_has_echo_to_talk_to(folders: tuple[Path, Path]) -> None:
    data, home = folders
    with residence(data, home) as running:
        printed = running.read_until(READY)
        (link,) = [line.strip() for line in printed if line.startswith("  http") and "/i#" in line]
        invite = parse_contact_link(link)
        assert (invite.name, invite.server_name) == ("Echo", "localhost")
        assert not any("█" in line for line in printed), "a phone that scans an address of this machine calls itself"
        code = invite.code or ""
        paste(asked.command("zajil", "register", "--server", invite.front, "--name", "Guest", "--invite", code), home)
        paste(asked.command("zajil", "add", link), home)
        contacts = json.loads(paste(asked.command("zajil", "contacts", "--json"), home))
        assert [contact["name"] for contact in contacts] == ["Echo"]
        assert running.stop(signal.SIGTERM) == 0


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_server_and_echo_end_with_a_supervisor_that_was_killed(folders: tuple[Path, Path]) -> None:
    data, home = folders
    with residence(data, home) as running:
        running.read_until(READY)
        ends = [os.pidfd_open(child) for child in children_of(running.process.pid)]
        assert len(ends) == 2
        running.process.kill()
        for end in ends:
            assert select.select([end], [], [], 30)[0], "a child outlives its supervisor"
            os.close(end)


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
