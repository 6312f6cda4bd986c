"""The database of one server in a file of SQLite: connections with the pragmas that durability rests on, and turns.

SQLite allows one writer at a time: the writers of a process take turns (`Turn`, first come first served), and so do
processes, by a lock on a file beside the database; `busy_timeout` covers whoever writes without it. Each work of a
group has a SAVEPOINT of its own; the one COMMIT is one flush to the disk.

WAL with `synchronous=FULL`: a transaction is on the disk when COMMIT returns. `write_unflushed` is for what a power cut
may take back: the log is one file, so what it takes is a tail, and never a transaction in front of one that is flushed.
A killed process takes nothing back. `secure_delete=ON`: deleted rows are overwritten with zeros, else free pages would
keep old pointers from messages to mailboxes.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event

from zajil.engine.sql.database import GROUP_MAX, GROUP_S, Database, Failed, Waiting, as_error
from zajil.engine.sql.prepared import Prepared
from zajil.engine.sql.sqlite.turn import Turn

BUSY_TIMEOUT_MS = 10_000
FILE_NAME = "zajil.db"
TURN_SUFFIX: Final = "-turn"
_KIND: Final = 0xFF
"""Of an error's code, below what more it says."""
PEEK_S: Final = 0.05
"""A peek that took longer waited for the disk: for `AWAY_S` seconds threads have them, and the event loop goes on."""
AWAY_S: Final = 5.0
T = TypeVar("T")
# For each value of a type without an adapter the driver looks for one in vain, through an AttributeError that it words:
# 0.4 us, 3 of a message's statements of 35. These two give what they get.
sqlite3.register_adapter(bytes, bytes)
sqlite3.register_adapter(type(None), {None: None}.get)


def set_pragmas(connection: sqlite3.Connection) -> None:
    """Durability and hygiene of one connection; see the module text."""
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS:d}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA temp_store=MEMORY")


class SQLiteDatabase(Database):
    """See `Database`."""

    locks_rows = False

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.turn = Turn(path.with_name(path.name + TURN_SUFFIX))
        self._writer = _make_engine(path, begin="BEGIN IMMEDIATE", read_only=False)
        self._reader = _make_engine(path, begin="BEGIN", read_only=True)
        self._is_flushed = True
        self._away_until = 0.0
        # Connections that stay open, one a thread: taking one from the pool costs more than most works.
        self._kept = threading.local()
        self._all_kept: list[Connection] = []

    @classmethod
    def open(cls, path: Path) -> Self:
        """The database in this file, created empty (mode 0600) if it is missing. Creates no tables: Alembic does."""
        if not path.exists():
            path.touch(mode=0o600)
        database = cls(path)
        with database._writer.connect():  # switches a new file to WAL before a read-only connection needs it
            pass
        return database

    @property
    def place(self) -> str:
        return str(self.path)

    @property
    def engine(self) -> Engine:
        return self._writer

    def write_sync(self, work: Callable[[Connection], T]) -> T:
        """The result of `work` after its transaction (BEGIN IMMEDIATE) is durable."""
        with self.turn, self._writer.begin() as connection:
            return work(connection)

    def read_sync(self, work: Callable[[Connection], T]) -> T:
        """The result of `work` in one read-only snapshot."""
        with self._reader.begin() as connection:
            return work(connection)

    async def peek_all(self, question: Prepared, values: Mapping[str, int | bytes | str]) -> list[tuple[Any, ...]]:
        bound = {**question.constants, **values}
        began = time.perf_counter()
        if began >= self._away_until:
            # It waits for no writer, and the hop to a thread and back would cost several times what it takes.
            try:
                return _fetch(self._peeking(), question, bound)
            except sqlite3.OperationalError as fault:
                if fault.sqlite_errorcode & _KIND != sqlite3.SQLITE_BUSY:
                    raise
            finally:
                if (now := time.perf_counter()) - began > PEEK_S:
                    self._away_until = now + AWAY_S
        ask = partial(self._peek_kept, question, bound)
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)

    def _peek_kept(self, question: Prepared, bound: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        return _fetch(_raw(self._keep(self._reader)), question, bound)

    def _peeking(self) -> Any:  # Any: the driver's connection
        """The connection of the event loop's thread, which waits for nobody's lock."""
        raw = _raw(self._keep(self._reader))
        if not getattr(self._kept, "hurries", False):
            raw.execute("PRAGMA busy_timeout=0")
            self._kept.hurries = True
        return raw

    def read_kept(self, work: Callable[[Connection], T]) -> T:
        connection = self._keep(self._reader)
        with connection.begin():
            return work(connection)

    def _keep(self, engine: Engine) -> Connection:
        """The connection of this thread."""
        connection: Connection | None = getattr(self._kept, "connection", None)
        if connection is None:
            connection = self._kept.connection = engine.connect()
            self._all_kept.append(connection)
        return connection

    def _write_group(self, first: Waiting, group: list[tuple[Waiting, Any]]) -> None:
        with self.turn:
            connection = self._keep(self._writer)
            with self._queue_lock:
                flushed = first.flushed or any(each.flushed for each in self._queue)
            self._set_flushed(connection, flushed)
            until = time.monotonic() + GROUP_S
            with connection.begin():
                each: Waiting | None = first
                while each is not None:
                    group.append((each, None))
                    group[-1] = each, _run_apart(connection, each.work)
                    full = len(group) >= GROUP_MAX or time.monotonic() >= until
                    each = None if full else self._take(first=False, flushed=flushed)

    def _set_flushed(self, connection: Connection, flushed: bool) -> None:
        """Whether this connection's next COMMIT waits for the disk; no transaction may be open."""
        if flushed != self._is_flushed:
            _raw(connection).execute(f"PRAGMA synchronous={'FULL' if flushed else 'NORMAL'}")
            self._is_flushed = flushed

    def truncate_log(self) -> None:
        """Move the write-ahead log into the database and empty it, so that it keeps no deleted rows."""
        with self.turn:
            raw = self._writer.raw_connection()
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                raw.close()

    def _disconnect(self) -> None:
        for connection in self._all_kept:
            connection.close()
        self._reader.dispose()
        self._writer.dispose()
        self.turn.close()


def _run_apart(connection: Connection, work: Callable[[Connection], T]) -> T | Failed:
    """What a work gives or raises, in a SAVEPOINT of its own inside the transaction.

    Raises where SQLite gave up the whole transaction, as it may on a full disk.
    """
    raw = _raw(connection)
    raw.execute("SAVEPOINT work")
    outcome: T | Failed
    try:
        outcome = work(connection)
    except BaseException as fault:  # it goes to whoever asked for the work
        if not raw.in_transaction:
            raise
        raw.execute("ROLLBACK TO work")
        outcome = Failed(as_error(fault))
    raw.execute("RELEASE work")
    return outcome


def _fetch(raw: Any, question: Prepared, bound: Mapping[str, Any]) -> list[tuple[Any, ...]]:  # Any: the driver's
    rows: list[tuple[Any, ...]] = raw.execute(question.for_sqlite, bound).fetchall()
    return rows


def _raw(connection: Connection) -> Any:  # Any: SQLAlchemy types the driver's connection so
    """The driver's connection: past SQLAlchemy, for which three statements more would cost as much as the work."""
    raw = connection.connection.driver_connection
    if raw is None:
        raise ConnectionError("the connection is closed")
    return raw


def _make_engine(path: Path, *, begin: str, read_only: bool) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "cached_statements": 512}
    )

    @event.listens_for(engine, "connect")
    def _on_connect(raw: Any, _record: Any) -> None:  # Any: SQLAlchemy types its DBAPI hooks so
        raw.isolation_level = None  # the driver opens no transaction by itself; ours begins as `begin` says
        set_pragmas(raw)
        if read_only:
            raw.execute("PRAGMA query_only=ON")

    def begin_as_told(raw: Any) -> None:  # Any: as above
        raw.cursor().execute(begin)

    # Not by the "begin" event: an engine that has one looks for listeners around every statement, which costs a fifth.
    engine.dialect.do_begin = begin_as_told  # type: ignore[method-assign, assignment]
    return engine
