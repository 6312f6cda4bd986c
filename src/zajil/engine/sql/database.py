"""The one database of a server: shared metadata, connections with the pragmas that durability rests on, transactions.

Every service declares its tables in its own `store.py` on `METADATA` and runs Core statements through `Database`.
SQLite allows one writer at a time: the writers of a process take turns (`Turn`, first come first served), and so do
processes, by a lock on a file beside the database; `busy_timeout` covers whoever writes without it.

Group commit: what waits to be written when the writer is free goes into one transaction, each work in a SAVEPOINT of
its own, in the order in which it came. One that fails takes nothing of the others along; nobody is answered before the
one COMMIT, which is one flush to the disk, and where that fails nothing of the group is stored.

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
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar

from sqlalchemy import BigInteger, Connection, Engine, Index, Integer, MetaData, create_engine, event, text
from sqlalchemy.exc import DBAPIError

from zajil.engine.sql.prepared import Prepared
from zajil.engine.sql.turn import Turn
from zajil.protocol.errors import ZajilError, error

METADATA = MetaData()
BUSY_TIMEOUT_MS = 10_000
FILE_NAME = "zajil.db"
TURN_SUFFIX: Final = "-turn"
GROUP_MAX: Final = 256
"""Works of one transaction."""
GROUP_S: Final = 0.050
"""A group takes no more works after so long: those it has wait for its COMMIT."""

_BUSY_RETRY_MS: Final = 1000
_OUTAGES: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)

ColumnClass = Literal["identifier", "key", "ciphertext", "counter", "time", "flag", "text"]
"""What a column holds. text: what people wrote for the public, in clear; the private space has none."""
T = TypeVar("T")


def describe(kind: ColumnClass, purpose: str, retention: str) -> dict[str, str]:
    """`Column.info` of a column: what `zajil data-inventory` prints about it."""
    return {"class": kind, "purpose": purpose, "retention": retention}


class _Waiting(NamedTuple):
    """A work and who waits for it. flushed: whether it has to be on the disk when they hear of it."""

    work: Callable[[Connection], Any]  # Any: of whatever type its future is
    future: asyncio.Future[Any]
    flushed: bool


U64: Final = Integer().with_variant(BigInteger, "postgresql")
"""Of a column that may outgrow 31 bits: times, sizes, numbers of rows. An INTEGER of SQLite has 64 bits anyway."""


def index_where_set(name: str, column: str) -> Index:
    """Over a column that is mostly NULL: only of the rows where it is not, on either database."""
    condition = text(f"{column} IS NOT NULL")
    return Index(name, column, sqlite_where=condition, postgresql_where=condition)


def set_pragmas(connection: sqlite3.Connection) -> None:
    """Durability and hygiene of one connection; see the module text."""
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS:d}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA temp_store=MEMORY")


class Database:
    """Transactions on the server's SQLite file, for everything but the mailbox hot path.

    The functions given to `read` and `write` run in a thread, inside one transaction, and must be short. Raising
    rolls back. `read_sync` and `write_sync` are the same in the calling thread (admin commands, tests).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.turn = Turn(path.with_name(path.name + TURN_SUFFIX))
        self._writer = _make_engine(path, begin="BEGIN IMMEDIATE", read_only=False)
        self._reader = _make_engine(path, begin="BEGIN", read_only=True)
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="zajil-sql")
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="zajil-sql-write")
        self._queue: deque[_Waiting] = deque()
        self._queue_lock = threading.Lock()
        self._is_writing = False
        self._is_flushed = True
        # Connections that stay open, one a thread: taking one from the pool costs more than most works.
        self._kept = threading.local()
        self._all_kept: list[Connection] = []

    @classmethod
    def open(cls, path: Path) -> Database:
        """The database in this file, created empty (mode 0600) if it is missing. Creates no tables: Alembic does."""
        if not path.exists():
            path.touch(mode=0o600)
        database = cls(path)
        with database._writer.connect():  # switches a new file to WAL before a read-only connection needs it
            pass
        return database

    @property
    def engine(self) -> Engine:
        """The writing SQLAlchemy engine, for Alembic."""
        return self._writer

    def create_tables(self) -> None:
        """All tables of all imported services, without Alembic: for tests and deterministic machines only."""
        METADATA.create_all(self._writer)

    def write_sync(self, work: Callable[[Connection], T]) -> T:
        """The result of `work` after its transaction (BEGIN IMMEDIATE) is durable."""
        with self.turn, self._writer.begin() as connection:
            return work(connection)

    def read_sync(self, work: Callable[[Connection], T]) -> T:
        """The result of `work` in one read-only snapshot."""
        with self._reader.begin() as connection:
            return work(connection)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """`write_sync` in the writing thread, in one transaction with whatever else waits; see the module.

        A work that was not begun when its caller is cancelled never runs; one that was begun is done to its end.
        """
        return await self._enqueue(work, flushed=True)

    async def write_unflushed(self, work: Callable[[Connection], T]) -> T:
        """`write` without waiting for the disk: what it stored may be gone after a power cut, with all that came later.

        For what is found out and done again then: leases, marks of what is finished, copies of what is stored already.
        Written together with a `write`, it is flushed with it.
        """
        return await self._enqueue(work, flushed=False)

    async def _enqueue(self, work: Callable[[Connection], T], *, flushed: bool) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._queue_lock:
            self._queue.append(_Waiting(work, future, flushed))
            begins, self._is_writing = not self._is_writing, True
        if begins:
            self._writing.submit(self._write_queue)
        return await future

    async def read(self, work: Callable[[Connection], T]) -> T:
        """`read_sync` in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read_kept, work)

    def peek(self, question: Prepared, values: Mapping[str, int | bytes | str]) -> tuple[Any, ...] | None:
        """The first row, on a connection that stays open: for a row by its key that every request asks for.

        It waits for no writer, and the hop to a thread and back would cost several times what it takes; so the event
        loop's own thread may call it, for nothing longer than that. One statement is a snapshot of its own.
        """
        raw = _raw(self._keep(self._reader))
        rows: list[tuple[Any, ...]] = raw.execute(question.sql, {**question.constants, **values}).fetchall()
        return rows[0] if rows else None

    def _read_kept(self, work: Callable[[Connection], T]) -> T:
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

    # The writing thread

    def _write_queue(self) -> None:
        """Write until nothing waits."""
        while (first := self._take(first=True)) is not None:
            group: list[tuple[_Waiting, Any]] = []
            try:
                self._write_group(first, group)
            except BaseException as fault:  # noqa: BLE001  # whatever kept the group from the disk, all of it hear so
                # Without a turn none was begun, and who came meanwhile would wait for the next one as long, one by one.
                failed = [one for one, _ in group] or [first, *self._take_all()]
                group = [(each, _Failed(_as_error(fault))) for each in failed]
            _answer(group)

    def _take(self, *, first: bool, flushed: bool = True) -> _Waiting | None:
        """The work that waits longest. first: where there is none, the thread is done.

        flushed: whether the transaction it would join is; None where it needs that and would not get it.
        """
        with self._queue_lock:
            while self._queue:
                if self._queue[0].flushed and not flushed:
                    return None
                each = self._queue.popleft()
                if not each.future.cancelled():
                    return each
            if first:
                self._is_writing = False
            return None

    def _take_all(self) -> list[_Waiting]:
        with self._queue_lock:
            taken = list(self._queue)
            self._queue.clear()
            return taken

    def _write_group(self, first: _Waiting, group: list[tuple[_Waiting, Any]]) -> None:
        """One transaction: this work and what waits behind it. group: filled with the works and their outcomes."""
        with self.turn:
            connection = self._keep(self._writer)
            with self._queue_lock:
                flushed = first.flushed or any(each.flushed for each in self._queue)
            self._set_flushed(connection, flushed)
            until = time.monotonic() + GROUP_S
            with connection.begin():
                each: _Waiting | None = first
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

    def truncate_wal(self) -> None:
        """Move the write-ahead log into the database and empty it, so that it keeps no deleted rows."""
        with self.turn:
            raw = self._writer.raw_connection()
            try:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                raw.close()

    async def empty_log(self) -> None:
        """`truncate_wal` in a thread that `close` waits for, also when the caller is cancelled."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self.truncate_wal)

    def close(self) -> None:
        """Wait for running transactions, then close every connection."""
        self._writing.shutdown()
        self._threads.shutdown()
        for connection in self._all_kept:
            connection.close()
        self._reader.dispose()
        self._writer.dispose()
        self.turn.close()


class _Failed(NamedTuple):
    """The outcome of a work that raised."""

    fault: Exception


def is_outage(fault: BaseException) -> bool:
    """Whether a write failed because of the machine or of who else writes, and not because of what was written."""
    if isinstance(fault, ZajilError):
        return fault.code == "busy"
    return _sqlite_code(fault) in _OUTAGES


def _sqlite_code(fault: BaseException) -> int | None:
    """SQLite's primary code of this error, None where it is not one of SQLite's."""
    driver = fault.orig if isinstance(fault, DBAPIError) else fault
    return driver.sqlite_errorcode & 0xFF if isinstance(driver, sqlite3.Error) and driver.sqlite_errorcode else None


def _as_error(fault: BaseException) -> Exception:
    """What is told to whoever waits: a future takes no StopIteration, and what would end the event loop ends none."""
    if _sqlite_code(fault) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        told: Exception = error("busy", "the database is locked", retry_ms=_BUSY_RETRY_MS)
        told.__cause__ = fault
        return told
    if isinstance(fault, Exception) and not isinstance(fault, StopIteration):
        return fault
    told = RuntimeError(f"a write was broken off by {type(fault).__name__}")
    told.__cause__ = fault
    return told


def _run_apart(connection: Connection, work: Callable[[Connection], T]) -> T | _Failed:
    """What a work gives or raises, in a SAVEPOINT of its own inside the transaction.

    Raises where SQLite gave up the whole transaction, as it may on a full disk.
    """
    raw = _raw(connection)
    raw.execute("SAVEPOINT work")
    outcome: T | _Failed
    try:
        outcome = work(connection)
    except BaseException as fault:  # it goes to whoever asked for the work
        if not raw.in_transaction:
            raise
        raw.execute("ROLLBACK TO work")
        outcome = _Failed(_as_error(fault))
    raw.execute("RELEASE work")
    return outcome


def _raw(connection: Connection) -> Any:  # Any: SQLAlchemy types the driver's connection so
    """The driver's connection: past SQLAlchemy, for which three statements more would cost as much as the work."""
    raw = connection.connection.driver_connection
    if raw is None:
        raise ConnectionError("the connection is closed")
    return raw


def _answer(group: list[tuple[_Waiting, Any]]) -> None:
    """Hand the outcomes to those who wait, in one call for each event loop."""

    def resolve(loop: asyncio.AbstractEventLoop) -> None:
        for each, outcome in group:
            if each.future.get_loop() is not loop or each.future.done():
                continue
            if isinstance(outcome, _Failed):
                each.future.set_exception(outcome.fault)
            else:
                each.future.set_result(outcome)

    for loop in {each.future.get_loop() for each, _ in group}:
        with suppress(RuntimeError):  # the loop is gone, and with it who waited
            loop.call_soon_threadsafe(resolve, loop)


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
