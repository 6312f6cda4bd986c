"""When a carrier is asked whether it lives, and when it is given up. Pure: times are arguments."""

from __future__ import annotations

from typing import Final

from zajil.protocol.session.wire import Ping, Pong

PING_AFTER_S: Final = 1.5
"""Unacknowledged this long: a PING asks whether the carrier lives."""
STALLED_AFTER_S: Final = 3.0
"""Expecting and no byte this long (or 4 round trips): the carrier is given up."""
SLOWEST_BYTES_S: Final = 4096
"""A line slower than this counts as silent; a full record takes 16 s on it, and nothing comes back meanwhile."""
IDLE_PING_S: Final = 45.0


class Pings:
    """The PINGs of one carrier. It is *expecting* while DATA is unacknowledged or a PING unanswered."""

    def __init__(self, now: float) -> None:
        self.heard_at = now
        self.in_flight_bytes = 0
        """DATA whose acknowledgement is awaited; on a slow line it takes its time."""
        self.waiting_since: float | None = None
        self.rtt_s = 0.0
        self._sent: dict[int, float] = {}
        self._next_id = 1

    def heard(self, now: float) -> None:
        self.heard_at = now
        self.waiting_since = None

    def expect(self, now: float) -> None:
        if self.waiting_since is None:
            self.waiting_since = now

    def make(self, now: float) -> Ping:
        ping = Ping(self._next_id)
        self._sent = {ping.id: now}
        self._next_id = self._next_id % 0xFFFFFFFF + 1
        self.expect(now)
        return ping

    def answered(self, pong: Pong, now: float) -> None:
        sent = self._sent.pop(pong.id, None)
        if sent is not None:
            self.rtt_s = now - sent

    @property
    def pending(self) -> bool:
        return bool(self._sent)

    @property
    def ping_at(self) -> float | None:
        if self.pending:
            return None
        return self.heard_at + IDLE_PING_S if self.waiting_since is None else self.waiting_since + PING_AFTER_S

    @property
    def stalled_at(self) -> float | None:
        # Never without an unanswered PING: a busy program may come late to bytes that wait in its socket.
        if self.waiting_since is None or not self._sent:
            return None
        patience = max(STALLED_AFTER_S, 4 * self.rtt_s) + self.in_flight_bytes / SLOWEST_BYTES_S
        return max(self.waiting_since + patience, max(self._sent.values()) + PING_AFTER_S)
