"""Strangers, on a command line and against a real server: a request accepted, another blocked, a link used up."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.flows.server import ServerProcess
from tests.forks import asked

pytestmark = [pytest.mark.flows, pytest.mark.slow]


class Terminal:
    """One person's command line."""

    def __init__(self, server: ServerProcess, home: Path, name: str) -> None:
        self.home, self.name = home, name
        self.run("register", "--server", server.url, "--name", name, "--invite", server.invite())

    def run(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            asked.command("zajil", "--home", str(self.home), *words),
            capture_output=True,
            text=True,
            env={**os.environ, "ZAJIL_LANG": "en"},
            check=False,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def told(self, *words: str) -> Any:  # JSON of many shapes
        return json.loads(self.run(*words, "--json"))


def test_a_request_is_accepted_another_blocked_and_a_link_used_up(server: ServerProcess, tmp_path: Path) -> None:
    ann, bob, eve = (Terminal(server, tmp_path / name, name) for name in ("Ann", "Bob", "Eve"))
    assert "@ann_5" in ann.run("username", "set", "Ann_5")
    assert ann.told("username", "show") == {"username": "ann_5"}
    assert "taken" in eve.run("username", "set", "ann_5", code=1)

    bob.run("add", "@ann_5", "--text", "Bob from the library")
    eve.run("add", "@ANN_5", "--text", "buy https://evil.example now")
    waiting = ann.told("requests")
    by_name = {one["name"]: one for one in waiting}
    assert by_name["Bob"]["text"] == "Bob from the library"
    assert "Bob from the library" in ann.run("requests")
    assert ann.told("contacts") == []

    ann.run("requests", "accept", by_name["Bob"]["id"])
    ann.run("requests", "block", "Eve")
    bob.run("sync")
    ann.run("send", "Bob", "hello Bob")
    assert "hello Bob" in bob.run("read", "Ann")
    eve.run("sync")
    assert "not-introduced" in eve.run("send", "ann_5", "answer me", code=1)
    assert ann.told("requests") == []
    assert {one["name"]: one["blocked"] for one in ann.told("contacts")} == {"Bob": False, "Eve": True}
    assert "unknown-chat" in ann.run("send", "Eve", "no", code=1)
    ann.run("block", "Bob")
    assert "You blocked this person" in ann.run("send", "Bob", "no", code=1)
    ann.run("unblock", "Bob")

    once = ann.run("contact-link", "--once", "--expires", "7d").strip()
    carl, dora = (Terminal(server, tmp_path / name, name) for name in ("Carl", "Dora"))
    carl.run("add", once)
    assert "not" in dora.run("add", once, code=1)
    many = ann.run("contact-link").strip()
    held = ann.told("contact-link", "list")[0]
    assert held["uses_left"] == 20
    ann.run("contact-link", "revoke", held["id"][:8])
    dora.run("add", many, code=1)
    assert ann.told("contact-link", "list") == []
    ann.run("unblock", "Eve")
    assert ann.told("username", "release") == {"username": None}
    assert ann.run("contact-link", "--expires", "soon", code=2)
