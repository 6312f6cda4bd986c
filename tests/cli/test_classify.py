"""`zajil moderation classify`: one text a line in, one object a line out."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import pytest

from zajil.cli.commands.moderation.scores import BATCH_LINES, LINE_BYTES, read_batches
from zajil.cli.main import run_command
from zajil.moderation.categories import HEADS


def classify(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: bytes) -> list[str]:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    assert run_command(["moderation", "classify", "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.splitlines()


@pytest.mark.slow
def test_every_line_has_its_object_empty_ones_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ["see you at the market on friday", "", "\u2028 guaranteed profit, write to @some_agent", "привет всем"]
    rows = [json.loads(line) for line in classify(monkeypatch, capsys, "\n".join(texts).encode())]
    assert len(rows) == len(texts)
    for row in rows:
        assert list(row) == ["lang", "scores", "action", "rule"]
        assert tuple(row["scores"]) == HEADS
        assert all(0 <= score <= 1 for score in row["scores"].values())
        assert (row["rule"] is None) == (row["action"] == "allow")
    assert [row["lang"] for row in rows] == ["en", "und", "en", "ru"]
    assert rows[1]["action"] == "allow"
    assert (rows[2]["action"], rows[2]["rule"]) == ("hold", "fraud-offer-with-contact")


@pytest.mark.slow
def test_bytes_that_are_no_text_are_classified_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(classify(monkeypatch, capsys, b"\xff\xfe\x00 hello\r\n\xd8\n")) == 2


def test_lines_come_in_batches_and_a_huge_one_is_cut() -> None:
    batches = list(read_batches(io.BytesIO(b"a\n" * (BATCH_LINES + 1))))
    assert [len(batch) for batch in batches] == [BATCH_LINES, 1]
    huge = list(read_batches(io.BytesIO(b"x" * (3 * LINE_BYTES) + b"\nnext\n\n")))
    assert [len(text) for text in huge[0]] == [LINE_BYTES, 4, 0]
