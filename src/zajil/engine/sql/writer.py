"""What every mailbox engine shares: a queue, one writer thread that takes batches from it, and threads that read.

The writer takes everything queued (at most 512 operations) as one batch. What arrives meanwhile is the next. When the
batch is durable all who wait are told, in one call into the event loop. Nobody waits for an acknowledgement: it goes
with what comes next, or by itself soon after.

Where a database has a way for it (`_begin_here`), the event loop itself carries out the statements of a batch of what
is frequent and short, and the writer's thread only makes it durable: two threads that both compute take the interpreter
from each other some thirty times a batch, which costs more than the statements do.

Deterministic use, for tests and state machines: do not `start`; call `apply(operations, now_ms=...)`, `read_now` and
`state_now` in one thread. Each `apply` is durable on return, with the time passed in; with a seeded `random` the same
operations give the same rows. A crash is `abandon()` and a new engine on the same database.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from abc import abstractmethod
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from typing import ClassVar, Final, NamedTuple

from zajil.engine.bus import Bus
from zajil.engine.keys import Keys
from zajil.engine.limits import Limits
from zajil.engine.sql import interface as op
from zajil.engine.sql import queues, schema, state, transactions
from zajil.engine.sql.batch.rosters import Rosters
from zajil.engine.sql.interface import MailboxState, Operation, Outcome, RefOpener, Told
from zajil.engine.sql.judging import Held, Judge
from zajil.engine.sql.mailboxes import MailboxEngine
from zajil.engine.sql.queues import Cap, Entry, Sql
from zajil.engine.sql.transactions import Effects, Tools
from zajil.protocol.errors import error
from zajil.protocol.frames import Msg
from zajil.protocol.ids import GroupId, MailboxId

TABLES = (
    *(schema.grp, schema.message, schema.mailbox, schema.mailbox_item, schema.push_due, schema.idem),
    *(schema.one_time_pass, schema.ref_deny, schema.ref_use, state.server_state),
)
"""What an engine reads and writes; naming them here puts them on the shared metadata wherever an engine is used."""
LOG = logging.getLogger(__name__)
BUSY_RETRY_MS = 1000
# Without `Final`: tests give these others, and a module that is compiled would keep its own.
ACK_S = 0.05
"""How long an acknowledgement waits for company: a batch costs as much as ten of them, and nobody waits for it."""
APART_S = 0.004
"""From a batch of several messages to the next one that the event loop begins. A batch takes 500 us of CPU and 60 for
each message, so those that come faster than this are better together, and one alone waits for no company.
"""
HERE_MAX: Final = 192
"""Operations of a batch that the event loop carries out: some 5 ms, after which it looks at its sockets again."""
HERE_ROWS = 4096
"""What these write at most, by their rosters and windows: some 20 ms. The thread has what is more."""
HERE_S = 0.25
"""What took the event loop longer waited for the disk: for `AWAY_S` seconds threads have batches and reads."""
AWAY_S: Final = 5.0
_READERS = 2


class Parts(NamedTuple):
    """What an engine is built with.

    clock: Unix seconds, read in any thread. gather_ms: how long the writer waits for company. push_due: told, as the
    bus is, that devices may have to be woken by push. note_batch: told, in the writer's thread, how many operations a
    batch had and how many seconds it took.
    """

    keys: Keys
    open_ref: RefOpener
    bus: Bus
    limits: Limits
    clock: Callable[[], float] = time.time
    random: Callable[[int], bytes] = os.urandom
    cap: Cap = Cap(op.MAILBOX_ENTRIES_MAX, op.MAILBOX_BYTES_MAX)
    gather_ms: float = 0
    push_due: Callable[[], None] = lambda: None
    note_batch: Callable[[int, float], None] = lambda _operations, _seconds: None


Done = tuple[list[Effects], list[Outcome | Exception]]
"""What operations that went well leave for after COMMIT, in order, and the outcome of each of all."""
_Queued = tuple[Operation, Told]
_Begun = tuple[list[_Queued], Done, float]
"""A batch whose transaction is open, with all its statements done, and when that began, by the performance counter."""
_NAMING: Final = (op.Create, op.Commit, op.Send, op.SendEphemeral)
_GROUPS_MAX: Final = 1 << 16


class QueuedMailboxEngine(MailboxEngine):
    """See `MailboxEngine`; what one database does of it stands in `_run_batch` and the methods after it."""

    def __init__(self, parts: Parts) -> None:
        self._note_batch = parts.note_batch
        self._push_due = parts.push_due
        self._tools = Tools(parts.keys, parts.open_ref, parts.limits, parts.random, parts.cap, Rosters())
        self._bus = parts.bus
        self._clock = parts.clock
        self._gather_s = parts.gather_ms / 1000
        self._queue: deque[_Queued] = deque()
        self._filled = threading.Condition()
        self._is_idle = False
        """Whether the writer waits for operations, or is about to: it says so before it looks for the last time."""
        self._is_wanted = False
        """Whether anybody waits for what is queued; else it is acknowledgements of the last moment."""
        self._is_timed = False
        self._is_under_way = False
        """Of an engine that begins in the event loop: a batch is on its way, or will be begun in this turn of it."""
        self._begun: _Begun | None = None
        self._is_handed = False
        """The thread is to take what is queued. Always so where no batch is begun in the event loop."""
        self._away_until = 0.0
        self._next_at = 0.0
        """No batch is begun in the event loop before, by the performance counter."""
        self._closing = False
        self._writer: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._entered = self._answered = 0
        """Operations that were ever queued; those of them whose outcome was told."""
        self._last_of: dict[GroupId, int] = {}
        """The number of the last one that names this group, of those not answered yet and maybe some that are."""
        self._held = Held(
            parts.bus,
            parts.clock,
            open_judge=lambda: None if self._closing else self._open_judge(),
            queue_up=self._queue_up,
            is_behind=self._is_behind,
        )
        self._fresh: Mapping[MailboxId, Sequence[Entry]] = {}
        self._readers = ThreadPoolExecutor(max_workers=_READERS, thread_name_prefix="zajil-read")
        self.last_statements = 0
        """Statements the last operation took (SQLite) or the last batch (PostgreSQL), BEGIN and SAVEPOINT aside."""

    @property
    def waiting(self) -> int:
        """Operations that no batch has taken yet."""
        return len(self._queue)

    # What a database does

    @abstractmethod
    def _run_batch(self, operations: Sequence[Operation], now_ms: int) -> Done:
        """All of them, durable on return."""

    def _prepare(self) -> None:
        """In the writer's thread, before its first batch: what would hold up whoever waits for one. Raises nothing."""

    begins_here: ClassVar[bool] = False
    """Whether it has the next two."""

    def _begin_here(self, _operations: Sequence[Operation], _now_ms: int) -> Done | None:
        """In the event loop: all of them but for COMMIT; None where that would wait for somebody, or failed."""
        return None

    def _finish(self, done: Done) -> Done:
        """In the writer's thread: what was begun, durable on return."""
        return done

    def _weigh(self, _operation: Operation) -> int | None:
        """Rows that it writes, about and at most; None where the event loop has no time for it."""
        return None

    @abstractmethod
    def _reading(self) -> Sql:
        """A connection of this thread, for one read."""

    judges_here: ClassVar[bool] = False
    """Whether it has the next one."""

    def _open_judge(self) -> Judge | None:
        """In the event loop: what judges messages that are not stored."""
        return None

    @abstractmethod
    def _disconnect(self) -> None:
        """Let go of all connections."""

    # Asynchronous use

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._writer = threading.Thread(target=self._write, name="zajil-writer", daemon=True)
        self._writer.start()

    async def close(self) -> None:
        with self._filled:
            self._closing = True
            self._filled.notify()
        if self._writer is not None:
            await asyncio.to_thread(self._writer.join)
            await asyncio.sleep(0)  # lets the last futures resolve
        self.abandon()

    def abandon(self) -> None:
        self._closing = True
        self._readers.shutdown()
        self._disconnect()

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

    def begin_ack(self, mailbox_id: MailboxId, upto: int, told: Told) -> None:
        self._enqueue(op.Ack(mailbox_id=mailbox_id, upto=upto, of_window=True), told, is_wanted=False)

    def begin_send(self, operation: op.Send | op.SendEphemeral, told: Told) -> None:
        self._enqueue(operation, told)

    async def add_mailbox(self, mailbox_id: MailboxId, first: int = 1) -> None:
        await self._submit(op.AddMailbox(mailbox_id=mailbox_id, first=first))

    async def lift_mailbox(self, operation: op.LiftMailbox) -> op.Done:
        return _done(await self._submit(operation))

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
            return transactions.check_member(self._reading(), gid, epoch, token)

        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def expire(self, *, rows: int = 1000) -> op.Done:
        return _done(await self._submit(op.Expire(rows=rows)))

    async def read(
        self, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int = op.READ_BYTES_MAX
    ) -> tuple[Msg, ...]:
        def work() -> tuple[Msg, ...]:
            return self.read_now(mailbox_id, after, n=n, max_bytes=max_bytes)

        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    def fresh(self, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int) -> tuple[Msg, ...] | None:
        found = self._fresh.get(mailbox_id)
        # Between two of our transactions another gateway may have put one in that is not among these.
        if not found or found[0].seq > after + 1 or found[-1].seq - found[0].seq >= len(found):
            return None
        wanted = [each for each in found if each.seq > after]
        if len(wanted) > n or sum(len(each.message.body) for each in wanted) > max_bytes:
            return None
        return tuple(each.as_frame() for each in wanted)

    async def mailbox_state(self, mailbox_id: MailboxId) -> MailboxState:
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.state_now, mailbox_id)

    async def find_rows(self, message_id: bytes, mailbox_ids: Sequence[MailboxId]) -> tuple[op.StoredRow, ...]:
        def work() -> tuple[op.StoredRow, ...]:
            return queues.find_rows(self._reading(), message_id, mailbox_ids)

        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def count_rows(self, mailbox_ids: Sequence[MailboxId]) -> Mapping[str, int]:
        def work() -> Mapping[str, int]:
            return queues.count_rows(self._reading(), mailbox_ids)

        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def _submit(self, operation: Operation) -> Outcome:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def told(outcome: Outcome | Exception) -> None:
            if future.done():
                return  # a caller that gave up undoes nothing of what the batch does: only its own future ended
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
                future.exception()  # marks it as seen: a caller that is cancelled now leaves nobody to look
            else:
                future.set_result(outcome)

        self._enqueue(operation, told)
        return await future

    def _enqueue(self, operation: Operation, told: Told, *, is_wanted: bool = True) -> None:
        """told: called once its batch is durable. is_wanted: soon. Raises Unavailable `busy`, `restarting`."""
        if isinstance(operation, op.SendEphemeral):
            can_hold = self.judges_here and not self._closing
            if can_hold and self._loop is not None and self._held.hold(operation, told, loop=self._loop):
                return
        elif not isinstance(operation, op.Ack):
            self._held.pass_on()  # they came before this, which may change what they are judged by
        self._queue_up(operation, told, is_wanted=is_wanted)

    def _queue_up(self, operation: Operation, told: Told, *, is_wanted: bool = True) -> None:
        if self._closing:
            raise error("restarting", retry_ms=BUSY_RETRY_MS)
        if len(self._queue) >= op.QUEUE_MAX:
            raise error("busy", retry_ms=BUSY_RETRY_MS)
        self._queue.append((operation, told))
        self._entered += 1
        if isinstance(operation, _NAMING):
            self._last_of[operation.gid] = self._entered
        if is_wanted:
            self._is_wanted = True
            self._want()
        elif not self._is_timed and self._loop is not None:
            self._is_timed = True
            self._loop.call_later(ACK_S, self._ring)

    def _want(self) -> None:
        if self.begins_here:
            if not self._is_under_way and self._loop is not None:
                self._is_under_way = True
                self._loop.call_soon(self._begin)  # after all sockets that have something to read
        elif self._is_idle:
            with self._filled:
                self._filled.notify()

    def _ring(self) -> None:
        """What is queued has waited for company long enough."""
        self._is_timed = False
        if self._queue:
            self._is_wanted = True
            self._want()

    def _begin(self) -> None:
        """Of an engine that begins in the event loop, there: the next batch, while no other is on its way."""
        if self._closing or not self._queue or not self._is_wanted:
            self._is_under_way = False
            return  # the thread takes the rest by itself, or there is none
        if (wait_s := self._next_at - time.perf_counter()) > 0 and self._loop is not None:
            self._loop.call_later(wait_s, self._begin)
            return
        begun: _Begun | None = None
        try:
            begun = self._begin_short()
        except Exception:
            LOG.exception("the event loop cannot begin a batch")
        with self._filled:
            self._begun, self._is_handed = begun, begun is None
            self._filled.notify()

    def _begin_short(self) -> _Begun | None:
        """A batch that the event loop has carried out; None, and all is queued, where the thread has to."""
        began = time.perf_counter()
        if self._gather_s or self._is_away:
            return None
        batch = list(islice(self._queue, HERE_MAX))
        operations = [operation for operation, _ in batch]
        room = HERE_ROWS
        for operation in operations:
            weight = self._weigh(operation)
            if weight is None or weight > room:
                return None
            room -= weight
        if sum(isinstance(each, op.Send) for each in operations) > 1:
            self._next_at = began + APART_S
        done = self._begin_here(operations, int(self._clock() * 1000))
        self._note_wait(began)
        if done is None:
            return None
        for _ in batch:
            self._queue.popleft()
        self._is_wanted = bool(self._queue)
        return batch, done, began

    @property
    def _is_away(self) -> bool:
        """Whether the event loop leaves to threads what it can, since the disk is slow."""
        return time.perf_counter() < self._away_until

    def _note_wait(self, began: float) -> None:
        """What the event loop began then, by the performance counter, is done; if late, threads have what is next."""
        if (now := time.perf_counter()) - began > HERE_S:
            self._away_until = now + AWAY_S

    def _is_behind(self, operation: op.SendEphemeral) -> bool:
        """Whether another one of its group still waits."""
        return self._last_of.get(operation.gid, 0) > self._answered

    # The writer thread

    def _write(self) -> None:
        self._prepare()
        while taken := self._take():
            if isinstance(taken, list):
                batch, began = taken, time.perf_counter()
                self._tools.rosters.drop_old(self._clock())
                done, outcomes = self._run_batch([operation for operation, _ in batch], int(self._clock() * 1000))
            else:
                batch, started, began = taken
                done, outcomes = self._finish(started)
            self._note_batch(len(batch), time.perf_counter() - began)
            self._answer(batch, done, outcomes)

    def _take(self) -> _Begun | list[_Queued]:
        """What is begun, else everything queued, at least one; empty when closing and all is done."""
        with self._filled:
            self._is_idle = True
            self._filled.wait_for(self._is_due)
            if (begun := self._begun) is not None:
                self._begun, self._is_idle = None, False
                return begun
            if self._gather_s and not self._closing and len(self._queue) < op.BATCH_MAX:
                self._filled.wait_for(lambda: len(self._queue) >= op.BATCH_MAX or self._closing, self._gather_s)
            self._is_idle = self._is_handed = False
            self._is_wanted = False  # before the queue is looked at: who comes behind that look says it again
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), op.BATCH_MAX))]
            if self._queue:
                self._is_wanted = True
            return batch

    def _is_due(self) -> bool:
        """Whether the thread has anything to do."""
        is_mine = self._is_handed or not self.begins_here
        return self._closing or self._begun is not None or (is_mine and self._is_wanted and len(self._queue) > 0)

    def _answer(self, batch: list[_Queued], done: Sequence[Effects], outcomes: Sequence[Outcome | Exception]) -> None:
        """After COMMIT: hand the answers to the event loop, in one call for the whole batch."""

        def resolve() -> None:
            for (_, told), outcome in zip(batch, outcomes, strict=True):
                try:
                    told(outcome)
                except Exception:  # one who cannot hear it keeps nobody else from theirs
                    LOG.exception("an outcome could not be told")
            try:
                self._wake(done)
            finally:
                self._count_answered(len(batch))
                if self.begins_here:
                    self._begin()

        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is gone: the process ends, and retries will find what is done
                self._loop.call_soon_threadsafe(resolve)

    def _count_answered(self, operations: int) -> None:
        self._answered += operations
        if self._answered == self._entered:
            self._last_of.clear()
        elif len(self._last_of) > _GROUPS_MAX:
            self._last_of = {gid: last for gid, last in self._last_of.items() if last > self._answered}

    def apply(self, operations: Sequence[Operation], *, now_ms: int) -> list[Outcome | Exception]:
        done, outcomes = self._run_batch(operations, now_ms)
        self._wake(done)
        return outcomes

    def _wake(self, done: Sequence[Effects]) -> None:
        fresh: defaultdict[MailboxId, list[Entry]] = defaultdict(list)
        for tx in done:
            for entry in tx.entries:
                fresh[entry.mailbox_id].append(entry)
        self._fresh = fresh
        try:
            self._bus.wake(fresh)
        finally:
            self._fresh = {}
        if any(tx.wakes for tx in done):
            self._push_due()
        for tx in done:
            if tx.doubted:
                self._bus.wake(tx.doubted)
            for mailbox_ids, frame in tx.volatile:
                self._bus.publish(mailbox_ids, frame)

    # Reading

    def read_now(
        self, mailbox_id: MailboxId, after: int, *, n: int, max_bytes: int = op.READ_BYTES_MAX
    ) -> tuple[Msg, ...]:
        sql, keys = self._reading(), self._tools.keys
        return queues.read_entries(sql, keys, mailbox_id, after, n=n, max_bytes=max_bytes, now_s=self._clock())

    def state_now(self, mailbox_id: MailboxId) -> MailboxState:
        return queues.state_of(self._reading(), mailbox_id)


def join(parts: Sequence[Done]) -> Done:
    """Of several runs, one after the other."""
    return [each for effects, _ in parts for each in effects], [each for _, outcomes in parts for each in outcomes]


def _accepted(outcome: Outcome) -> op.Accepted:
    if not isinstance(outcome, op.Accepted):
        raise error("internal")
    return outcome


def _done(outcome: Outcome) -> op.Done:
    if not isinstance(outcome, op.Done):
        raise error("internal")
    return outcome
