"""`call bot` where it cannot be: an installation without the extra says which one it wants."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from zajil.cli.main import run_command
from zajil.cli.resident import answering


def without_aiortc(patch: pytest.MonkeyPatch) -> None:
    """As on a machine where `zajil[calls]` was not installed."""
    for name in [name for name in sys.modules if name.startswith(("zajil.client.calls.media.", "aiortc"))]:
        patch.delitem(sys.modules, name)
    patch.setitem(sys.modules, "aiortc", None)


def test_the_bot_names_the_extra_that_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    without_aiortc(monkeypatch)
    assert run_command(["--home", str(tmp_path), "call", "bot"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: no-calls: ")
    assert "zajil[calls]" in said.err


def test_the_rest_of_the_command_line_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    without_aiortc(monkeypatch)
    with pytest.raises(ModuleNotFoundError):
        answering.Voices("echo")


def test_the_bot_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["call", "bot", "--help"]) == 0
    said = capsys.readouterr().out
    assert "--mode" in said
    assert "--stats" in said
    assert run_command(["call", "bot", "--mode", "scream"]) == 2
