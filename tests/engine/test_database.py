"""The shared database: transactions, a read-only reader, several processes, fair turns, and described columns."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnClause, Connection, bindparam, event, func, literal_column, select, text
from sqlalchemy.exc import OperationalError

import zajil.delivery.store
import zajil.engine.sql.schema  # noqa: F401  # puts its tables on the metadata
from zajil.engine.sql.database import GROUP_MAX, GROUP_S, METADATA
from zajil.engine.sql.prepared import Prepared
from zajil.engine.sql.sqlite import database as database_module
from zajil.engine.sql.sqlite.database import SQLiteDatabase
from zajil.engine.sql.sqlite.turn import Turn


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SQLiteDatabase]:
    made = SQLiteDatabase.open(tmp_path / "zajil.db")
    made.write_sync(lambda c: c.execute(text("CREATE TABLE t (n INTEGER NOT NULL) STRICT")))
    yield made
    made.close()


def insert(connection: Connection) -> None:
    connection.execute(text("INSERT INTO t (n) VALUES (1)"))


def rows(connection: Connection) -> int:
    return int(connection.execute(text("SELECT COUNT(*) FROM t")).scalar_one())


def test_a_file_is_private(database: SQLiteDatabase) -> None:
    assert database.path.stat().st_mode & 0o077 == 0


async def test_writing_is_all_or_nothing_and_reading_cannot_write(database: SQLiteDatabase) -> None:
    def fail(connection: Connection) -> None:
        insert(connection)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(fail)
    assert await database.read(rows) == 0
    await asyncio.gather(*(database.write(insert) for _ in range(20)))
    assert await database.read(rows) == 20
    with pytest.raises(OperationalError, match="readonly"):
        await database.read(insert)


async def hold_writer(database: SQLiteDatabase) -> tuple[asyncio.Task[None], threading.Event]:
    """A work that the writing thread is busy with until the event is set: what comes meanwhile waits together."""
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def work(_connection: Connection) -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait()
        time.sleep(GROUP_S)  # its own group takes no more works

    task = asyncio.create_task(database.write(work))
    await begun.wait()
    return task, go_on


@contextmanager
def counting_commits(database: SQLiteDatabase) -> Iterator[list[int]]:
    """How many rows there are when each transaction is committed."""
    seen: list[int] = []

    def note(connection: Connection) -> None:
        seen.append(rows(connection))

    event.listen(database.engine, "commit", note)
    try:
        yield seen
    finally:
        event.remove(database.engine, "commit", note)


async def test_what_waits_is_written_together_in_order_and_a_failure_stays_alone(database: SQLiteDatabase) -> None:
    order: list[int] = []

    def make(number: int) -> Callable[[Connection], int]:
        def work(connection: Connection) -> int:
            order.append(number)
            insert(connection)
            if number == 2:
                raise LookupError
            return number

        return work

    busy, go_on = await hold_writer(database)
    with counting_commits(database) as commits:
        tasks = [asyncio.create_task(database.write(make(number))) for number in range(5)]
        await asyncio.sleep(0)
        go_on.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        await busy
    assert order == [0, 1, 2, 3, 4]
    assert [each for each in outcomes if isinstance(each, int)] == [0, 1, 3, 4]
    assert isinstance(outcomes[2], LookupError)
    assert commits == [0, 4]
    assert await database.read(rows) == 4


async def test_a_group_has_a_size(database: SQLiteDatabase) -> None:
    busy, go_on = await hold_writer(database)
    with counting_commits(database) as commits:
        tasks = [asyncio.create_task(database.write(insert)) for _ in range(GROUP_MAX + 1)]
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(busy, *tasks)
    assert commits[-1] == GROUP_MAX + 1
    # A slow machine may end a group by its time before it ends by its size.
    assert len(commits) >= 3
    assert max(after - before for before, after in pairwise(commits)) <= GROUP_MAX


def level(connection: Connection) -> int:
    """1: COMMIT does not wait for the disk. 2: it does."""
    return int(connection.execute(text("PRAGMA synchronous")).scalar_one())


async def test_what_has_to_be_on_the_disk_is_in_a_group_that_is_flushed(database: SQLiteDatabase) -> None:
    assert await database.write(level) == 2
    assert await database.write_unflushed(level) == 1
    busy, go_on = await hold_writer(database)
    with counting_commits(database) as commits:
        works = [database.write_unflushed, database.write, database.write_unflushed]
        tasks = [asyncio.create_task(work(level)) for work in works]
        await asyncio.sleep(0)
        go_on.set()
        await busy
        # One of them has to be flushed, so the one flush is for all.
        assert await asyncio.gather(*tasks) == [2, 2, 2]
    assert len(commits) == 2
    assert await database.write_unflushed(level) == 1
    assert database.write_sync(level) == 2


async def test_a_work_that_must_be_flushed_joins_no_group_that_is_not(database: SQLiteDatabase) -> None:
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def hold(connection: Connection) -> int:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait()
        return level(connection)

    first = asyncio.create_task(database.write_unflushed(hold))
    await begun.wait()
    second = asyncio.create_task(database.write(level))
    await asyncio.sleep(0)
    go_on.set()
    assert (await first, await second) == (1, 2)


async def test_a_work_whose_caller_left_is_not_begun(database: SQLiteDatabase) -> None:
    busy, go_on = await hold_writer(database)
    kept, left = (asyncio.create_task(database.write(insert)) for _ in range(2))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    go_on.set()
    await asyncio.gather(busy, kept)
    assert await database.read(rows) == 1


async def test_a_work_that_was_begun_is_done_although_its_caller_leaves(database: SQLiteDatabase) -> None:
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def work(connection: Connection) -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait()
        insert(connection)

    task = asyncio.create_task(database.write(work))
    await begun.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    go_on.set()
    await database.write(insert)
    assert await database.read(rows) == 2


async def test_where_the_transaction_is_lost_nobody_of_the_group_hears_it_was_written(
    database: SQLiteDatabase,
) -> None:
    def lose(connection: Connection) -> None:
        # What SQLite does by itself where the disk is full.
        connection.exec_driver_sql("ROLLBACK")
        raise LookupError

    busy, go_on = await hold_writer(database)
    tasks = [asyncio.create_task(database.write(work)) for work in (insert, lose, insert)]
    await asyncio.sleep(0)
    go_on.set()
    first, second, third = await asyncio.gather(*tasks, return_exceptions=True)
    await busy
    assert isinstance(first, LookupError)
    assert isinstance(second, LookupError)
    # It came behind the group, in one of its own.
    assert third is None
    assert await database.read(rows) == 1


@pytest.mark.parametrize("fault", [SystemExit(1), StopIteration()])
async def test_whatever_a_work_raises_its_caller_hears_and_the_next_is_written(
    database: SQLiteDatabase, fault: BaseException
) -> None:
    def fail(connection: Connection) -> None:
        insert(connection)
        raise fault

    async with asyncio.timeout(10):
        with pytest.raises(RuntimeError) as told:
            await database.write(fail)
        await database.write(insert)
    assert told.value.__cause__ is fault
    assert await database.read(rows) == 1


async def test_a_writer_that_gets_no_lock_passes_its_turn_on(
    database: SQLiteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: int, _what: int) -> None:
        monkeypatch.undo()
        raise OSError(37, "no locks available")

    monkeypatch.setattr("zajil.engine.sql.sqlite.turn.fcntl.flock", refuse)
    with pytest.raises(OSError, match="no locks"):
        await database.write(insert)
    # Read, not waited for: without the turn passed on, the writing thread would stand still and the test with it.
    assert database.turn._next == database.turn._serving == 2
    await database.write(insert)
    assert await database.read(rows) == 1


async def test_peeking_reads_what_was_written_last(database: SQLiteDatabase) -> None:
    numbers: ColumnClause[int] = literal_column("n")
    count = Prepared(select(func.count()).select_from(text("t")).where(numbers >= bindparam("b_least"), numbers < 9))
    newest = Prepared(select(numbers).select_from(text("t")).where(numbers == bindparam("b_n")).limit(1))
    for number in range(1, 4):
        await database.write(insert)
        assert await database.peek(count, {"b_least": 1}) == (number,)
        assert await database.peek(count, {"b_least": 2}) == (0,)
    assert await database.peek(newest, {"b_n": 1}) == (1,)
    assert await database.peek(newest, {"b_n": 2}) is None
    # A question that is answered keeps no snapshot open, which would keep the log from being emptied.
    database.truncate_log()
    assert database.path.with_name("zajil.db-wal").stat().st_size == 0


_COUNT = Prepared(select(func.count()).select_from(text("t")).where(literal_column("n") >= bindparam("b_least")))


async def test_a_disk_that_let_one_peek_wait_is_left_to_threads_for_a_while(
    database: SQLiteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    fetch, now = database_module._fetch, time.perf_counter()

    def note(*words: Any) -> Any:  # Any: handed on
        nonlocal now
        threads.append(threading.current_thread())
        now += took_s
        return fetch(*words)

    monkeypatch.setattr(database_module, "_fetch", note)
    monkeypatch.setattr(time, "perf_counter", lambda: now)
    for share in (0.5, 2, 2):
        took_s = share * database_module.PEEK_S
        assert await database.peek(_COUNT, {"b_least": 0}) == (0,)
    now += database_module.AWAY_S
    assert await database.peek(_COUNT, {"b_least": 0}) == (0,)
    assert [thread is threading.main_thread() for thread in threads] == [True, True, False, True]


async def test_a_peek_waits_for_a_lock_in_a_thread(database: SQLiteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite locks readers out while another process repairs the log's index, and hardly ever else."""
    fetch, waits_ms = database_module._fetch, list[int]()

    def refuse_at_once(raw: sqlite3.Connection, *words: Any) -> Any:  # Any: handed on
        ((wait_ms,),) = raw.execute("PRAGMA busy_timeout").fetchall()
        waits_ms.append(wait_ms)
        if not wait_ms:
            locked = sqlite3.OperationalError("database is locked")
            locked.sqlite_errorcode = fault
            raise locked
        return fetch(raw, *words)

    monkeypatch.setattr(database_module, "_fetch", refuse_at_once)
    fault = sqlite3.SQLITE_BUSY_RECOVERY
    assert await database.peek(_COUNT, {"b_least": 0}) == (0,)
    assert waits_ms == [0, database_module.BUSY_TIMEOUT_MS]
    fault = sqlite3.SQLITE_IOERR
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        await database.peek(_COUNT, {"b_least": 0})


def test_another_process_can_write_beside_a_running_server(database: SQLiteDatabase) -> None:
    other = SQLiteDatabase.open(database.path)
    threads = [threading.Thread(target=each.write_sync, args=(insert,)) for each in (database, other) * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read_sync(rows) == 10
    other.close()


def test_the_log_is_emptied(database: SQLiteDatabase) -> None:
    database.write_sync(insert)
    log = database.path.with_name("zajil.db-wal")
    assert log.stat().st_size > 0
    database.truncate_log()
    assert log.stat().st_size == 0


def test_turns_are_taken_in_order_of_arrival() -> None:
    turn, order, threads = Turn(), [], []

    def take(number: int) -> None:
        with turn:
            order.append(number)

    with turn:
        for number in range(5):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            while turn._next < number + 2:  # it has drawn its number
                pass
    for thread in threads:
        thread.join()
    assert order == list(range(5))


def test_processes_take_turns_by_the_file_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "zajil.db-turn"
    holding = "import sys; from pathlib import Path; from zajil.engine.sql.sqlite.turn import Turn\n"
    holding += "with Turn(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.read()"
    other = subprocess.Popen([sys.executable, "-c", holding, path], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"mine\n"
    turn, order = Turn(path), []

    def take() -> None:
        with turn:
            order.append("ours")

    thread = threading.Thread(target=take)
    thread.start()
    while turn._next == 0:  # it has drawn its number, and asks for the file
        pass
    order.append("killed")
    other.kill()
    thread.join()
    other.communicate()
    assert order == ["killed", "ours"]
    assert path.stat().st_mode & 0o077 == 0
    turn.close()


@pytest.mark.parametrize("table", sorted(METADATA.tables))
def test_every_column_says_what_it_is_for(table: str) -> None:
    assert METADATA.tables[table].dialect_options["sqlite"]["strict"], "STRICT"
    kinds = {"identifier", "key", "ciphertext", "counter", "time", "flag"}
    # Only the public space holds what people wrote in clear.
    kinds |= {"text"} if table.startswith(("pub_", "mod_")) else set()
    for column in METADATA.tables[table].columns:
        assert set(column.info) == {"class", "purpose", "retention"}, f"{table}.{column.name}"
        assert column.info["class"] in kinds
