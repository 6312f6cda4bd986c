"""`call bot` where it cannot be: an installation without the extra says which one it wants."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from zajil.cli.main import run_command
from zajil.cli.resident import answering
from zajil.cli.texts.calls.bot import ENDS
from zajil.cli.texts.text import LANGUAGES
from zajil.protocol.calls import moves


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
    assert "'.[calls]'" in said.err


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


def test_each_end_of_a_call_that_the_rules_know_is_said_in_words() -> None:
    rules = Path(moves.__file__).read_text(encoding="utf-8")
    known = set(re.findall(r'\bend\(state, "([a-z-]+)"', rules))
    assert {"remote", "lost"} <= known
    assert known - {"hangup", "alone"} <= set(ENDS)
    for language in LANGUAGES:
        assert len({said.in_language(language) for said in ENDS.values()}) == len(ENDS)
