"""`zajil moderation evaluate`: figures as an object, the gate as the exit code."""

from __future__ import annotations

import json

import msgspec
import pytest

from zajil.cli.main import run_command
from zajil.moderation.evaluate import gate
from zajil.moderation.evaluate.measures import Estimate

ASKED = ["moderation", "evaluate", "--suite", "fraudcheck", "--linear"]


@pytest.mark.slow
def test_a_suite_is_measured_and_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([*ASKED, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["drops"] == []
    assert found["encoder_off"] == "not-asked"
    assert sorted(found["sets"]["fraudcheck"]["scorers"]["linear"]) == ["ar", "en", "ru"]
    assert set(found["attacks"]["fraudcheck"]["ar"]) == {
        "homoglyph", "leet", "spacing", "dots", "swap", "latin", "emoji", "mixed",
    }  # fmt: skip


@pytest.mark.slow
def test_a_model_that_got_worse_ends_the_command_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = gate.load_metrics()
    better = {
        language: msgspec.structs.replace(figures, auprc=Estimate(1.0, 0.999, 1.0))
        for language, figures in stored.sets["fraudcheck"].scorers["linear"].items()
    }
    suite = msgspec.structs.replace(stored.sets["fraudcheck"], scorers={"linear": better})
    monkeypatch.setattr(gate, "load_metrics", lambda: msgspec.structs.replace(stored, sets={"fraudcheck": suite}))
    assert run_command(ASKED) == 1
    assert "fraudcheck linear ar auprc" in capsys.readouterr().out


def test_a_set_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["moderation", "evaluate", "--suite", "nothing"]) != 0
    assert "nothing" in capsys.readouterr().err
