"""Which chats people see among theirs: one rule, of both clients (`vectors/service/listed.json`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zajil.client.core.talk.places import is_listed
from zajil.client.state.rows import Chat

TABLE = json.loads((Path(__file__).parents[2] / "vectors/service/listed.json").read_text(encoding="utf-8"))["chats"]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: "-".join(str(value) for value in row.values()))
def test_a_chat_shows_or_does_not(row: dict[str, Any]) -> None:  # a row of the file
    merged = bytes(16) if row["merged"] else b""
    chat = Chat(bytes(16), 1, "", row["status"], merged=merged, quiet=row["quiet"], request=row["request"])
    assert is_listed(chat) is row["listed"]
