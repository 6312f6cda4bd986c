"""The database of many gateways: one writer at a time among them all, and what is left where the server goes away."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import Connection, bindparam, column, select, table, text
from sqlalchemy.exc import InternalError
from tests.postgres import Postgres

from zajil.engine.sql.database import is_outage
from zajil.engine.sql.dialects import upsert
from zajil.engine.sql.postgres.connection import WRITERS, connect
from zajil.engine.sql.postgres.database import PostgresDatabase
from zajil.engine.sql.postgres.timeline import Follower, find_history
from zajil.engine.sql.prepared import Prepared
from zajil.protocol.errors import ZajilError

pytestmark = pytest.mark.scale


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    with postgres.database() as made:
        with psycopg.connect(made) as connection:
            connection.execute("CREATE TABLE t (n BIGINT GENERATED ALWAYS AS IDENTITY, word TEXT UNIQUE)")
        yield made
        with psycopg.connect(made) as connection:
            connection.execute("DROP TABLE t")


@pytest.fixture
def database(url: str) -> Iterator[PostgresDatabase]:
    with closing(PostgresDatabase(url)) as made:
        yield made


def insert(word: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(text("INSERT INTO t (word) VALUES (:word)"), {"word": word})
        return word

    return work


def words(connection: Connection) -> list[str]:
    return list(connection.execute(text("SELECT word FROM t ORDER BY n")).scalars())


def fail(connection: Connection) -> None:
    insert("never")(connection)
    raise LookupError


async def hold(database: PostgresDatabase) -> tuple[asyncio.Task[None], threading.Event]:
    """A work that its writing thread is busy with until the event is set; what comes meanwhile joins its group."""
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def work(_connection: Connection) -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait()

    task = asyncio.create_task(database.write(work))
    await begun.wait()
    return task, go_on


async def test_a_work_that_fails_first_or_in_a_group_takes_nobody_along(database: PostgresDatabase) -> None:
    with pytest.raises(LookupError):
        await database.write(fail)
    busy, go_on = await hold(database)
    tasks = [asyncio.create_task(database.write(work)) for work in (insert("a"), fail, insert("b"), insert("a"))]
    await asyncio.sleep(0)
    go_on.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await busy
    assert outcomes[0] == "a"
    assert isinstance(outcomes[1], LookupError)
    assert outcomes[2] == "b"
    assert isinstance(outcomes[3], Exception), "the database refused it"
    assert not is_outage(outcomes[3])
    assert await database.read(words) == ["a", "b"]


@pytest.mark.parametrize("flushed", [True, False])
async def test_two_that_are_written_alone_and_a_batch_never_wait_in_a_circle(
    database: PostgresDatabase, url: str, *, flushed: bool
) -> None:
    """In one transaction they would hold what the batch waits for, and wait for what it holds."""

    def lock(word: str) -> Callable[[Connection], object]:
        return lambda db: db.execute(text("SELECT n FROM t WHERE word = :word FOR UPDATE"), {"word": word})

    async def write(work: Callable[[Connection], object]) -> None:
        await (database.write_alone(work) if flushed else database.write_unflushed(work, alone=True))

    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for word in ("a", "b"):
        await database.write(insert(word))
    with psycopg.connect(url) as batch, psycopg.connect(url, autocommit=True) as watching:
        batch.execute("SELECT n FROM t WHERE word = 'a' FOR UPDATE")
        busy, go_on = await hold(database)
        tasks = [asyncio.create_task(write(lock(word))) for word in ("b", "a")]
        await asyncio.sleep(0)
        go_on.set()
        while not watching.execute(waiting).fetchall():  # noqa: ASYNC110  # no event tells of it
            await asyncio.sleep(0.01)
        batch.execute("SELECT n FROM t WHERE word = 'b' FOR UPDATE")
        batch.commit()
        await asyncio.gather(busy, *tasks)


async def test_how_many_rows_an_insert_made_is_known(database: PostgresDatabase) -> None:
    """Where ON CONFLICT made none too: what counts once, and who put a strike, go by it."""
    adding = upsert(table("t", column("word"))).values(word="once").on_conflict_do_nothing()
    for made in (1, 0):
        assert await database.write(lambda db: db.execute(adding).rowcount) == made


async def test_what_reads_leaves_a_server_that_another_connection_found_replaced(
    database: PostgresDatabase, url: str
) -> None:
    """Connections to it may go on for as long as it does: logins of since then would be unknown for ever."""
    follower = database.follower = Follower()
    assert await database.read(words) == []
    with connect(url) as connection:
        history = find_history(connection)
    assert history is not None
    follower._known = history._replace(timeline=history.timeline + 1)
    question = Prepared(select(column("n")).select_from(table("t")))
    for _ in range(2):
        with pytest.raises(ZajilError, match="busy"):
            await database.read(words)
        with pytest.raises(ZajilError, match="busy"):
            await database.peek(question, {})
    follower._known = history
    assert await database.read(words) == []


async def test_reading_is_a_snapshot_that_cannot_write(database: PostgresDatabase) -> None:
    with pytest.raises(InternalError, match="read-only"):
        await database.read(insert("x"))

    def twice(connection: Connection) -> tuple[list[str], list[str]]:
        before = words(connection)
        database.write_sync(insert("between"))
        return before, words(connection)

    assert await database.read(twice) == ([], [])
    assert await database.read(words) == ["between"]
    question = Prepared(select(column("n")).select_from(table("t")).where(column("word") == bindparam("b_word")))
    assert await database.peek(question, {"b_word": "between"}) == (1,)
    assert await database.peek(question, {"b_word": "none"}) is None


async def test_numbers_come_in_the_order_in_which_they_are_seen_whoever_writes(url: str) -> None:
    """What follows a feed by the highest number it saw misses nothing, though two gateways write it."""
    with closing(PostgresDatabase(url)) as here, closing(PostgresDatabase(url)) as there:
        seen: list[str] = []
        last = 0

        def news(connection: Connection) -> list[tuple[int, str]]:
            found = connection.execute(text("SELECT n, word FROM t WHERE n > :last ORDER BY n"), {"last": last})
            return [(n, word) for n, word in found]

        writing = asyncio.gather(
            *(each.write(insert(f"{name}{n}")) for n in range(60) for name, each in (("h", here), ("t", there)))
        )
        while not writing.done() or len(seen) < 120:
            for last, word in await here.read(news):  # noqa: B007  # it is read by the next look
                seen.append(word)
            await asyncio.sleep(0)
        await writing
    assert len(set(seen)) == 120


async def test_where_the_server_ends_the_connection_everybody_hears_busy_and_the_next_is_written(
    database: PostgresDatabase, url: str
) -> None:
    def cut(connection: Connection) -> None:
        insert("lost")(connection)
        (own,) = connection.execute(text("SELECT pg_backend_pid()")).one()
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (own,))
        insert("lost too")(connection)

    busy, go_on = await hold(database)
    tasks = [asyncio.create_task(database.write(work)) for work in (insert("beside"), cut)]
    await asyncio.sleep(0)
    go_on.set()
    outcomes = await asyncio.gather(busy, *tasks, return_exceptions=True)
    assert [each.code for each in outcomes if isinstance(each, ZajilError)] == ["busy"] * 3
    assert await database.write(insert("after")) == "after"
    with pytest.raises(ZajilError, match="busy"):
        await database.write(cut)  # a group of one, which has no savepoint
    assert await database.read(words) == ["after"]


async def test_once_the_server_was_away_nobody_hears_of_each_old_connection(
    database: PostgresDatabase, url: str
) -> None:
    question = Prepared(select(column("n")).select_from(table("t")).where(column("word") == bindparam("b_word")))

    async def use() -> list[object]:
        reading = [database.read(words) for _ in range(8)]
        peeking = [database.peek(question, {"b_word": "none"}) for _ in range(4)]
        return await asyncio.gather(*reading, *peeking, database.write(insert(f"w{next(numbers)}")))

    numbers = itertools.count()
    await use()
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await use()
    assert await database.read(words) == ["w0", "w1"]


def test_a_server_that_vanished_is_not_waited_for_as_the_system_would(url: str) -> None:
    with connect(url) as connection:
        told = connection.info.get_parameters()
    assert (told["connect_timeout"], told["tcp_user_timeout"], told["keepalives_idle"]) == ("5", "10000", "5")
    with connect(url + "&connect_timeout=9") as connection:
        assert connection.info.get_parameters()["connect_timeout"] == "9"


async def test_another_gateway_that_stopped_in_its_turn_is_waited_for_no_longer_than_told(
    database: PostgresDatabase, url: str
) -> None:
    with psycopg.connect(url) as stopped:
        stopped.execute("SELECT pg_advisory_xact_lock(%s)", (WRITERS,))

        def set_deadline(connection: Connection) -> None:
            connection.execute(text("SET lock_timeout = '50ms'"))

        stopped.rollback()
        await database.write(set_deadline)
        stopped.execute("SELECT pg_advisory_xact_lock(%s)", (WRITERS,))
        with pytest.raises(ZajilError, match="busy"):
            await database.write(insert("x"))
    assert await database.write(insert("y")) == "y"
    assert await database.read(words) == ["y"]


async def test_what_no_text_of_it_can_hold_is_refused_as_malformed(database: PostgresDatabase) -> None:
    """SQLite takes a NUL; whoever sends one to a server with PostgreSQL hears what is wrong, and nobody else of it."""
    with pytest.raises(ZajilError, match="malformed"):
        await database.write(insert("a\0b"))
    assert await database.read(words) == []
