"""The database of many gateways, on PostgreSQL.

One writer at a time among all of them: every transaction begins with one advisory lock. A group of works is one, so a
gateway waits for its turn once for all that came meanwhile. Mailboxes, which are most of what is written, need no such
turn (`engine.py`). The lock ends with its transaction, so a gateway that dies keeps nobody waiting.

`synchronous_commit=on`; a group of works that need not be flushed commits without waiting for the disk. What a power
cut may take of it is a tail of the log here as well.

A connection that broke is made anew for the next work. Whoever waited for it hears `busy`, also where it broke during
COMMIT and nobody knows whether that took place: retries find out by their idempotency keys. A new one is asked which
server it leads to before anything is written or read on it (`timeline.py`), where a gateway serves.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from zajil.engine.sql.database import GROUP_MAX, GROUP_S, Database, Failed, Waiting, as_error
from zajil.engine.sql.postgres.connection import WRITERS, connect, find_address, read_name
from zajil.engine.sql.postgres.timeline import Follower, History
from zajil.engine.sql.prepared import Prepared

_BEGIN: Final = f"BEGIN; SELECT pg_advisory_xact_lock({WRITERS:d})"
_BEGIN_UNFLUSHED: Final = f"BEGIN; SET LOCAL synchronous_commit = off; SELECT pg_advisory_xact_lock({WRITERS:d})"
_BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
T = TypeVar("T")


class PostgresDatabase(Database):
    """See `Database`. url: `postgresql://...`, or whatever else libpq takes."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self._begin = threading.local()
        self._writer = _make_engine(url, begin=lambda: getattr(self._begin, "words", _BEGIN))
        self._reader = _make_engine(url, begin=lambda: _BEGIN_READING)
        self._kept = threading.local()
        self._all_kept: set[Connection] = set()
        self.follower: Follower | None = None
        """Set by whoever serves, once all tables are there and before anything but the start writes."""

    @property
    def place(self) -> str:
        name = str((read_name(self.url) or {}).get("dbname") or "")
        return f"the database {name} of PostgreSQL at {find_address(self.url)}".replace("  ", " ")

    @property
    def engine(self) -> Engine:
        return self._writer

    def write_sync(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._open(self._writer)[0] as connection, connection.begin():
                return work(connection)
        except (DBAPIError, psycopg.Error) as fault:
            raise as_error(fault) from fault

    def read_sync(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._reader.begin() as connection:
                return work(connection)
        except DBAPIError as fault:
            raise as_error(fault) from fault

    async def peek_all(self, question: Prepared, values: Mapping[str, int | bytes | str]) -> list[tuple[Any, ...]]:
        def ask(connection: Connection) -> list[tuple[Any, ...]]:
            return _raw(connection).execute(question.for_postgres, {**question.constants, **values}).fetchall()

        return await asyncio.get_running_loop().run_in_executor(self._threads, self._on_kept, self._reader, ask)

    def truncate_log(self) -> None:
        """Nothing: the server keeps its log, and ends it, by its own settings."""

    def read_kept(self, work: Callable[[Connection], T]) -> T:
        def read(connection: Connection) -> T:
            with connection.begin():
                return work(connection)

        return self._on_kept(self._reader, read)

    def _open(self, engine: Engine) -> tuple[Connection, History | None]:
        """A new connection, to a server that no standby replaced. Raises DBAPIError, psycopg.Error."""
        connection = engine.connect()
        if self.follower is None:
            return connection, None
        try:
            raw = _raw(connection)
            return connection, self.follower.follow(raw) if engine is self._writer else self.follower.look(raw)
        except BaseException:
            connection.close()
            raise

    def _on_kept(
        self, engine: Engine, work: Callable[[Connection], T], *, may_repeat: Callable[[], bool] = lambda: True
    ) -> T:
        """On the connection of this thread, which is given up where it broke. Raises Unavailable `busy`.

        may_repeat: whether nothing was done yet. Then one that broke since its last use is not told to anybody, as each
        is once the server was away.
        """
        connection: Connection | None = getattr(self._kept, "connection", None)
        if connection is not None and self._is_left():
            self._give_up(connection)
            connection = None
        is_old = connection is not None
        try:
            if connection is None:
                connection, self._kept.history = self._open(engine)
                self._kept.connection = connection
                self._all_kept.add(connection)
            return work(connection)
        except (DBAPIError, psycopg.Error) as fault:
            if connection is None or not _is_broken(connection):
                raise as_error(fault) from fault
            self._give_up(connection)
            if not (is_old and may_repeat()):
                raise as_error(fault) from fault
        return self._on_kept(engine, work, may_repeat=may_repeat)

    def _is_left(self) -> bool:
        """Whether another connection found a standby in the place of the server that this thread's leads to."""
        return self.follower is not None and self.follower.is_left(getattr(self._kept, "history", None))

    def _give_up(self, connection: Connection) -> None:
        self._kept.connection = None
        self._all_kept.discard(connection)
        connection.close()

    def _write_group(self, first: Waiting, group: list[tuple[Waiting, Any]]) -> None:
        with self._queue_lock:
            flushed = first.flushed or (not first.alone and any(each.flushed for each in self._queue))
        self._begin.words = _BEGIN if flushed else _BEGIN_UNFLUSHED
        self._on_kept(
            self._writer,
            lambda connection: self._write_on(connection, first, group, flushed=flushed),
            may_repeat=lambda: not group,
        )

    def _write_on(
        self, connection: Connection, first: Waiting, group: list[tuple[Waiting, Any]], *, flushed: bool
    ) -> None:
        until = time.monotonic() + GROUP_S
        try:
            with connection.begin():
                group.append((first, None))
                # Without a savepoint, which would be two ways to the server more: so its failure is the group's end.
                group[-1] = first, first.work(connection)
                while not first.alone and len(group) < GROUP_MAX and time.monotonic() < until:
                    each = self._take(first=False, flushed=flushed)
                    if each is None:
                        break
                    group.append((each, None))
                    group[-1] = each, _run_apart(connection, each.work)
        except BaseException as fault:
            if len(group) != 1 or _is_broken(connection):
                raise
            group[-1] = first, Failed(as_error(fault))

    def _disconnect(self) -> None:
        for connection in self._all_kept:
            connection.close()
        self._reader.dispose()
        self._writer.dispose()


def _run_apart(connection: Connection, work: Callable[[Connection], T]) -> T | Failed:
    """What a work gives or raises, in a SAVEPOINT of its own. Raises where the whole transaction is lost."""
    raw = _raw(connection)
    raw.execute("SAVEPOINT work")
    outcome: T | Failed
    try:
        outcome = work(connection)
    except BaseException as fault:  # it goes to whoever asked for the work
        if _is_broken(connection):
            raise
        raw.execute("ROLLBACK TO work")
        outcome = Failed(as_error(fault))
    raw.execute("RELEASE work")
    return outcome


def _is_broken(connection: Connection) -> bool:
    return connection.invalidated or _raw(connection).closed


def _raw(connection: Connection) -> psycopg.Connection[tuple[Any, ...]]:  # Any: columns of whatever types
    raw = connection.connection.driver_connection
    if not isinstance(raw, psycopg.Connection):
        raise ConnectionError("the connection is closed")
    return raw


def _make_engine(url: str, *, begin: Callable[[], str]) -> Engine:
    # preserve_rowcount: how many rows an INSERT made, where ON CONFLICT may make none. SQLite's driver always says.
    options = {"preserve_rowcount": True}
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: connect(url), poolclass=NullPool, execution_options=options
    )

    def begin_as_told(raw: Any) -> None:  # Any: SQLAlchemy types its DBAPI hooks so
        raw.driver_connection.execute(begin())

    # As for SQLite: an engine with a "begin" event looks for listeners around every statement.
    engine.dialect.do_begin = begin_as_told  # type: ignore[method-assign, assignment]
    return engine
