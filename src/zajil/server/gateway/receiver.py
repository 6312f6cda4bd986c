"""The rules of an R session, without I/O: HELLO first, at most a window of messages beyond the last MACK, DRAINED.

Frames and results go in, actions come out; the driver carries them out and reports back. One Receiver lives as long
as its session, over any number of carriers.

    WAITING --hello--> CHECKING --admitted--> LIVE --finish--> CLOSED
       ^ called: may stay                       ^ hello again: checked anew, LIVE meanwhile

At most one Read is under way. A wake-up during a read marks the mailbox dirty, so the next read follows at once.
"""

from __future__ import annotations

import enum
from collections import deque
from typing import NamedTuple

from zajil.protocol import frames
from zajil.protocol.ids import AccountId, DeviceId, MailboxId
from zajil.protocol.limits import R_WINDOW_BYTES, R_WINDOW_MESSAGES
from zajil.server.gateway.work import Acknowledge, Action, Authenticate, Emit, Finish, Read

_CHECKS_MAX = 16
"""Most HELLOs that wait to be checked; a device that drains again waits for DRAINED first."""


class Identity(NamedTuple):
    """The device an R session belongs to."""

    account_id: AccountId
    device_id: DeviceId
    mailbox_id: MailboxId


class Standing(NamedTuple):
    """A mailbox at the moment of a HELLO. gap_seq 0 = nothing was evicted."""

    head: int
    queued: int
    acked: int
    list_seq: int
    gap_count: int
    gap_seq: int


class _State(enum.Enum):
    WAITING = "waiting"
    CHECKING = "checking"
    LIVE = "live"
    CLOSED = "closed"


class Receiver:
    """State of one R session.

    now: seconds of a monotonic clock; every method that needs the time is given it. min_client: told in READY.
    """

    def __init__(self, *, now: float, first_frame_s: float, slow_after_s: float, min_client: int = 0) -> None:
        self._min_client = min_client
        self.identity: Identity | None = None
        self._state = _State.WAITING
        self._first_frame_by: float | None = now + first_frame_s
        self._slow_after_s = slow_after_s
        self._checks: deque[Authenticate] = deque()
        self._sent = 0
        self._acked = 0
        self._flight: deque[tuple[int, int]] = deque()
        self._flight_bytes = 0
        self._reading = False
        self._dirty = False
        self._drains: list[int] = []
        self._drains_of_read: list[int] = []
        self._full_since: float | None = None
        self._expected = R_WINDOW_MESSAGES
        """Messages that the next read of a drain finds, but for those that came since HELLO."""

    @property
    def live(self) -> bool:
        """Whether a device has been admitted and the session still stands."""
        return self._state is _State.LIVE

    @property
    def may_call(self) -> bool:
        """Whether control calls may come: from a device that was admitted, or from one that will never say HELLO."""
        return self._state in {_State.WAITING, _State.LIVE}

    def called(self) -> None:
        """A control call came: a session of calls alone needs no HELLO."""
        self._first_frame_by = None

    def hello(self, frame: frames.Hello) -> list[Action]:
        """A HELLO arrived: have its token checked, one at a time."""
        if self._state is _State.CLOSED:
            return []
        if self._state is _State.WAITING:
            self._state = _State.CHECKING
        if len(self._checks) >= _CHECKS_MAX:
            return self.finish("protocol")
        self._checks.append(Authenticate(frame.token, frame.after))
        return [self._checks[0]] if len(self._checks) == 1 else []

    def admitted(self, identity: Identity, standing: Standing, *, now_ms: int) -> list[Action]:
        """The token at the head of the queue is good: READY, GAP if something was evicted, then the queue.

        now_ms: Unix milliseconds, for READY. Another device than before ends the session: one session, one device.
        """
        if self._state is _State.CLOSED:
            return []
        if self.identity is not None and identity != self.identity:
            return self.finish("protocol")
        after = self._checks.popleft().after
        if after > standing.head:
            return self.finish("protocol")
        self._state = _State.LIVE
        self.identity = identity
        self._sent = max(self._sent, after)
        self._release(after)
        ready = frames.Ready(
            now=now_ms,
            head=standing.head,
            queued=standing.queued,
            list_seq=standing.list_seq,
            min_client=self._min_client,
            acked=standing.acked,
        )
        actions: list[Action] = [Emit(ready)]
        if standing.gap_seq > after:
            actions.append(Emit(frames.Gap(dropped=standing.gap_count, before_seq=standing.gap_seq)))
        self._drains.append(standing.head)
        self._expected = standing.queued
        self._dirty = True
        if self._checks:
            actions.append(self._checks[0])
        return actions + self._next_read()

    def refused(self, code: str, retry_ms: int = 0) -> list[Action]:
        """The token is no good, or the check failed: the session ends with this code."""
        return self.finish(code, retry_ms)

    def mack(self, frame: frames.Mack, *, now: float) -> list[Action]:
        """The device stored everything up to `upto`; an ack of what was never sent ends the session."""
        if self._state is not _State.LIVE or frame.upto > self._sent:
            return self.finish("protocol")
        if frame.upto <= self._acked:
            return []
        self._release(frame.upto)
        self._full_since = now if self._dirty and self._full else None
        return [Acknowledge(frame.upto), *self._next_read()]

    def woken(self, *, now: float) -> list[Action]:
        """Something may have arrived in the mailbox."""
        if self._state is not _State.LIVE:
            return []
        self._dirty = True
        if self._full and self._full_since is None:
            self._full_since = now
        return self._next_read()

    def rows(self, messages: list[tuple[frames.Msg, int]], *, complete: bool, now: float) -> list[Action]:
        """The answer to a Read: messages in seq order with their encoded sizes.

        complete: nothing more was there when the read ran, so what a HELLO asked for has been sent.
        """
        self._reading = False
        if self._state is not _State.LIVE:
            return []
        actions: list[Action] = []
        for message, size_bytes in messages:
            self._sent = message.seq
            self._flight.append((message.seq, size_bytes))
            self._flight_bytes += size_bytes
            actions.append(Emit(message))
        if complete:
            for head in self._drains_of_read:
                self._sent = max(self._sent, head)
                actions.append(Emit(frames.Drained(seq=self._sent)))
        else:
            self._drains = self._drains_of_read + self._drains
            self._dirty = True
        self._drains_of_read = []
        if self._dirty and self._full and self._full_since is None:
            self._full_since = now
        return actions + self._next_read()

    def resumed(self, *, now: float) -> list[Action]:
        """The session has a carrier again: time spent without one does not count as slow."""
        if self._full_since is not None:
            self._full_since = now
        return self.woken(now=now)

    def tick(self, *, now: float) -> list[Action]:
        """Ends a session whose HELLO is overdue, or whose window stayed full."""
        overdue = self._first_frame_by is not None and now >= self._first_frame_by
        if self._state is _State.WAITING and overdue:
            return self.finish("protocol")
        if self._full_since is not None and now - self._full_since >= self._slow_after_s:
            return self.finish("slow-down", 5000)
        return []

    def finish(self, code: str, retry_ms: int = 0) -> list[Action]:
        """End the session once; later calls do nothing."""
        if self._state is _State.CLOSED:
            return []
        self._state = _State.CLOSED
        return [Finish(code, retry_ms)]

    @property
    def _full(self) -> bool:
        return len(self._flight) >= R_WINDOW_MESSAGES or self._flight_bytes >= R_WINDOW_BYTES

    def _release(self, upto: int) -> None:
        self._acked, flight = max(self._acked, upto), self._flight
        while flight and flight[0][0] <= upto:
            self._flight_bytes -= flight.popleft()[1]

    def _next_read(self) -> list[Action]:
        if self._reading or not self._dirty or self._full:
            return []
        self._reading, self._dirty = True, False
        self._drains_of_read, self._drains = self._drains, []
        most = R_WINDOW_MESSAGES - len(self._flight)
        if self._drains_of_read:  # one more than waits: where as many come, another read follows
            most, self._expected = min(most, self._expected + 1), R_WINDOW_MESSAGES
        return [Read(self._sent, most, R_WINDOW_BYTES - self._flight_bytes, bool(self._drains_of_read))]
