"""A home put back from a backup says so, still shows what it holds, and sends nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal

pytestmark = [pytest.mark.flows, pytest.mark.slow]


def test_an_old_copy_is_read_and_never_written_from(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    amina, boris = Terminal(tmp_path / "amina", capsys), Terminal(tmp_path / "boris", capsys)
    amina.register(server, "Amina")
    boris.register(server, "Boris")
    boris.ok("add", amina.ok("contact-link").strip())
    boris.ok("send", "Amina", "before the backup")
    amina.ok("sync")
    shutil.copytree(tmp_path / "amina", tmp_path / "backup")
    boris.ok("send", "Amina", "after the backup")
    amina.ok("sync")
    amina.ok("send", "Boris", "the last word of the real one")
    boris.ok("sync")
    shutil.rmtree(tmp_path / "amina")
    shutil.copytree(tmp_path / "backup", tmp_path / "amina")

    amina.refused("state-rolled-back", "send", "Boris", "from the copy")
    shown = amina.run("read", "Boris")
    assert amina.code == 1
    assert "before the backup" in shown
    assert amina.err.startswith("error: state-rolled-back: ")
    boris.ok("sync")
    assert [m["text"] for m in boris.json("read", "Amina")][-1] == "the last word of the real one"
