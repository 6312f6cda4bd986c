"""The mailbox engine on PostgreSQL: many gateways on one database, each with one writer and a few readers.

What is frequent goes as one set-based transaction (`batch.py`). What is rare (mailboxes, passes and references made or
ended, retention) goes one by one, each in a SAVEPOINT, by the statements that SQLite runs. Both keep the order in which
a batch came; each run of one sort is a transaction of its own, and all are durable before anybody is answered.

No server is waited for: a connection that broke is made anew with the next batch, and meanwhile the answer is `busy`.
Where it broke during COMMIT nobody knows whether it took place; the retry finds out by its idempotency key.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from itertools import groupby
from typing import Final, cast

import psycopg
from psycopg import errors

from zajil.engine.sql import interface as op
from zajil.engine.sql import transactions
from zajil.engine.sql.batch.batch import BATCHED, Batch, Batched
from zajil.engine.sql.batch.known import Known
from zajil.engine.sql.batch.ledger import TryAgain
from zajil.engine.sql.interface import Operation, Outcome
from zajil.engine.sql.postgres import timeline
from zajil.engine.sql.postgres.connection import (
    Connection,
    PostgresSql,
    ReadingSql,
    connect,
    roll_back,
)
from zajil.engine.sql.transactions import Effects, Rare, Transaction
from zajil.engine.sql.writer import BUSY_RETRY_MS, LOG, Done, Parts, QueuedMailboxEngine, join
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import MailboxId

TRIES: Final = 6
"""Of one transaction that others stood in the way of, with a pause between them that grows and is never the same."""
_PAUSE_S: Final = 0.01
_TELL_S: Final = 60.0
"""An outage that lasts is told of so often, and not with every batch."""

_Again = (errors.SerializationFailure, errors.DeadlockDetected, TryAgain)
_Outage = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError, *_Again)


class PostgresMailboxEngine(QueuedMailboxEngine):
    """See `MailboxEngine`. url: `postgresql://...`, of a database in which the tables exist already.

    follower: shared with whatever else of this gateway writes there.
    """

    def __init__(self, url: str, parts: Parts, *, follower: timeline.Follower | None = None) -> None:
        super().__init__(parts)
        self._url = url
        self._follower = follower or timeline.Follower()
        self._connection: Connection | None = None
        self._history: timeline.History | None = None
        self._local = threading.local()
        self._open_readers: list[Connection] = []
        self._doubted: frozenset[MailboxId] = frozenset()
        self._told_at: dict[type[Exception], float] = {}
        """When the log was told of an outage of this sort, since the last batch that was written."""
        self.tries = 0
        """Transactions begun."""

    def _run_batch(self, operations: Sequence[Operation], now_ms: int) -> Done:
        runs = groupby(operations, lambda each: isinstance(each, BATCHED))
        return join([self._run_safely(list(run), now_ms, batched=batched) for batched, run in runs])

    def _run_safely(self, part: Sequence[Operation], now_ms: int, *, batched: bool) -> Done:
        try:
            return self._run_part(part, now_ms, batched=batched)
        except _Outage as fault:
            self._tell(fault)
            return [], [error("busy", retry_ms=BUSY_RETRY_MS) for _ in part]
        except Exception:  # noqa: BLE001  # a bug in one operation must not take its neighbours along
            if len(part) == 1:
                LOG.exception("a mailbox operation failed")
                return [], [error("internal")]
            return join([self._run_safely([each], now_ms, batched=batched) for each in part])

    def _tell(self, fault: Exception) -> None:
        if isinstance(fault, timeline.ReplacedServer):
            return  # the follower told
        now = time.monotonic()
        if now - self._told_at.get(type(fault), -_TELL_S) < _TELL_S:
            return
        self._told_at[type(fault)] = now
        LOG.error("a batch of mailbox operations could not be written", exc_info=fault)

    def _run_part(self, part: Sequence[Operation], now_ms: int, *, batched: bool) -> Done:
        """In one transaction, tried again where others stood in its way. Raises what `_Outage` lists."""
        charged: set[int] = set()
        for number in range(1, TRIES + 1):
            try:
                return self._try_part(part, now_ms, batched=batched, charged=charged)
            except _Again:
                if number == TRIES:
                    raise
                time.sleep(_PAUSE_S * number * random.uniform(0.5, 1.5))  # noqa: S311  # it hides nothing
        raise TryAgain

    def _try_part(self, part: Sequence[Operation], now_ms: int, *, batched: bool, charged: set[int]) -> Done:
        connection = self._writing(now_ms)
        self.tries += 1
        done: list[Effects] = []
        try:
            connection.execute("BEGIN")
            if batched:
                sql = PostgresSql(connection)
                batch = Batch(sql, self._tools, now_ms, charged, Known())
                effects, outcomes = batch.run(cast("Sequence[Batched]", part))  # as `BATCHED` told them apart
                done = [effects]
                self.last_statements = sql.statements
            else:
                outcomes = [self._run_apart(connection, cast("Rare", each), now_ms, done) for each in part]
            connection.execute("COMMIT")
            self._told_at.clear()
        except BaseException:
            # Where only the answer to COMMIT was lost, a repeated request is a `dup`, which wakes nobody.
            self._doubted |= {entry.mailbox_id for each in done for entry in each.entries}
            roll_back(connection)
            raise
        if self._doubted:
            done.append(Effects())
            done[-1].doubted, self._doubted = self._doubted, frozenset()
            done[-1].wakes = True
        return done, outcomes

    def _run_apart(
        self, connection: Connection, operation: Rare, now_ms: int, done: list[Effects]
    ) -> Outcome | Exception:
        tx = Transaction(PostgresSql(connection), self._tools, now_ms)
        connection.execute("SAVEPOINT operation")
        outcome: Outcome | Exception
        try:
            outcome = _run_rare(tx, operation)
        except ZajilError as refusal:
            outcome = refusal
        except _Outage:
            raise  # the whole transaction fails
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

    # Connections

    def _writing(self, now_ms: int) -> Connection:
        if self._connection is not None and self._follower.is_left(self._history):
            self._connection.close()
        if self._connection is None or self._connection.closed:
            connection = connect(self._url)
            try:
                self._history = self._follower.follow(connection, now_ms)
            except BaseException:
                connection.close()  # of a standby that takes over only now, too: the next one is asked again
                raise
            self._connection = connection
        return self._connection

    def _reading(self) -> ReadingSql:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None and self._follower.is_left(getattr(self._local, "history", None)):
            connection.close()
        if connection is None or connection.closed:
            try:
                connection = connect(self._url)
                self._local.history = self._look(connection)
            except psycopg.OperationalError as fault:
                raise error("busy", retry_ms=BUSY_RETRY_MS) from fault
            self._local.connection = connection
            self._open_readers = [*(each for each in self._open_readers if not each.closed), connection]
        return ReadingSql(connection)

    def _look(self, connection: Connection) -> timeline.History | None:
        try:
            return self._follower.look(connection)
        except BaseException:
            connection.close()
            raise

    def _disconnect(self) -> None:
        for connection in (self._connection, *self._open_readers):
            if connection is not None:
                connection.close()
        self._connection = None
        self._open_readers.clear()


def _run_rare(tx: Transaction, operation: Rare) -> Outcome:
    """Carry one out that is not batched. Raises what it names."""
    sql = cast("PostgresSql", tx.sql)
    match operation:
        case op.DropMailbox() | op.LiftMailbox():
            _lock(sql, [operation.mailbox_id])
            outcome = transactions.run(tx, operation)
        case op.DenyRef() | op.AllowRef():
            _lock(sql, [operation.mailbox_id])  # a batch that delivers to it is through, or sees this
            outcome = transactions.run(tx, operation)
        case op.Expire():
            most = transactions.expire_the_rest(tx, operation.rows)
            outcome = op.Done(max(most, _expire_messages(sql, tx.now_ms // 1000, operation.rows)))
        case _:
            outcome = transactions.run(tx, operation)
    sql.settle()
    return outcome


def _lock(sql: PostgresSql, mailbox_ids: Sequence[bytes]) -> None:
    sql.run("SELECT 1 FROM mailbox WHERE mailbox_id = ANY(?) ORDER BY mailbox_id FOR UPDATE", (sorted(mailbox_ids),))


def _expire_messages(sql: PostgresSql, now_s: int, rows: int) -> int:
    """As `queues.expire_messages`, in 6 statements."""
    old = sql.run("SELECT id FROM message WHERE expires <= ? ORDER BY expires LIMIT ?", (now_s, rows)).fetchall()
    ids = [message_id for (message_id,) in old]
    if not ids:
        return 0
    boxes = sql.run("SELECT DISTINCT mailbox_id FROM mailbox_item WHERE message_id = ANY(?)", (ids,)).fetchall()
    _lock(sql, [mailbox_id for (mailbox_id,) in boxes])
    sql.run(
        "WITH gone AS (DELETE FROM mailbox_item WHERE message_id = ANY(?) RETURNING mailbox_id, size),"
        " less AS (SELECT mailbox_id, COUNT(*) AS count, SUM(size)::bigint AS bytes FROM gone GROUP BY mailbox_id)"
        " UPDATE mailbox SET count = mailbox.count - less.count, bytes = mailbox.bytes - less.bytes"
        " FROM less WHERE mailbox.mailbox_id = less.mailbox_id",
        (ids,),
    )
    sql.run("SELECT 1 FROM message WHERE id = ANY(?) ORDER BY id FOR UPDATE", (sorted(ids),))
    sql.run("DELETE FROM message WHERE id = ANY(?)", (ids,))
    return len(ids)
