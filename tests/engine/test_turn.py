"""Turns at the database: a process that is stopped while it has it holds nobody up for ever."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from zajil.engine.sql.sqlite.database import SQLiteDatabase
from zajil.engine.sql.sqlite.turn import Turn
from zajil.protocol.errors import ZajilError

HOLDING = """
import sys
from pathlib import Path
from zajil.engine.sql.sqlite.turn import Turn
with Turn(Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has the turn until the block ends."""
    command = [sys.executable, "-c", HOLDING, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"
        try:
            yield other
        finally:
            other.send_signal(signal.SIGCONT)
            other.kill()


def test_a_stopped_process_costs_a_deadline_and_not_for_ever(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "zajil.db-turn"
    turn = Turn(path, deadline_s=0.1)
    with held(path) as other:
        other.send_signal(signal.SIGSTOP)
        with caplog.at_level(logging.ERROR):
            for _ in range(2):
                with pytest.raises(ZajilError, match="busy") as told, turn:
                    pass
        assert told.value.code == "busy"
        assert told.value.retry_ms
        # Who has it, once: the operator looks for that process, not through a thousand lines.
        assert [f"process {other.pid}" in each.getMessage() for each in caplog.records] == [True]
    with turn:  # it came back, or was ended
        pass
    turn.close()


def test_what_came_too_late_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "zajil.db-turn"
    turn = Turn(path, deadline_s=0.05)
    with held(path), pytest.raises(ZajilError, match="busy"), turn:
        pass
    # Nobody of this process waits for it now, so whoever comes next from elsewhere has it.
    file = os.open(path, os.O_RDWR)
    fcntl.flock(file, fcntl.LOCK_EX)
    os.close(file)
    turn.close()


def test_a_thread_that_waits_no_more_is_passed_over() -> None:
    turn = Turn(deadline_s=0.05)
    left: list[str] = []

    def wait() -> None:
        try:
            with turn:
                left.append("entered")
        except ZajilError as refusal:
            left.append(refusal.code)

    with turn:
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join()
    assert left == ["busy"]
    with turn:  # would wait for the number of the one that left, else
        pass


async def test_a_server_says_busy_while_another_process_is_stopped_and_writes_when_it_is_back(tmp_path: Path) -> None:
    database = SQLiteDatabase.open(tmp_path / "zajil.db")
    database.write_sync(lambda c: c.execute(text("CREATE TABLE t (n INTEGER NOT NULL) STRICT")))
    path = tmp_path / "zajil.db-turn"
    database.turn.close()
    database.turn = Turn(path, deadline_s=0.1)

    def insert(connection: Connection) -> None:
        connection.execute(text("INSERT INTO t (n) VALUES (1)"))

    with held(path) as other:
        other.send_signal(signal.SIGSTOP)
        refused = await asyncio.gather(*(database.write(insert) for _ in range(3)), return_exceptions=True)
        assert [getattr(each, "code", None) for each in refused] == ["busy"] * 3
        assert database.turn._next == 1  # they waited together, not one after the other
        other.send_signal(signal.SIGCONT)
    await database.write(insert)
    assert await database.read(lambda c: c.execute(text("SELECT COUNT(*) FROM t")).scalar_one()) == 1
    database.close()


def test_who_waits_for_nobody_has_a_turn_that_is_free_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "zajil.db-turn"
    turn, other = Turn(path, deadline_s=5), Turn(path, deadline_s=5)
    assert turn.enter_now()
    assert not turn.enter_now()
    assert not other.enter_now()
    thread = threading.Thread(target=turn.leave)  # it is the holder's, in whatever thread
    thread.start()
    thread.join()
    with other:
        assert not turn.enter_now()
    with turn:  # would wait for the number of the one that did not wait, else
        assert not turn.enter_now()
    assert other.enter_now()
    other.leave()
    turn.close()
    other.close()
