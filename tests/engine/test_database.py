"""The shared database: transactions, a read-only reader, several processes, fair turns, and described columns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

import zajil.delivery.store
import zajil.engine.sql.schema  # noqa: F401  # puts its tables on the metadata
from zajil.engine.sql.database import METADATA, Database, Turn


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database.open(tmp_path / "zajil.db")
    made.write_sync(lambda c: c.execute(text("CREATE TABLE t (n INTEGER NOT NULL) STRICT")))
    yield made
    made.close()


def insert(connection: Connection) -> None:
    connection.execute(text("INSERT INTO t (n) VALUES (1)"))


def rows(connection: Connection) -> int:
    return int(connection.execute(text("SELECT COUNT(*) FROM t")).scalar_one())


def test_a_file_is_private(database: Database) -> None:
    assert database.path.stat().st_mode & 0o077 == 0


async def test_writing_is_all_or_nothing_and_reading_cannot_write(database: Database) -> None:
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


def test_another_process_can_write_beside_a_running_server(database: Database) -> None:
    other = Database.open(database.path)
    threads = [threading.Thread(target=each.write_sync, args=(insert,)) for each in (database, other) * 5]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read_sync(rows) == 10
    other.close()


def test_the_log_is_emptied(database: Database) -> None:
    database.write_sync(insert)
    log = database.path.with_name("zajil.db-wal")
    assert log.stat().st_size > 0
    database.truncate_wal()
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


@pytest.mark.parametrize("table", sorted(METADATA.tables))
def test_every_column_says_what_it_is_for(table: str) -> None:
    assert METADATA.tables[table].dialect_options["sqlite"]["strict"], "STRICT"
    kinds = {"identifier", "key", "ciphertext", "counter", "time", "flag"}
    # Only the public space holds what people wrote in clear.
    kinds |= {"text"} if table.startswith("pub_") else set()
    for column in METADATA.tables[table].columns:
        assert set(column.info) == {"class", "purpose", "retention"}, f"{table}.{column.name}"
        assert column.info["class"] in kinds
