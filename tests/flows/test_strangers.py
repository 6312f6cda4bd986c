"""Strangers, on a command line and against a real server: a request accepted, another blocked, a link used up."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.flows.server import ServerProcess
from tests.forks import asked

from zajil.server.admin import release_name, reserve_name

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
    assert "username" in eve.run("username", "set", "ann_5", code=1)
    assert reserve_name(server.data, "support")
    assert "taken" in eve.run("username", "set", "Support", code=1), "the operator keeps it back"
    assert release_name(server.data, "support")
    assert "@support" in eve.run("username", "set", "Support")

    bob.run("add", "@ann_5", "--text", "Bob from the library")
    again = bob.run("add", "@ann_5")
    assert "asked ann_5 before" in again
    assert len(bob.told("read", "ann_5")) == 1, "nothing is said twice"
    assert "has not answered your request" in bob.run("chats")
    kept = bob.told("send", "ann_5", "I have the book")
    assert kept["state"] == "queued"
    assert "goes out once ann_5 accepts" in bob.run("send", "ann_5", "and the other one")
    assert "goes out once ann_5 accepts" in bob.run("add", "@ann_5", "--text", "really")
    eve.run("add", "@ANN_5", "--text", "buy https://evil.example now")
    assert "asks to write to you" in ann.run("sync")
    assert ann.run("sync") == "Up to date.\n", "said once"
    waiting = ann.told("requests")
    by_name = {one["name"]: one for one in waiting}
    assert by_name["Bob"]["text"] == "Bob from the library"
    assert "Bob from the library" in ann.run("requests")
    assert ann.told("contacts") == []

    ann.run("requests", "accept", by_name["Bob"]["id"])
    ann.run("requests", "block", "Eve")
    bob.run("sync")
    ann.run("sync")
    told = ["Bob from the library", "I have the book", "and the other one", "really"]
    assert [one["text"] for one in ann.told("read", "Bob")] == told
    assert "Ann is in your contacts already" in bob.run("add", "@ann_5")
    assert "Ann is in your contacts already" in bob.run("add", ann.run("contact-link", "--ask").strip())
    assert len(bob.told("read", "Ann")) == len(told)
    ann.run("send", "Bob", "hello Bob")
    assert "hello Bob" in bob.run("read", "Ann")
    eve.run("sync")
    assert "goes out once ann_5 accepts" in eve.run("send", "ann_5", "answer me"), "being blocked does not show"
    assert ann.told("requests") == []
    assert {one["name"]: one["blocked"] for one in ann.told("contacts")} == {"Bob": False, "Eve": True}
    assert "unknown-chat" in ann.run("send", "Eve", "no", code=1)
    ann.run("block", "Bob")
    assert "You blocked this person" in ann.run("send", "Bob", "no", code=1)
    ann.run("unblock", "Bob")

    once = ann.run("contact-link", "--once", "--expires", "7d").strip()
    carl, dora = (Terminal(server, tmp_path / name, name) for name in ("Carl", "Dora"))
    carl.run("add", once)
    over = dora.run("add", once, code=1)
    assert "lets nobody in any more" in over
    assert "ask whoever gave it to you" in over
    assert "Either --once or --uses" in ann.run("contact-link", "--once", "--uses", "3", code=2)
    many = ann.run("contact-link").strip()
    held = ann.told("contact-link", "list")[0]
    assert held["uses_left"] == 20
    listed = ann.run("contact-link", "list")
    assert re.search(r"people left: 20  until \d{4}-\d\d-\d\d \d\d:\d\d$", listed.strip())
    assert "There is no such link" in ann.run("contact-link", "revoke", "xxxxxxxx", code=1)
    ann.run("contact-link", "revoke", listed.split()[0])
    dora.run("add", many, code=1)
    assert ann.told("contact-link", "list") == []
    ann.run("unblock", "Eve")
    assert ann.told("username", "release") == {"username": None}
    assert "up to 400d" in ann.run("contact-link", "--expires", "soon", code=2)
