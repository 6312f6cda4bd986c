"""The live side of the gateway: all connections and sessions of this process, and the tasks that serve them.

Sans-I/O parts decide (`connection`, `conversation`, `receiver`, `sender`) and the clerk carries their Work out; here
connections and sessions are admitted, weighed and ended, and one sweep looks after the deadlines of everybody.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from zajil.engine.bus import Bus
from zajil.engine.limits import Limits, Meter
from zajil.engine.places import Places
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import Role
from zajil.protocol.ids import MailboxId
from zajil.protocol.session import ServerCarrier, ServerSession, SessionTable
from zajil.server.gateway.clerk import Clerk, jitter_ms
from zajil.server.gateway.connection import Connection
from zajil.server.gateway.conversation import Conversation
from zajil.server.gateway.media import MediaDoor
from zajil.server.gateway.services import Services
from zajil.server.gateway.unfinished import Unfinished
from zajil.server.http.calls import Peer

_SWEEP_S = 0.1
_SLOW_SWEEP_S = 5.0
_END_S = 30.0
"""For reading why a session ended; then its connection ends too, whatever is still sent on it."""


_RENEW_MS = 2
"""Of each device that is to connect anew: all have to log in before."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Times of the gateway, seconds; see the settings of the same names."""

    first_frame_s: float
    dead_after_s: float
    sender_idle_s: float
    reread_s: float
    slow_after_s: float


class Unproven(Protocol):
    """A connection that has not said yet whose session it carries. opened_at: of the gateway's clock."""

    opened_at: float

    def drop(self) -> None:
        """Give it up without a word."""


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
        media: MediaDoor | None = None,
    ) -> None:
        """clock: Unix seconds, for limits (which share one clock) and READY; everything else here is monotonic.

        media: to media rooms, which share the sweep and the end of everybody.
        """
        self._limits = limits
        self._patience = patience
        self._places = Places(connections_max)
        self._sessions_max = 2 * connections_max
        self._unfinished: Unfinished[Conversation] = Unfinished(unfinished_max_bytes)
        self._unread: Unfinished[Conversation] = Unfinished(unfinished_max_bytes // 2)
        self._min_client = min_client
        self._clock = clock
        self._media = media
        self._tables = {role: SessionTable(role, new_id=lambda: os.urandom(16)) for role in Role}
        self._connections: set[Connection] = set()
        self._unproven: set[Unproven] = set()
        self._by_carrier: dict[ServerCarrier, Connection] = {}
        self._waiting: set[Connection] = set()
        self._conversations: set[Conversation] = set()
        self._clerk = Clerk(
            services=services,
            bus=bus,
            limits=limits,
            reread_s=patience.reread_s,
            clock=clock,
            now=self.now,
            weigh=self._weigh,
        )
        self._sweeper: asyncio.Task[None] | None = None
        self._draining = False
        self.loop_lag_s = 0.0
        """How late the last sweep was: the event loop's longest recent pause."""

    # What a shell calls

    def enter(self, place: bytes) -> None:
        """Take a place for a connection. place: whose share it counts under.

        Raises Unavailable `busy` or `restarting`: answer 503 before the upgrade.
        """
        if self._draining:
            raise error("restarting", retry_ms=jitter_ms(2000))
        self._places.take(place, retry_ms=jitter_ms(5000))

    def leave(self, place: bytes) -> None:
        """That connection is gone."""
        self._places.leave(place)

    def expect(self, line: Unproven) -> None:
        """Drop this line unless it is proven in time; see `prove`."""
        self._unproven.add(line)

    def prove(self, line: Unproven) -> None:
        """The line said who it is, or is gone."""
        self._unproven.discard(line)

    def connect(self, role: Role, *, peer: Peer, kick: Callable[[], None], silent_s: float | None = None) -> Connection:
        """A connection for records of sessions of this role.

        silent_s: seconds without a sign of life after which it is dropped, None for the setting.
        """
        if sum(map(len, self._tables.values())) >= self._sessions_max:
            self._forget_detached(self.now() + math.inf)  # any gateway may forget them: clients begin anew
        connection = Connection(
            self._tables[role],
            peer=peer,
            now=self.now(),
            silent_s=silent_s or self._patience.dead_after_s,
            kick=kick,
            make=self._make_conversation,
            work=self._clerk.begin,
            over=self._forget,
        )
        self._connections.add(connection)
        self._by_carrier[connection.carrier] = connection
        return connection

    def feed(self, connection: Connection, record: bytes, now: float) -> None:
        """One record arrived on this connection. now: of `now`."""
        connection.feed(record, now=now)
        self._waiting.add(connection)
        if connection.carrier.has_output(now):
            connection.kick()
        conversation = connection.conversation
        if conversation is not None and conversation.identity is None:  # a device's own counts nothing
            self._weigh(conversation)

    def _weigh(self, conversation: Conversation) -> None:
        """Note what it holds of unfinished messages and of answers that it does not read.

        Ends the greediest sessions while all together hold too much of either.
        """
        weighed = conversation.weigh()
        if weighed == conversation.weighed:
            return
        conversation.weighed = weighed
        self._unfinished.note(conversation, conversation.peer.prefix, weighed[0])
        self._unread.note(conversation, conversation.peer.prefix, weighed[1])
        for held in (self._unfinished, self._unread):
            if held.over:
                self._relieve(held)

    def _relieve(self, held: Unfinished[Conversation]) -> None:
        for holder in held.holders:
            if holder.session.carrier is None:  # any gateway may forget it; its client begins anew
                self._finish(holder.session, "slow-down", 0)
        while held.over and (greediest := held.greediest()) is not None:
            held.drop(greediest)
            greediest.end("slow-down", jitter_ms(5000))
            greediest.kick()

    def meter(self) -> Meter:
        """What counts the bytes that come in on one connection, by the time of `now`."""
        return self._limits.meter("inbound_bytes")

    def close(self, connection: Connection, reason: ZajilError) -> None:
        """End its session for this reason; both sides are told."""
        connection.close(reason.code, now=self.now(), retry_ms=reason.retry_ms or 0)

    def lost(self, connection: Connection) -> None:
        """The connection is gone."""
        connection.lost(now=self.now())
        self._connections.discard(connection)
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

    def close_device(self, mailbox_id: MailboxId) -> None:
        """End the R session of the device with this mailbox, which was revoked, detached or not, at any gateway."""
        self._clerk.close_device(mailbox_id)

    def end_login(self, mailbox_id: MailboxId) -> None:
        """End the R session of a device of a suspended account, at any gateway: its login says what is the matter."""
        self._clerk.end_login(mailbox_id)

    def renew(self) -> None:
        """Have all devices connect anew, not at once: only at a HELLO do they learn what a standby may lack.

        That is lists of devices, which they bring, and key packages.
        """
        devices = [conversation for conversation in self._conversations if conversation.identity is not None]
        for conversation in devices:
            conversation.end("restarting", jitter_ms(1000 + _RENEW_MS * len(devices)))
            conversation.kick()

    async def is_live(self, mailbox_id: MailboxId) -> bool:
        """Whether the device with this mailbox has an R session on a connection, here or at another gateway."""
        return await self._clerk.is_live(mailbox_id)

    async def drain(self, over_s: float) -> None:
        """Tell everybody `restarting`, spread over `over_s` so that they do not all come back at once, then stop."""
        self._draining = True
        connections = list(self._connections)
        for number, connection in enumerate(connections, 1):
            if connection.conversation is not None:
                connection.conversation.end("restarting", jitter_ms(1000 + over_s * 1000))
                connection.kick()
            else:
                connection.close("restarting", now=self.now())
            if number % 64 == 0 and over_s:
                await asyncio.sleep(over_s * 64 / len(connections))
        for line in list(self._unproven):
            line.drop()
        if self._media is not None:
            self._media.close_all()
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._clerk.stop()

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
        self._unfinished.drop(conversation)
        self._unread.drop(conversation)
        self._conversations.discard(conversation)
        self._clerk.forget(conversation)

    # Time

    async def _sweep_forever(self) -> None:
        slow_at = self.now()
        while True:
            due = self.now() + _SWEEP_S
            await asyncio.sleep(_SWEEP_S)
            now = self.now()
            self.loop_lag_s = max(0.0, now - due)
            for connection in list(self._waiting):
                deadline = connection.carrier.next_deadline()
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
            silent = now - connection.heard_at >= connection.silent_s
            ended = connection.ended_at is not None and now - connection.ended_at >= _END_S
            if (
                silent
                or ended
                or (connection.conversation is None and now - connection.opened_at > self._patience.first_frame_s)
            ):
                connection.drop()
        if self._media is not None:
            self._media.sweep(now)
        for line in list(self._unproven):
            if now - line.opened_at > self._patience.first_frame_s:
                line.drop()
        for conversation in list(self._conversations):
            if conversation.session.carrier is not None:
                conversation.tick(now=now, idle_s=self._patience.sender_idle_s)
        self._clerk.reread(now)
        self._forget_detached(now)

    def _forget_detached(self, now: float) -> None:
        for table in self._tables.values():
            for session in table.expire(now):
                if isinstance(session.owner, Conversation):
                    self._forget(session.owner)
