"""A server's database: shared metadata, and transactions of everything but the mailbox hot path.

Every service declares its tables in its own `store.py` on `METADATA` and runs Core statements through `Database`, which
is a file of SQLite (`sqlite/database.py`) or a database of PostgreSQL (`postgres/database.py`).

One writer at a time, on either: a work that reads, decides and writes needs no lock of its own, and numbers of rows are
given in the order in which they become visible. Group commit: what waits to be written when the writer is free goes
into one transaction, each work apart from the others, in the order in which it came. One that fails takes nothing of
the others along; nobody is answered before the one COMMIT, and where that fails nothing of the group is stored.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ClassVar, Final, Literal, NamedTuple, TypeVar

from sqlalchemy import BigInteger, Connection, Engine, Index, Integer, MetaData, text
from sqlalchemy.exc import DataError, DBAPIError

from zajil.engine.sql.prepared import Prepared
from zajil.protocol.errors import ZajilError, error

METADATA = MetaData()
GROUP_MAX: Final = 256
"""Works of one transaction."""
QUEUE_MAX: Final = 20_000
"""Works that wait; who comes then hears `busy`."""
GROUP_S: Final = 0.050
"""A group takes no more works after so long: those it has wait for its COMMIT."""

DEADLINE_S: Final = 10.0
"""So long a writer waits for its turn, of whichever process it is."""

_LOST_STATES: Final = frozenset({"25P03"})
"""A transaction that idled too long."""
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


U64: Final = Integer().with_variant(BigInteger, "postgresql")
"""Of a column that may outgrow 31 bits: times, sizes, numbers of rows. An INTEGER of SQLite has 64 bits anyway."""


def index_where_set(name: str, column: str) -> Index:
    """Over a column that is mostly NULL: only of the rows where it is not, on either database."""
    condition = text(f"{column} IS NOT NULL")
    return Index(name, column, sqlite_where=condition, postgresql_where=condition)


class Waiting(NamedTuple):
    """A work and who waits for it. flushed: whether it has to be on the disk when they hear of it.

    alone: it shares its transaction with no other.
    """

    work: Callable[[Connection], Any]  # Any: of whatever type its future is
    future: asyncio.Future[Any]
    flushed: bool
    alone: bool = False


class Database(ABC):
    """Transactions. The functions given to `read` and `write` run in a thread, inside one, and must be short.

    Raising rolls back. `read_sync` and `write_sync` are the same in the calling thread (admin commands, tests).
    Unavailable `busy` is raised where the database cannot be reached, or somebody else holds it too long.
    """

    locks_rows: ClassVar[bool] = True
    """Whether mailboxes are written meanwhile, and a transaction holds the rows that it has written."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="zajil-sql")
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="zajil-sql-write")
        self._queue: deque[Waiting] = deque()
        self._queue_lock = threading.Lock()
        self._is_writing = False

    @property
    @abstractmethod
    def place(self) -> str:
        """Where it is, for an operator; it holds no password."""

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """The writing SQLAlchemy engine, for Alembic."""

    def create_tables(self) -> None:
        """All tables of all imported services, without Alembic: for tests and deterministic machines only."""
        METADATA.create_all(self.engine)

    @abstractmethod
    def write_sync(self, work: Callable[[Connection], T]) -> T:
        """The result of `work` after its transaction is durable; no other work is written meanwhile."""

    @abstractmethod
    def read_sync(self, work: Callable[[Connection], T]) -> T:
        """The result of `work` in one read-only snapshot."""

    @abstractmethod
    def read_kept(self, work: Callable[[Connection], T]) -> T:
        """`read_sync` on a connection that stays open, the calling thread's own: for one that reads again and again."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """`write_sync` in the writing thread, in one transaction with whatever else waits; see the module.

        A work that was not begun when its caller is cancelled never runs; one that was begun is done to its end.
        """
        return await self._enqueue(work, flushed=True)

    async def write_alone(self, work: Callable[[Connection], T]) -> T:
        """`write` in a transaction of its own: for a work that locks a row of mailboxes, or of pushes that are due.

        Several in one would lock such rows in the order in which they came, and the mailbox engine of PostgreSQL locks
        them in that of their keys: sooner or later each waits for the other, and one of them hears `busy`. A file of
        SQLite is locked as a whole, and there it is a `write` as any other.
        """
        return await self._enqueue(work, flushed=True, alone=True)

    async def write_unflushed(self, work: Callable[[Connection], T], *, alone: bool = False) -> T:
        """`write` without waiting for the disk: what it stored may be gone after a power cut, with all that came later.

        For what is found out and done again then: leases, marks of what is finished, copies of what is stored already.
        Written together with a `write`, it is flushed with it. alone: as `write_alone`.
        """
        return await self._enqueue(work, flushed=False, alone=alone)

    async def _enqueue(self, work: Callable[[Connection], T], *, flushed: bool, alone: bool = False) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with self._queue_lock:
            if len(self._queue) >= QUEUE_MAX:
                raise error("busy", retry_ms=_BUSY_RETRY_MS)
            self._queue.append(Waiting(work, future, flushed, alone and self.locks_rows))
            begins, self._is_writing = not self._is_writing, True
        if begins:
            self._writing.submit(self._write_queue)
        return await future

    async def read(self, work: Callable[[Connection], T]) -> T:
        """`read_sync` in a thread, on a connection that stays open."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_kept, work)

    async def peek(self, question: Prepared, values: Mapping[str, int | bytes | str]) -> tuple[Any, ...] | None:
        """The first row of `peek_all`."""
        rows = await self.peek_all(question, values)
        return rows[0] if rows else None

    @abstractmethod
    async def peek_all(self, question: Prepared, values: Mapping[str, int | bytes | str]) -> list[tuple[Any, ...]]:
        """A few rows by their key, which every request asks for. One statement is a snapshot of its own."""

    @abstractmethod
    def truncate_log(self) -> None:
        """What the database keeps of deleted rows outside its tables is gone, as far as it can be told to."""

    async def empty_log(self) -> None:
        """`truncate_log` in a thread that `close` waits for, also when the caller is cancelled."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self.truncate_log)

    def close(self) -> None:
        """Wait for running transactions, then close every connection."""
        self._writing.shutdown()
        self._threads.shutdown()
        self._disconnect()

    @abstractmethod
    def _disconnect(self) -> None: ...

    @abstractmethod
    def _write_group(self, first: Waiting, group: list[tuple[Waiting, Any]]) -> None:
        """One transaction: this work and what waits behind it. group: filled with the works and their outcomes."""

    # The writing thread

    def _write_queue(self) -> None:
        """Write until nothing waits."""
        while (first := self._take(first=True)) is not None:
            group: list[tuple[Waiting, Any]] = []
            try:
                self._write_group(first, group)
            except BaseException as fault:  # noqa: BLE001  # whatever kept the group from the disk, all of it hear so
                # Without a turn none was begun, and who came meanwhile would wait for the next one as long, one by one.
                failed = [one for one, _ in group] or [first, *self._take_all()]
                group = [(each, Failed(as_error(fault))) for each in failed]
            _answer(group)

    def _take(self, *, first: bool, flushed: bool = True) -> Waiting | None:
        """The work that waits longest. first: where there is none, the thread is done.

        flushed: whether the transaction it would join is; None where it needs that and would not get it, or joins none.
        """
        with self._queue_lock:
            while self._queue:
                if not first and (self._queue[0].alone or (self._queue[0].flushed and not flushed)):
                    return None
                each = self._queue.popleft()
                if not each.future.cancelled():
                    return each
            if first:
                self._is_writing = False
            return None

    def _take_all(self) -> list[Waiting]:
        with self._queue_lock:
            taken = list(self._queue)
            self._queue.clear()
            return taken


class Failed(NamedTuple):
    """The outcome of a work that raised."""

    fault: Exception


def is_outage(fault: BaseException) -> bool:
    """Whether a write failed because of the machine or of who else writes, and not because of what was written."""
    if isinstance(fault, ZajilError):
        return fault.code == "busy"
    code = _sqlite_code(fault)
    return _is_of_postgres(fault) if code is None else code in _OUTAGES


def tell_failure(log: logging.Logger, what: str, fault: Exception) -> None:
    """Log what a background task could not do. Of an outage one line, as it fails again each time it is tried."""
    if not is_outage(fault):
        log.error(what, exc_info=fault)
        return
    reason = str(fault.__cause__ or fault).partition("\n")[0]
    log.error("%s: the database cannot be read or written now (%s)", what, reason)


def say_outage(fault: BaseException) -> str:
    """What the database's driver said, on one line and without SQLAlchemy's words. fault: it, or what came of it."""
    while isinstance(fault, ZajilError) and fault.__cause__ is not None:
        fault = fault.__cause__
    driver = fault.orig if isinstance(fault, DBAPIError) and fault.orig is not None else fault
    lines = [line.strip() for line in str(driver).splitlines() if line.strip()]
    # Of several addresses of one name, each in a line of its own below a heading.
    tried = [line for line in lines if line.startswith("- ")]
    return tried[-1].removeprefix("- ") if tried else (lines or [type(driver).__name__])[0]


def _sqlite_code(fault: BaseException) -> int | None:
    """SQLite's primary code of this error, None where it is not one of SQLite's."""
    driver = fault.orig if isinstance(fault, DBAPIError) else fault
    return driver.sqlite_errorcode & 0xFF if isinstance(driver, sqlite3.Error) and driver.sqlite_errorcode else None


def _is_of_postgres(fault: BaseException) -> bool:
    """Whether it is of PostgreSQL, and of its server or the way there: two of its classes are nothing else.

    By their names, since whoever has a file of SQLite has no such driver.
    """
    driver = fault.orig if isinstance(fault, DBAPIError) else fault
    named = {each.__name__ for each in type(driver).__mro__ if each.__module__.startswith("psycopg")}
    if not named:
        return False
    return bool(named & {"OperationalError", "InterfaceError"}) or getattr(driver, "sqlstate", None) in _LOST_STATES


def as_error(fault: BaseException) -> Exception:
    """What is told to whoever waits: a future takes no StopIteration, and what would end the event loop ends none."""
    if _sqlite_code(fault) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) or _is_of_postgres(fault):
        told: Exception = error("busy", "the database cannot be written now", retry_ms=_BUSY_RETRY_MS)
        told.__cause__ = fault
        return told
    if isinstance(fault, DataError):
        told = error("malformed", "a value that the database does not take")  # NUL in a text, a number of 65 bits
        told.__cause__ = fault
        return told
    if isinstance(fault, Exception) and not isinstance(fault, StopIteration):
        return fault
    told = RuntimeError(f"a write was broken off by {type(fault).__name__}")
    told.__cause__ = fault
    return told


def _answer(group: list[tuple[Waiting, Any]]) -> None:
    """Hand the outcomes to those who wait, in one call for each event loop."""

    def resolve(loop: asyncio.AbstractEventLoop) -> None:
        for each, outcome in group:
            if each.future.get_loop() is not loop or each.future.done():
                continue
            if isinstance(outcome, Failed):
                each.future.set_exception(outcome.fault)
            else:
                each.future.set_result(outcome)

    for loop in {each.future.get_loop() for each, _ in group}:
        with suppress(RuntimeError):  # the loop is gone, and with it who waited
            loop.call_soon_threadsafe(resolve, loop)
