"""The mailbox engine on SQLite: group commit by event loop and one writer thread, readers on connections of their own.

A batch is one BEGIN IMMEDIATE. What is frequent in it goes by few statements for all (`engine/sql/batch`); what is rare
(mailboxes, passes and references made or ended, retention) goes one by one, each in a SAVEPOINT, so that one that is
refused takes nothing of its neighbours along. The one COMMIT is one fsync. How batches come about: `writer.py`; there
too how to use it in tests. Each `apply` is one transaction.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import groupby
from typing import Final, cast

from zajil.engine.sql import interface as op
from zajil.engine.sql import transactions
from zajil.engine.sql.batch.batch import BATCHED, Batch, Batched
from zajil.engine.sql.batch.known import Known
from zajil.engine.sql.interface import MailboxState, Operation, Outcome
from zajil.engine.sql.queues import SqliteSql
from zajil.engine.sql.sqlite.database import BUSY_TIMEOUT_MS, SQLiteDatabase, set_pragmas
from zajil.engine.sql.sqlite.heads import Heads
from zajil.engine.sql.sqlite.passing import ROSTER_BYTES, Passing
from zajil.engine.sql.transactions import Effects, Rare, Transaction
from zajil.engine.sql.writer import BUSY_RETRY_MS, LOG, Done, Parts, QueuedMailboxEngine, join
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import Msg
from zajil.protocol.ids import MailboxId
from zajil.protocol.limits import DELIVERY_REF_BYTES, R_WINDOW_MESSAGES, ROSTER_ENTRIES

_CACHE_KIB: Final = 32 * 1024
"""Of pages, of the writer alone: many mailboxes, each at a place of its own, are more than SQLite's own 2 MiB."""

ROWS_OF_ACKED: Final = 4
"""An entry that goes takes 24 us, with its share of its message; one that comes 6."""
HEADS_HERE: Final = 4096
"""Requests that others stored, or all of them after VACUUM, which the event loop takes in by itself: some 10 ms."""
READS_HERE: Final = 16
"""Entries that the event loop reads by itself: some 15 us each, where the way to a thread and back takes 100."""


class SQLiteMailboxEngine(QueuedMailboxEngine):
    """See `MailboxEngine`. The tables must exist already (Alembic, or `Database.create_tables` in tests)."""

    def __init__(self, database: SQLiteDatabase, parts: Parts) -> None:
        super().__init__(parts)
        self._database = database
        self._connection: sqlite3.Connection | None = None
        self._heads: Heads | None = None
        self._waits_ms = 0
        self._known = Known()
        self._passing: Passing | None = None
        self._local = threading.local()
        self._open_readers: list[sqlite3.Connection] = []

    # One batch

    def _run_batch(self, operations: Sequence[Operation], now_ms: int) -> Done:
        """In one transaction; where a bug breaks that, in one each."""
        try:
            with self._database.turn:
                return self._run_together(operations, now_ms)
        except (sqlite3.OperationalError, ZajilError, OSError):
            # A full disk, or another process holding the file too long: nothing of this batch is stored.
            LOG.exception("a batch of mailbox operations could not be written")
            return [], [error("busy", retry_ms=BUSY_RETRY_MS) for _ in operations]
        except Exception:  # noqa: BLE001  # a bug in one operation must not take its neighbours along
            if len(operations) == 1:
                LOG.exception("a mailbox operation failed")
                return [], [error("internal")]
            runs = [self._run_batch([each], now_ms) for each in operations]
            return join(runs)

    def _run_together(self, operations: Sequence[Operation], now_ms: int) -> Done:
        self._wait_up_to(BUSY_TIMEOUT_MS)
        done = self._run_open(operations, now_ms)
        self._commit()
        return done

    def _commit(self) -> None:
        connection = self._writing()
        try:
            connection.execute("COMMIT")
        except BaseException:
            self._undo(connection)
            raise

    def _undo(self, connection: sqlite3.Connection) -> None:
        self._known.forget()
        if self._heads is not None:
            self._heads.go_back()
        if connection.in_transaction:
            connection.execute("ROLLBACK")

    def _run_open(self, operations: Sequence[Operation], now_ms: int, *, most_heads: int | None = None) -> Done:
        """All but COMMIT. most_heads: see `Heads.catch_up`. Raising, it has rolled back."""
        connection = self._writing()
        done: list[Effects] = []
        outcomes: list[Outcome | Exception] = []
        connection.execute("BEGIN IMMEDIATE")
        try:
            if self._heads is not None:
                self._heads.begin()
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            self._known.hold_at(version)
            for batched, run in groupby(operations, lambda each: isinstance(each, BATCHED)):
                if batched:
                    if self._heads is not None:
                        self._heads.catch_up(most=most_heads)  # with what a batch before stored in this transaction
                    sql = SqliteSql(connection)
                    batch = Batch(sql, self._tools, now_ms, set(), self._known)
                    effects, batched_outcomes = batch.run(cast("list[Batched]", list(run)))  # as `BATCHED` told them
                    done.append(effects)
                    outcomes += batched_outcomes
                    self.last_statements = sql.statements
                else:
                    self._known.forget()
                    outcomes += [self._run_apart(connection, cast("Rare", each), now_ms, done) for each in run]
        except BaseException:
            self._undo(connection)
            raise
        return done, outcomes

    def _run_apart(
        self, connection: sqlite3.Connection, operation: Rare, now_ms: int, done: list[Effects]
    ) -> Outcome | Exception:
        tx = Transaction(SqliteSql(connection), self._tools, now_ms)
        connection.execute("SAVEPOINT operation")
        outcome: Outcome | Exception
        try:
            outcome = transactions.run(tx, operation)
            tx.sql.settle()
        except ZajilError as refusal:
            outcome = refusal
        except sqlite3.OperationalError:
            raise  # disk full, I/O error, lock: the whole batch fails
        except Exception:  # noqa: BLE001  # a bug in one operation must not take its neighbours along
            LOG.exception("a mailbox operation failed")
            outcome = error("internal")
        if isinstance(outcome, Exception):
            connection.execute("ROLLBACK TO operation")
        else:
            done.append(tx)
        connection.execute("RELEASE operation")
        self.last_statements = tx.sql.statements
        return outcome

    # A batch that the event loop begins

    begins_here = True

    def _prepare(self) -> None:
        with suppress(sqlite3.Error, OSError):  # as for a batch, which tries it again and tells
            self._writing()

    def _weigh(self, operation: Operation) -> int | None:
        if isinstance(operation, op.Send):
            size = self._known.sizes.get(operation.gid)
            if size is None:
                return ROSTER_ENTRIES
            return size // DELIVERY_REF_BYTES if size <= ROSTER_BYTES else None
        if not isinstance(operation, op.Ack) or not operation.of_window:
            return None
        box = self._known.boxes.get(operation.mailbox_id)
        rows = R_WINDOW_MESSAGES if box is None else min(max(operation.upto - box.acked, 0), box.entries)
        return rows * ROWS_OF_ACKED

    def _begin_here(self, operations: Sequence[Operation], now_ms: int) -> Done | None:
        turn = self._database.turn
        if self._connection is None:
            return None  # a day's requests are read first
        try:
            if not turn.enter_now():
                return None
        except OSError:
            return None  # as below
        try:
            self._wait_up_to(0)
            return self._run_open(operations, now_ms, most_heads=HEADS_HERE)
        except BaseException as fault:
            turn.leave()
            if not isinstance(fault, Exception):
                raise
            return None  # the thread meets the same, and answers for it

    def _finish(self, done: Done) -> Done:
        try:
            try:
                self._commit()
            finally:
                self._database.turn.leave()
        except Exception:  # noqa: BLE001  # whatever it is: nobody hears that this batch is stored, and retries tell
            LOG.exception("a batch of mailbox operations could not be written")
            return [], [error("busy", retry_ms=BUSY_RETRY_MS) for _ in done[1]]
        return done

    def _wait_up_to(self, milliseconds: int) -> None:
        """For whoever has SQLite's lock without a turn."""
        connection = self._writing()
        if milliseconds != self._waits_ms:
            connection.execute(f"PRAGMA busy_timeout={milliseconds:d}")
            self._waits_ms = milliseconds

    # Without a batch

    judges_here = True

    def _open_judge(self) -> Passing:
        if self._passing is None:
            connection = self._connect_reading()
            connection.execute("PRAGMA busy_timeout=0")
            self._passing = Passing(connection, self._tools)
        return self._passing

    # Reading

    async def read(
        self, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int = op.READ_BYTES_MAX
    ) -> tuple[Msg, ...]:
        if n > READS_HERE or self._is_away:
            return await super().read(mailbox_id, after, n=n, max_bytes=max_bytes)
        began = time.perf_counter()
        found = self.read_now(mailbox_id, after, n=n, max_bytes=max_bytes)
        self._note_wait(began)
        return found

    async def mailbox_state(self, mailbox_id: MailboxId) -> MailboxState:
        if self._is_away:
            return await super().mailbox_state(mailbox_id)
        began = time.perf_counter()
        state = self.state_now(mailbox_id)
        self._note_wait(began)
        return state

    # Connections

    def _writing(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = self._connect(f"PRAGMA cache_size=-{_CACHE_KIB:d}", cached_statements=512)
            try:
                self._heads = Heads(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection  # last: the event loop begins no batch before
            self._waits_ms = BUSY_TIMEOUT_MS
        return self._connection

    def _connect(self, last: str, *, cached_statements: int = 128) -> sqlite3.Connection:
        """With all its pragmas, or not at all: without files to open, say, it is tried again and again."""
        connection = sqlite3.connect(
            self._database.path, isolation_level=None, check_same_thread=False, cached_statements=cached_statements
        )
        try:
            set_pragmas(connection)
            connection.execute(last)
        except BaseException:
            connection.close()
            raise
        return connection

    def _reading(self) -> SqliteSql:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect_reading()
        return SqliteSql(connection)

    def _connect_reading(self) -> sqlite3.Connection:
        connection = self._connect("PRAGMA query_only=ON")
        self._open_readers.append(connection)
        return connection

    def _disconnect(self) -> None:
        for connection in (self._connection, *self._open_readers):
            if connection is not None:
                connection.close()
        self._connection = self._passing = self._heads = None
        self._open_readers.clear()
