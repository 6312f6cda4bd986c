"""A server that answers but cannot do what is asked: whoever waits for it is told so, and nothing is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.client.people import befriend, register, texts
from tests.client.serving import Served

from zajil.cli.failures import UNREACHABLE, Failed, as_kept
from zajil.client.shell import runner
from zajil.engine.sql.sqlite.database import FILE_NAME
from zajil.protocol.errors import Unavailable, error


async def test_a_server_that_cannot_write_is_not_waited_for_for_ever(
    tmp_path: Path, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here somebody else holds its file; a PostgreSQL that is away answers alike."""
    async with await register(tmp_path, "ann", server.url) as ann, await register(tmp_path, "bob", server.url) as bob:
        await befriend(ann, bob)
        monkeypatch.setattr(runner, "BUSY_S", 0.0)
        with closing(sqlite3.connect(server.data / FILE_NAME, isolation_level=None)) as file:
            file.execute("BEGIN IMMEDIATE")
            with pytest.raises(Unavailable) as told:
                await ann.send(ann.find_chat("bob"), "hello")
            file.execute("ROLLBACK")
        assert told.value.code == "busy"
        monkeypatch.undo()
        await ann.sync()
        # What it said once, before anybody waited for this, is no answer to it.
        ann._device.runner._note_busy(told.value)
        monkeypatch.setattr(runner, "BUSY_S", 0.0)
        await ann.send(ann.find_chat("bob"), "again")
        await bob.sync()
        assert texts(bob, "ann") == ["hello", "again"]


def test_what_waits_here_is_said_to_wait_and_a_refusal_is_not() -> None:
    for code in ("busy", "internal"):
        kept = as_kept(_unavailable(code), "it is stored")
        assert isinstance(kept, Failed)
        assert (kept.code, kept.exit_code, kept.hint) == (code, UNREACHABLE, "it is stored")
    full = _unavailable("storage-full")
    assert as_kept(full, "it is stored") is full


def _unavailable(code: str) -> Unavailable:
    problem = error(code)
    assert isinstance(problem, Unavailable)
    return problem
