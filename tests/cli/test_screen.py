"""`zajil chat` where it cannot run: without its extra, and without a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from zajil.cli.main import run_command


def test_the_screen_names_the_extra_that_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in [name for name in sys.modules if name.startswith(("zajil.cli.tui.", "textual"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual", None)
    assert run_command(["--home", str(tmp_path), "chat"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: no-screen: ")
    assert "'.[tui]'" in said.err


def test_the_screen_needs_a_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run_command(["--home", str(tmp_path), "chat"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: no-terminal: ")
    assert "read CHAT --follow" in said.err
