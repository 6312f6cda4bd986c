"""`zajil search` at a terminal: what it shows, what it is safe from, and what its ids are good for."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flows.server import ServerProcess
from tests.flows.terminal import Terminal

pytestmark = [pytest.mark.flows, pytest.mark.slow]


def test_what_is_found_leads_on_and_cannot_harm_the_terminal(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    amina, boris = (Terminal(tmp_path / name, capsys) for name in ("Amina", "Boris"))
    amina.register(server, "Amina")
    boris.register(server, "Boris")
    boris.ok("add", amina.ok("contact-link").strip())
    amina.ok("sync")
    boris.ok("sync")
    first = boris.json("send", "Amina", "Новогодняя Ёлка")["id"]
    boris.ok("send", "Amina", "\x1b]0;owned\x07a \x1b[31m café\x1b[0m\nforged: \u202eline")
    amina.ok("send", "Boris", "قال أحمَد")
    amina.ok("sync")

    (line,) = amina.ok("search", "елк").splitlines()
    assert first[:8] in line
    assert line.endswith("Boris  Новогодняя Ёлка")
    assert amina.ok("search", "елк", "--chat", "Note to self").strip().startswith("Nothing was found")
    shown = amina.ok("search", "cafe")
    assert shown.count("\n") == 1
    assert "a café forged: line" in shown
    assert not set("\x1b\x07\u202e") & set(shown)
    assert "احمد" not in amina.ok("search", "احمد")
    assert "قال أحمَد" in amina.ok("search", "احمد")

    row = amina.json("search", "елк", "новог")
    assert (row["id"], row["title"], row["marks"]) == (
        first,
        "Boris",
        [{"start": 0, "end": 5}, {"start": 11, "end": 14}],
    )
    assert "Ёлка" in amina.ok("read", "Boris", "--around", first[:8], "--limit", "1")
    amina.ok("react", "Boris", row["id"], "🎄")
    amina.refused_usage("short-query", "search", "ё")
