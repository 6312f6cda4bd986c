"""The live side of the gateway: all connections and sessions of this process, and the tasks that serve them.

Sans-I/O parts decide (`connection`, `conversation`, `receiver`, `sender`); here their Work is carried out against the
services, results are handed back, and one sweep looks after deadlines, keep-alives and lost wake-ups of everybody.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from zajil.auth.context import CallingDevice
from zajil.engine.bus import Bus, Volatile
from zajil.engine.limits import Limits
from zajil.protocol.errors import AuthError, ZajilError, error
from zajil.protocol.frames import Role
from zajil.protocol.ids import AccountId, DeviceId, MailboxId, parse_b64
from zajil.protocol.limits import WELCOME_BYTES
from zajil.protocol.session import DETACHED_S, ServerCarrier, ServerSession, SessionTable
from zajil.server.gateway.connection import Connection
from zajil.server.gateway.conversation import Conversation, Work
from zajil.server.gateway.places import Places
from zajil.server.gateway.receiver import Acknowledge, Authenticate, Identity, Read
from zajil.server.gateway.sender import Call, Submit, answer_parts
from zajil.server.gateway.services import Services
from zajil.server.gateway.unfinished import Unfinished
from zajil.server.http.calls import Carrier, HttpCall

_LOG = logging.getLogger(__name__)
_SWEEP_S = 0.1
_SLOW_SWEEP_S = 5.0
_LOGINS_AT_ONCE = 200
# What a refusal of the services means to a session: an ack of the future, or a mailbox that went with its device.
_FAREWELLS = {"malformed": "protocol", "gone": "device-revoked"}


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Times of the gateway, seconds; see the settings of the same names."""

    first_frame_s: float
    dead_after_s: float
    sender_idle_s: float
    reread_s: float
    slow_after_s: float


class Gateway:
    """All sessions of this process. Methods are called on the event loop's thread and never block."""

    def __init__(
        self,
        *,
        services: Services,
        bus: Bus,
        limits: Limits,
        patience: Patience,
        connections_max: int,
        unfinished_max_bytes: int,
        min_client: int = 0,
        clock: Callable[[], float],
    ) -> None:
        """clock: Unix seconds, for limits (which share one clock) and READY; everything else here is monotonic."""
        self._services = services
        self._bus = bus
        self._limits = limits
        self._patience = patience
        self._places = Places(connections_max)
        self._sessions_max = 2 * connections_max
        self._unfinished: Unfinished[Conversation] = Unfinished(unfinished_max_bytes)
        self._min_client = min_client
        self._clock = clock
        self._tables = {role: SessionTable(role, new_id=lambda: os.urandom(16)) for role in Role}
        self._connections: dict[Connection, bytes] = {}
        self._by_carrier: dict[ServerCarrier, Connection] = {}
        self._logins = asyncio.Semaphore(_LOGINS_AT_ONCE)
        self._waiting: set[Connection] = set()
        self._receivers: dict[tuple[AccountId, DeviceId], Conversation] = {}
        self._acking: dict[Conversation, asyncio.Task[None]] = {}
        self._reread_at: dict[Conversation, float] = {}
        self._conversations: set[Conversation] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._draining = False
        self.loop_lag_s = 0.0
        """How late the last sweep was: the event loop's longest recent pause."""

    # What a shell calls

    def accept(self, role: Role, *, prefix: bytes, kick: Callable[[], None]) -> Connection:
        """A connection was made. Raises Unavailable `busy` or `restarting`: answer 503 before the upgrade."""
        if self._draining:
            raise error("restarting", retry_ms=_jitter_ms(2000))
        self._places.take(prefix, retry_ms=_jitter_ms(5000))
        if sum(map(len, self._tables.values())) >= self._sessions_max:
            self._forget_detached(self.now() + DETACHED_S)  # any gateway may forget them: clients begin anew
        connection = Connection(
            self._tables[role],
            prefix=prefix,
            now=self.now(),
            kick=kick,
            make=self._make_conversation,
            work=self._start_work,
            over=self._forget,
        )
        self._connections[connection] = os.urandom(16)
        self._by_carrier[connection.carrier] = connection
        return connection

    def feed(self, connection: Connection, record: bytes) -> None:
        """One record arrived on this connection."""
        if not self.charge(connection, len(record)):
            return
        connection.feed(record, now=self.now())
        self._waiting.add(connection)
        connection.kick()
        if connection.conversation is not None:
            self._weigh(connection.conversation)

    def _weigh(self, conversation: Conversation) -> None:
        """Note what it holds of unfinished messages; end the greediest sessions while all hold too much."""
        self._unfinished.note(conversation, conversation.prefix, conversation.unfinished_bytes)
        if self._unfinished.over:
            for holder in self._unfinished.holders:
                if holder.session.carrier is None:  # any gateway may forget it; its client begins anew
                    self._finish(holder.session, "slow-down", 0)
        while self._unfinished.over and (greediest := self._unfinished.greediest()) is not None:
            self._unfinished.drop(greediest)
            greediest.end("slow-down", _jitter_ms(5000))
            greediest.kick()

    def charge(self, connection: Connection, size_bytes: int) -> bool:
        """Count bytes that came in on this connection; false, and the connection over, when they are too many."""
        try:
            self._limits.take("inbound_bytes", self._connections[connection], now=self._clock(), cost=size_bytes)
        except ZajilError as reason:
            connection.close(reason.code, now=self.now(), retry_ms=reason.retry_ms or 0)
            return False
        return True

    def pull(self, connection: Connection) -> list[bytes]:
        """Records to send on this connection, in order."""
        return connection.pull(now=self.now())

    def lost(self, connection: Connection) -> None:
        """The connection is gone."""
        connection.lost(now=self.now())
        if self._connections.pop(connection, None) is not None:
            self._places.leave(connection.prefix)
        self._by_carrier.pop(connection.carrier, None)
        self._waiting.discard(connection)

    @staticmethod
    def now() -> float:
        """Seconds of a clock that only goes forward."""
        return time.monotonic()

    # What the server calls

    def start(self) -> None:
        """Begin the sweep."""
        self._sweeper = asyncio.create_task(self._sweep_forever())

    def count(self, role: Role) -> int:
        """Connections of this role."""
        return sum(connection.role is role for connection in self._connections)

    def close_device(self, account_id: AccountId, device_id: DeviceId) -> None:
        """End the R session of a device that was revoked, detached or not."""
        conversation = self._receivers.get((account_id, device_id))
        if conversation is not None:
            conversation.end("device-revoked", 0)
            conversation.kick()

    async def drain(self, over_s: float) -> None:
        """Tell everybody `restarting`, spread over `over_s` so that they do not all come back at once, then stop."""
        self._draining = True
        connections = list(self._connections)
        for number, connection in enumerate(connections, 1):
            if connection.conversation is not None:
                connection.conversation.end("restarting", _jitter_ms(1000 + over_s * 1000))
                connection.kick()
            else:
                connection.close("restarting", now=self.now())
            if number % 64 == 0 and over_s:
                await asyncio.sleep(over_s * 64 / len(connections))
        if self._sweeper is not None:
            self._sweeper.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)
        for task in self._tasks:
            task.cancel()

    # Sessions

    def _make_conversation(self, session: ServerSession, now: float) -> Conversation:
        conversation = Conversation(
            session,
            now=now,
            first_frame_s=self._patience.first_frame_s,
            slow_after_s=self._patience.slow_after_s,
            min_client=self._min_client,
            finish=lambda code, retry_ms: self._finish(session, code, retry_ms),
        )
        self._conversations.add(conversation)
        return conversation

    def _finish(self, session: ServerSession, code: str, retry_ms: int) -> None:
        """End a session whose BYE is queued; without a carrier it is only forgotten."""
        connection = self._by_carrier.get(session.carrier) if session.carrier else None
        if connection is not None:
            connection.close(code, retry_ms=retry_ms, now=self.now())
            return
        self._tables[session.role].forget(session)
        if isinstance(session.owner, Conversation):
            self._forget(session.owner)

    def _forget(self, conversation: Conversation) -> None:
        conversation.leave_bus()
        self._unfinished.drop(conversation)
        self._conversations.discard(conversation)
        self._reread_at.pop(conversation, None)
        self._acking.pop(conversation, None)
        identity = conversation.identity
        if identity is not None:
            key = (identity.account_id, identity.device_id)
            if self._receivers.get(key) is conversation:
                del self._receivers[key]

    # Work

    def _start_work(self, conversation: Conversation, work: list[Work]) -> None:
        for item in work:
            task = self._spawn(self._carry_out(conversation, item))
            if isinstance(item, Acknowledge):
                self._acking[conversation] = task
        conversation.kick()

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _carry_out(self, conversation: Conversation, item: Work) -> None:
        try:
            match item:
                case Authenticate():
                    await self._admit(conversation, item)
                case Acknowledge() if conversation.identity:
                    await self._services.mailboxes.ack(conversation.identity.mailbox_id, item.upto)
                case Read() if conversation.identity:
                    await self._read(conversation, conversation.identity.mailbox_id, item)
                case Submit():
                    await self._submit(conversation, item)
                case Call():
                    await self._call(conversation, item)
        except ZajilError as reason:
            conversation.end(_FAREWELLS.get(reason.code, reason.code), reason.retry_ms or 0)
        except Exception as bug:  # noqa: BLE001  # the boundary of one task
            _LOG.error("a session's work failed", exc_info=bug)
            conversation.end("internal", _jitter_ms(1000))
        conversation.kick()

    async def _admit(self, conversation: Conversation, item: Authenticate) -> None:
        try:
            async with self._logins:
                hello = await self._services.check_hello(_parse_token(item.token))
        except AuthError:
            self._limits.take("failed_token", conversation.prefix, now=self._clock())
            raise
        # READY tells the highest ack before this HELLO, so a MACK just before it must have counted.
        acking = self._acking.pop(conversation, None)
        if acking is not None:
            await asyncio.wait([acking])
        device = hello.device
        standing = await self._services.stand(device.mailbox_id, item.after)
        first = conversation.identity is None
        identity = Identity(device.account_id, device.device_id, device.mailbox_id)
        standing = standing._replace(list_seq=hello.list_seq)
        work = conversation.admitted(identity, standing, now_ms=int(self._clock() * 1000))
        if first and not conversation.session.closed:
            self._take_over(conversation, identity)
            for low in await self._services.low_keys(device):
                conversation.push(low)
        self._start_work(conversation, work)

    def _take_over(self, conversation: Conversation, identity: Identity) -> None:
        """Make this the device's newest R: the older one is told `replaced`, wake-ups come here."""
        key = (identity.account_id, identity.device_id)
        older = self._receivers.get(key)
        self._receivers[key] = conversation
        if older is not None and older is not conversation:
            older.end("replaced", 0)
            older.kick()
        self._reread_at[conversation] = self.now() + self._patience.reread_s

        def wake(frame: Volatile | None) -> None:
            if frame is None:
                self._start_work(conversation, conversation.woken(now=self.now()))
            else:
                conversation.push(frame)
                conversation.kick()

        conversation.leave_bus = self._bus.subscribe(identity.mailbox_id, wake)

    async def _read(self, conversation: Conversation, mailbox_id: MailboxId, item: Read) -> None:
        size = max(item.size_bytes, 1)
        found = await self._services.mailboxes.read(mailbox_id, item.after, n=item.most, max_bytes=size)
        # Fewer than asked for, and no message could have been too large to fit: that was all.
        fits = sum(len(message.body) for message in found) + WELCOME_BYTES <= size
        complete = not found or (len(found) < item.most and fits)
        self._start_work(conversation, conversation.rows(found, complete=complete, now=self.now()))

    async def _submit(self, conversation: Conversation, item: Submit) -> None:
        try:
            ok = await self._services.submit(item.request, conversation.prefix)
        except ZajilError as reason:
            conversation.refuse(item.rid, reason if reason.status else error("internal"))
        except Exception as bug:  # noqa: BLE001  # the boundary of one request
            _LOG.error("a data request failed", exc_info=bug)
            conversation.refuse(item.rid, error("internal"))
        else:
            conversation.answer(item.rid, [ok])

    async def _call(self, conversation: Conversation, item: Call) -> None:
        identity = conversation.identity
        call = HttpCall(
            method=item.method,
            path=item.path,
            headers={name.lower(): value for name, value in item.headers.items()},
            body=item.body,
            prefix=conversation.prefix,
            carrier=Carrier.R if conversation.session.role is Role.R else Carrier.S,
            device=CallingDevice(*identity) if identity else None,
        )
        answer = await self._services.call(call)
        conversation.answer(item.rid, answer_parts(item.rid, answer.status, answer.headers, answer.body))

    # Time

    async def _sweep_forever(self) -> None:
        slow_at = self.now()
        while True:
            due = self.now() + _SWEEP_S
            await asyncio.sleep(_SWEEP_S)
            now = self.now()
            self.loop_lag_s = max(0.0, now - due)
            for connection in list(self._waiting):
                deadline = connection.next_deadline()
                if deadline is None:
                    self._waiting.discard(connection)
                elif now >= deadline:
                    connection.kick()
            if now >= slow_at:
                slow_at = now + min(_SLOW_SWEEP_S, self._patience.first_frame_s / 2)
                self.sweep(now)

    def sweep(self, now: float) -> None:
        """Deadlines of everybody: silent connections, overdue first frames, full windows, lost wake-ups."""
        for connection in list(self._connections):
            silent = now - connection.heard_at >= self._patience.dead_after_s
            if silent or (
                connection.conversation is None and now - connection.opened_at > self._patience.first_frame_s
            ):
                connection.drop()
        for conversation in list(self._conversations):
            if conversation.session.carrier is not None:
                conversation.tick(now=now, idle_s=self._patience.sender_idle_s)
                conversation.kick()
        for conversation, at in list(self._reread_at.items()):
            if now >= at:
                self._reread_at[conversation] = now + self._patience.reread_s
                self._start_work(conversation, conversation.woken(now=now))
        self._forget_detached(now)

    def _forget_detached(self, now: float) -> None:
        for table in self._tables.values():
            for session in table.expire(now):
                if isinstance(session.owner, Conversation):
                    self._forget(session.owner)


def _parse_token(text: str) -> bytes:
    try:
        return parse_b64(text, size=32)
    except ZajilError:
        raise error("token-expired") from None


def _jitter_ms(span_ms: float) -> int:
    """Between half the span and one and a half, so that clients do not come back all at once."""
    return int(span_ms * (0.5 + int.from_bytes(os.urandom(2), "big") / 65536))
