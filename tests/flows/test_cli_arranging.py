"""Pins, archive, mute and drafts at the terminal, against a real server."""

from __future__ import annotations

import re

import pytest
from tests.flows.terminal import Terminal
from tests.flows.test_cli_talk import terminals

from zajil.cli.commands.talk.arranging import parse_end
from zajil.cli.failures import Failed

__all__ = ["terminals"]


@pytest.mark.slow
def test_chats_are_arranged_at_the_terminal(terminals: tuple[Terminal, Terminal]) -> None:
    amina, boris = terminals
    assert amina.json("pin", "Note to self")["pinned"] is True
    assert next(chat["kind"] for chat in amina.json("chats")) == "self"
    assert "  pinned" in amina.ok("chats").splitlines()[0]
    assert amina.ok("mute", "Boris", "--for", "8h").startswith("Muted until 20")
    assert re.search(r"Boris  muted until \d{4}-\d\d-\d\d \d\d:\d\d", amina.ok("chats"))
    assert amina.ok("archive", "Boris") == "Archived.\n"
    assert "Boris" not in amina.ok("chats")
    assert amina.ok("chats").splitlines()[-1].startswith("Archived: 1")
    assert "Boris" in amina.ok("chats", "--archived")
    assert [chat["archived"] for chat in amina.json("chats", "--archived")] == [True]
    boris.ok("send", "Amina", "unheard")
    amina.ok("sync")
    assert "Boris" not in amina.ok("chats"), "a muted chat stays where it is"
    assert amina.ok("unmute", "Boris") == "Not muted any more.\n"
    boris.ok("send", "Amina", "heard")
    amina.ok("sync")
    assert "Boris" in amina.ok("chats")
    assert amina.ok("chats", "--archived") == "Nothing is archived.\n"
    assert amina.ok("unpin", "Note to self") == "Not pinned any more.\n"


@pytest.mark.slow
def test_a_draft_is_kept_shown_and_gone_once_sent(terminals: tuple[Terminal, Terminal]) -> None:
    amina, _ = terminals
    assert amina.ok("draft", "Boris") == "No draft.\n"
    assert amina.ok("draft", "Boris", "see you at eight") == "Kept as a draft.\n"
    assert amina.ok("draft", "Boris") == "see you at eight\n"
    assert "draft: see you at eight" in amina.ok("chats")
    amina.ok("send", "Boris", "another thing")
    assert amina.json("draft", "Boris") == {"draft": "see you at eight"}
    amina.ok("send", "Boris", "see you at eight")
    assert amina.ok("draft", "Boris") == "No draft.\n"
    amina.ok("draft", "Boris", "x")
    assert amina.ok("draft", "Boris", "") == "No draft any more.\n"


@pytest.mark.slow
def test_a_sixth_pin_is_refused_in_words(terminals: tuple[Terminal, Terminal]) -> None:
    amina, _ = terminals
    for n in range(5):
        amina.ok("group", "create", f"g{n}", "Boris")
        amina.ok("pin", f"g{n}")
    amina.refused("too-many-pins", "pin", "Boris")


def test_the_end_of_a_mute_is_read_and_checked() -> None:
    assert parse_end(None, None, now=1_000) is None
    assert parse_end("30m", None, now=1_000) == 2_800
    assert parse_end("1W", None, now=0) == 604_800
    assert parse_end(None, "1970-01-02T00:00:00+00:00", now=1_000) == 86_400
    bad: list[tuple[str | None, str | None]]
    bad = [("8", None), ("0h", None), ("-1h", None), ("1y", None), ("٣h", None), ("", None), ("9999w", None)]
    bad += [("8h", "2999-01-01"), (None, "yesterday"), (None, "1970-01-01T00:00:00+00:00"), (None, "9999-12-31")]
    for length, until in bad:
        with pytest.raises(Failed, match="bad-time"):
            parse_end(length, until, now=1_000)
