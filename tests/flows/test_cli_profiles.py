"""Several accounts in one folder: each its own, and no name leads out of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal

pytestmark = [pytest.mark.flows, pytest.mark.slow]


def test_profiles_are_accounts_of_their_own(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    amina = Terminal(home, capsys)
    assert "no account here yet" in amina.ok("profiles")
    work = ("--profile", "work")
    amina.ok(*work, "register", "--server", server.url, "--name", "Amina at work", "--invite", server.invite())
    amina.refused("no-home", "whoami")
    amina.register(server, "Amina")
    assert amina.json("whoami")["name"] == "Amina"
    assert amina.json(*work, "whoami")["name"] == "Amina at work"
    assert amina.json(*work, "whoami")["account_id"] != amina.json("whoami")["account_id"]
    for folder in (home, home / "profiles", home / "profiles" / "work"):
        assert folder.stat().st_mode & 0o777 == 0o700

    amina.ok("--profile", "work", "add", amina.ok("contact-link").strip())
    amina.ok("--profile", "work", "send", "Amina", "from work")
    amina.ok("sync")
    assert [one["text"] for one in amina.json("read", "Amina at work")] == ["from work"]

    listed = amina.json("profiles")
    assert [(one["profile"], one["name"], one["current"]) for one in listed] == [
        ("default", "Amina", True),
        ("work", "Amina at work", False),
    ]
    monkeypatch.setenv("ZAJIL_PROFILE", "work")
    assert amina.json("whoami")["name"] == "Amina at work"
    assert amina.json("--profile", "default", "whoami")["name"] == "Amina"
    monkeypatch.delenv("ZAJIL_PROFILE")
    amina.refused("no-home", "--profile", "other", "whoami")
    assert not (home / "profiles" / "other").exists()


@pytest.mark.parametrize("name", ["../x", "..", ".", "/tmp", "a/b", "A", "a b", "", "-a", "x" * 33, "ا", "a\n", "con."])
def test_a_name_that_could_lead_elsewhere_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal(tmp_path / "home", capsys)
    terminal.refused_usage("bad-profile", f"--profile={name}", "whoami")
    if name:
        monkeypatch.setenv("ZAJIL_PROFILE", name)
        terminal.refused_usage("bad-profile", "whoami")
    assert list(tmp_path.iterdir()) == []
