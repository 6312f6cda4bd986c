"""A clock that looks wrong deletes nothing: how far it may jump, how long it is doubted, and two that differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import insert
from tests.engine.conftest import EACH

from zajil.engine.sql.clockguard import APART_S, JUMP_S, WAIT_S, ClockGuard, read_last_run
from zajil.engine.sql.database import Database
from zajil.engine.sql.schema import message
from zajil.engine.sql.sqlite.database import SQLiteDatabase

EVERY_S = 5 * 86_400.0
"""An operator may run it more seldom than a clock may jump."""


@pytest.fixture(params=EACH)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with ExitStack() as stack:
        made: Database
        if request.param == "postgres":
            from zajil.engine.sql.postgres.database import PostgresDatabase

            made = PostgresDatabase(request.getfixturevalue("on_postgres")(stack))
        else:
            made = SQLiteDatabase.open(tmp_path / "zajil.db")
            made.create_tables()
        stack.callback(made.close)
        yield made


class Times:
    """now: what the clock says. passed: seconds that really passed. guard: as of a server that starts now."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = time.time()
        self.passed = 0.0
        self.start()

    def start(self) -> None:
        self.guard = ClockGuard(self.database, every_s=EVERY_S, clock=lambda: self.now, ticks=lambda: self.passed)


@pytest.fixture
def times(database: Database) -> Times:
    return Times(database)


async def test_a_clock_far_beyond_the_last_run_is_doubted_for_an_hour_or_until_it_is_right(
    times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    times.now -= EVERY_S + JUMP_S  # the last run, as the clock of a server of PostgreSQL is not ours
    await times.guard.note_run()
    times.now += EVERY_S + JUMP_S - 60
    assert await times.guard.may_delete()
    times.now += 120
    for _ in range(2):
        assert not await times.guard.may_delete()
    times.passed = WAIT_S - 1
    assert not await times.guard.may_delete()
    assert caplog.text.count("more than two days beyond") == 1
    times.now -= 120
    assert await times.guard.may_delete(), "set right"
    times.now += 120
    assert not await times.guard.may_delete(), "the hour begins anew"
    times.passed += WAIT_S
    assert await times.guard.may_delete()
    await times.guard.note_run()
    assert times.database.read_sync(read_last_run) == int(times.now)
    times.start()
    assert await times.guard.may_delete()


async def test_short_lives_of_a_server_add_up_to_the_hour(times: Times) -> None:
    times.now -= EVERY_S + JUMP_S
    await times.guard.note_run()
    times.now += EVERY_S + JUMP_S + 60
    for _ in range(3):
        times.start()
        for _ in range(20):
            assert not await times.guard.may_delete()
            times.passed += 60
    times.start()
    for _ in range(4):
        await times.guard.may_delete()
        times.passed += 60
    assert await times.guard.may_delete()
    await times.guard.note_run()
    times.now += EVERY_S + JUMP_S + 60
    assert not await times.guard.may_delete(), "doubted anew"


async def test_before_the_first_run_the_newest_message_tells_how_late_it_is(times: Times) -> None:
    now_ms = int(times.now * 1000)
    row = {"id": b"", "kind": 1, "epoch": 1, "ts": now_ms, "body": b"", "refs": 0, "expires": 0}
    times.database.write_sync(lambda db: db.execute(insert(message).values(row)))
    assert await times.guard.may_delete()
    times.now += EVERY_S + JUMP_S + 60
    times.start()
    assert not await times.guard.may_delete()


async def test_the_first_run_of_all_is_not_held_up(times: Times) -> None:
    assert times.database.read_sync(read_last_run) is None
    assert await times.guard.may_delete()


@pytest.mark.scale
async def test_while_the_clock_of_the_database_differs_nothing_is_deleted(
    on_postgres: Callable[[ExitStack], str], caplog: pytest.LogCaptureFixture
) -> None:
    from zajil.engine.sql.postgres.database import PostgresDatabase

    with ExitStack() as stack:
        database = PostgresDatabase(on_postgres(stack))
        stack.callback(database.close)
        times = Times(database)
        assert await times.guard.may_delete()
        for away in (APART_S + 60, -APART_S - 60):
            times.now += away
            times.passed += 2 * WAIT_S
            assert not await times.guard.may_delete()
            assert not await times.guard.may_delete()
            times.now -= away
            assert await times.guard.may_delete()
        assert caplog.text.count("more than an hour apart") == 2
