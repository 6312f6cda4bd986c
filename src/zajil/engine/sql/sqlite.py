"""The mailbox engine on SQLite: one writer thread with group commit, readers on connections of their own.

The writer takes everything queued (at most 512 operations) into one BEGIN IMMEDIATE, each operation in a SAVEPOINT, so
that one that is refused takes nothing of its neighbours along. After the one COMMIT, which is one fsync, all futures
resolve. What arrives meanwhile is the next batch.

Deterministic use, for tests and state machines: do not `start`; call `apply(operations, now_ms=...)`, `read_now` and
`state_now` in one thread. Each `apply` is one transaction, durable on return, with the time passed in; with a seeded
`random` the same operations give the same rows. A crash is `abandon()` and a new engine on the same file.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from zajil.engine.bus import Bus
from zajil.engine.keys import Keys
from zajil.engine.limits import Limits
from zajil.engine.sql import interface as op
from zajil.engine.sql import queues, schema, transactions
from zajil.engine.sql.database import Database, set_pragmas
from zajil.engine.sql.interface import MailboxEngine, MailboxState, Operation, Outcome, RefOpener
from zajil.engine.sql.queues import Cap, Sql
from zajil.engine.sql.transactions import Tools, Transaction
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import Msg
from zajil.protocol.ids import GroupId, MailboxId

TABLES = (schema.grp, schema.message, schema.mailbox, schema.mailbox_item, schema.push_due, schema.idem)
"""What the engine reads and writes; naming them here puts them on the shared metadata wherever the engine is used."""
_LOG = logging.getLogger(__name__)
_BUSY_RETRY_MS = 1000
_READERS = 2

_Queued = tuple[Operation, "asyncio.Future[Outcome]"]


class SQLiteMailboxEngine(MailboxEngine):
    """See `MailboxEngine`. The tables must exist already (Alembic, or `Database.create_tables` in tests)."""

    def __init__(
        self,
        database: Database,
        *,
        keys: Keys,
        open_ref: RefOpener,
        bus: Bus,
        limits: Limits,
        clock: Callable[[], float] = time.time,
        random: Callable[[int], bytes] = os.urandom,
        cap: Cap = Cap(op.MAILBOX_ENTRIES_MAX, op.MAILBOX_BYTES_MAX),  # noqa: B008  # an immutable constant
        gather_ms: float = 0,
        push_due: Callable[[], None] = lambda: None,
    ) -> None:
        """clock: Unix seconds, read in any thread. gather_ms: how long the writer waits for company.

        push_due: told, as the bus is, that devices may have to be woken by push.
        """
        self._push_due = push_due
        self._database = database
        self._tools = Tools(keys, open_ref, limits, random, cap)
        self._bus = bus
        self._clock = clock
        self._gather_s = gather_ms / 1000
        self._connection: sqlite3.Connection | None = None
        self._queue: deque[_Queued] = deque()
        self._filled = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._readers = ThreadPoolExecutor(max_workers=_READERS, thread_name_prefix="zajil-read")
        self._local = threading.local()
        self._open_readers: list[sqlite3.Connection] = []
        self.last_statements = 0
        """Statements the last operation took, BEGIN and SAVEPOINT aside."""

    # Asynchronous use

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write, name="zajil-writer", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        with self._filled:
            self._closing = True
            self._filled.notify()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
            await asyncio.sleep(0)  # lets the last futures resolve
        self.abandon()

    def abandon(self) -> None:
        self._closing = True
        self._readers.shutdown()
        for connection in (self._connection, *self._open_readers):
            if connection is not None:
                connection.close()
        self._connection = None
        self._open_readers.clear()

    async def create(self, operation: op.Create) -> op.Accepted:
        return _accepted(await self._submit(operation))

    async def commit(self, operation: op.Commit) -> op.Accepted:
        return _accepted(await self._submit(operation))

    async def send(self, operation: op.Send | op.SendEphemeral) -> op.Accepted:
        return _accepted(await self._submit(operation))

    async def notify(self, operation: op.Notify) -> op.Done:
        return _done(await self._submit(operation))

    async def ack(self, mailbox_id: MailboxId, upto: int) -> op.Done:
        return _done(await self._submit(op.Ack(mailbox_id=mailbox_id, upto=upto)))

    async def add_mailbox(self, mailbox_id: MailboxId) -> None:
        await self._submit(op.AddMailbox(mailbox_id=mailbox_id))

    async def drop_mailbox(self, mailbox_id: MailboxId) -> None:
        await self._submit(op.DropMailbox(mailbox_id=mailbox_id))

    async def add_passes(self, operation: op.AddPasses) -> None:
        await self._submit(operation)

    async def deny_ref(self, operation: op.DenyRef) -> None:
        await self._submit(operation)

    async def allow_ref(self, operation: op.AllowRef) -> None:
        await self._submit(operation)

    async def check_member(self, gid: GroupId, epoch: int, token: bytes) -> bool:
        def work() -> bool:
            return transactions.check_member(Sql(self._reading()), gid, epoch, token)

        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def expire(self, *, rows: int = 1000) -> op.Done:
        return _done(await self._submit(op.Expire(rows=rows)))

    async def read(
        self, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int = op.READ_BYTES_MAX
    ) -> tuple[Msg, ...]:
        def work() -> tuple[Msg, ...]:
            return self.read_now(mailbox_id, after, n=n, max_bytes=max_bytes)

        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def mailbox_state(self, mailbox_id: MailboxId) -> MailboxState:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.state_now, mailbox_id)

    async def find_rows(self, message_id: bytes, mailbox_ids: Sequence[MailboxId]) -> tuple[op.StoredRow, ...]:
        def work() -> tuple[op.StoredRow, ...]:
            return queues.find_rows(Sql(self._reading()), message_id, mailbox_ids)

        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def count_rows(self, mailbox_ids: Sequence[MailboxId]) -> Mapping[str, int]:
        def work() -> Mapping[str, int]:
            return queues.count_rows(Sql(self._reading()), mailbox_ids)

        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def _submit(self, operation: Operation) -> Outcome:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        with self._filled:
            if self._closing:
                raise error("restarting", retry_ms=_BUSY_RETRY_MS)
            if len(self._queue) >= op.QUEUE_MAX:
                raise error("busy", retry_ms=_BUSY_RETRY_MS)
            self._queue.append((operation, future))
            self._filled.notify()
        # Shielded: a caller that gives up does not undo what the batch has done.
        return await asyncio.shield(future)

    # The writer thread

    def _write(self) -> None:
        while batch := self._take_batch():
            operations = [operation for operation, _ in batch]
            transactions_, outcomes = self._run_batch(operations, int(self._clock() * 1000))
            self._answer(batch, transactions_, outcomes)

    def _take_batch(self) -> list[_Queued]:
        """Everything queued, at least one; empty when closing and all is done."""
        with self._filled:
            self._filled.wait_for(lambda: self._queue or self._closing)
            if self._gather_s and not self._closing and len(self._queue) < op.BATCH_MAX:
                self._filled.wait_for(lambda: len(self._queue) >= op.BATCH_MAX or self._closing, self._gather_s)
            return [self._queue.popleft() for _ in range(min(len(self._queue), op.BATCH_MAX))]

    def _answer(
        self, batch: list[_Queued], done: Sequence[Transaction], outcomes: Sequence[Outcome | Exception]
    ) -> None:
        """After COMMIT: hand the answers to the event loop, in one call for the whole batch."""

        def resolve() -> None:
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if future.done():
                    continue
                if isinstance(outcome, Exception):
                    future.set_exception(outcome)
                    future.exception()  # marks it as seen: a caller that was cancelled leaves nobody to look
                else:
                    future.set_result(outcome)
            self._wake(done)

        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is gone: the process ends, and retries will find what is done
                self._loop.call_soon_threadsafe(resolve)

    # One batch

    def apply(self, operations: Sequence[Operation], *, now_ms: int) -> list[Outcome | Exception]:
        done, outcomes = self._run_batch(operations, now_ms)
        self._wake(done)
        return outcomes

    def _run_batch(
        self, operations: Sequence[Operation], now_ms: int
    ) -> tuple[list[Transaction], list[Outcome | Exception]]:
        """One transaction for all; the Transactions of those that went well, and every outcome, in order."""
        try:
            with self._database.turn:
                pairs = self._run_together(operations, now_ms)
        except (sqlite3.Error, ZajilError, OSError):
            # A full disk, or another process holding the file too long: nothing of this batch is stored.
            _LOG.exception("a batch of mailbox operations could not be written")
            return [], [error("busy", retry_ms=_BUSY_RETRY_MS) for _ in operations]
        return [tx for tx, outcome in pairs if not isinstance(outcome, Exception)], [outcome for _, outcome in pairs]

    def _run_together(
        self, operations: Sequence[Operation], now_ms: int
    ) -> list[tuple[Transaction, Outcome | Exception]]:
        connection = self._writing()
        try:
            connection.execute("BEGIN IMMEDIATE")
            pairs = [self._run_one(connection, operation, now_ms) for operation in operations]
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return pairs

    def _run_one(
        self, connection: sqlite3.Connection, operation: Operation, now_ms: int
    ) -> tuple[Transaction, Outcome | Exception]:
        tx = Transaction(Sql(connection), self._tools, now_ms)
        connection.execute("SAVEPOINT operation")
        outcome: Outcome | Exception
        try:
            outcome = transactions.run(tx, operation)
        except ZajilError as refusal:
            outcome = refusal
        except sqlite3.OperationalError:
            raise  # disk full, I/O error, lock: the whole batch fails
        except Exception:  # noqa: BLE001  # a bug in one operation must not take its neighbours along
            _LOG.exception("a mailbox operation failed")
            outcome = error("internal")
        if isinstance(outcome, Exception):
            connection.execute("ROLLBACK TO operation")
        connection.execute("RELEASE operation")
        self.last_statements = tx.sql.statements
        return tx, outcome

    def _wake(self, done: Sequence[Transaction]) -> None:
        woken: set[MailboxId] = set()
        for tx in done:
            woken |= tx.woken
        self._bus.wake(woken)
        if any(tx.wakes for tx in done):
            self._push_due()
        for tx in done:
            for mailbox_ids, frame in tx.volatile:
                self._bus.publish(mailbox_ids, frame)

    # Reading

    def read_now(
        self, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int = op.READ_BYTES_MAX
    ) -> tuple[Msg, ...]:
        sql, keys = Sql(self._reading()), self._tools.keys
        return queues.read_entries(sql, keys, mailbox_id, after, n=n, max_bytes=max_bytes, now_s=self._clock())

    def state_now(self, mailbox_id: MailboxId) -> MailboxState:
        return queues.state_of(Sql(self._reading()), mailbox_id)

    # Connections

    def _writing(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(
                self._database.path, isolation_level=None, check_same_thread=False, cached_statements=512
            )
            set_pragmas(self._connection)
        return self._connection

    def _reading(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._database.path, isolation_level=None, check_same_thread=False)
            set_pragmas(connection)
            connection.execute("PRAGMA query_only=ON")
            self._local.connection = connection
            self._open_readers.append(connection)
        return connection


def _accepted(outcome: Outcome) -> op.Accepted:
    if not isinstance(outcome, op.Accepted):
        raise error("internal")
    return outcome


def _done(outcome: Outcome) -> op.Done:
    if not isinstance(outcome, op.Done):
        raise error("internal")
    return outcome
