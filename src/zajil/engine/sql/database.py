"""The one database of a server: shared metadata, connections with the pragmas that durability rests on, transactions.

Every service declares its tables in its own `store.py` on `METADATA` and runs Core statements through `Database`.
SQLite allows one writer at a time: the writers of a process take turns (`Turn`, first come first served), and
`busy_timeout` covers other processes, so that the admin commands work beside a running server.

WAL with `synchronous=FULL`: a transaction is on the disk when COMMIT returns. `secure_delete=ON`: deleted rows are
overwritten with zeros, else free pages would keep old pointers from messages to mailboxes.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, Engine, MetaData, create_engine, event

METADATA = MetaData()
BUSY_TIMEOUT_MS = 10_000
FILE_NAME = "zajil.db"

ColumnClass = Literal["identifier", "key", "ciphertext", "counter", "time", "flag", "text"]
"""What a column holds. text: what people wrote for the public, in clear; the private space has none."""
T = TypeVar("T")


def describe(kind: ColumnClass, purpose: str, retention: str) -> dict[str, str]:
    """`Column.info` of a column: what `zajil data-inventory` prints about it."""
    return {"class": kind, "purpose": purpose, "retention": retention}


class Turn:
    """A lock that is taken in order of arrival, so that a busy mailbox writer never starves a registration."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._next = 0
        self._serving = 0

    def __enter__(self) -> None:
        with self._condition:
            ticket = self._next
            self._next += 1
            self._condition.wait_for(lambda: ticket == self._serving)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with self._condition:
            self._serving += 1
            self._condition.notify_all()


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
        self.turn = Turn()
        self._writer = _make_engine(path, begin="BEGIN IMMEDIATE", read_only=False)
        self._reader = _make_engine(path, begin="BEGIN", read_only=True)
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="zajil-sql")

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
        """`write_sync` in a thread. Cancelling does not stop a transaction that has begun."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.write_sync, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """`read_sync` in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_sync, work)

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
        self._threads.shutdown()
        self._reader.dispose()
        self._writer.dispose()


def _make_engine(path: Path, *, begin: str, read_only: bool) -> Engine:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})

    @event.listens_for(engine, "connect")
    def _on_connect(raw: Any, _record: Any) -> None:  # Any: SQLAlchemy types its DBAPI hooks so
        raw.isolation_level = None  # the driver opens no transaction by itself; ours begins as `begin` says
        set_pragmas(raw)
        if read_only:
            raw.execute("PRAGMA query_only=ON")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
