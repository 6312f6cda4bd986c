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
RATE_MARGIN: Final = 4
"""A line is given this many times as long as it needed before."""
MEASURED_BYTES: Final = 4096
BULK_BYTES: Final = 64 * 1024
"""So much in one go measures a line well enough to say that it became slower."""
IDLE_PING_S: Final = 45.0


class Pings:
    """The PINGs of one carrier. It is *expecting* while DATA is unacknowledged or a PING unanswered."""

    def __init__(self, now: float) -> None:
        self.heard_at = now
        self.in_flight_bytes = 0
        """DATA whose acknowledgement is awaited; on a slow line it takes its time."""
        self.waiting_since: float | None = None
        self.rtt_s = 0.0
        self.rate_bytes_s = 0.0
        """What the line moved at its best lately, 0 before it is known."""
        self._flight_from: float | None = None
        self._flight_bytes = 0
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

    def flight(self, acked_bytes: int, now: float, *, more: bool) -> None:
        """DATA is out, or so much of it was acknowledged. more: some is still out."""
        if self._flight_from is not None:
            self._flight_bytes += acked_bytes
            self.measure(self._flight_bytes, now - self._flight_from)
        if not more:
            self._flight_from, self._flight_bytes = None, 0
        elif self._flight_from is None:
            self._flight_from = now

    def measure(self, size_bytes: int, elapsed_s: float) -> None:
        """So many bytes took so long, there and acknowledged. Too few say nothing: the delays prevail."""
        if size_bytes < MEASURED_BYTES or elapsed_s <= 0:
            return
        rate = size_bytes / elapsed_s
        if rate > self.rate_bytes_s or size_bytes >= BULK_BYTES:
            self.rate_bytes_s = rate

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
        slowest = max(SLOWEST_BYTES_S, self.rate_bytes_s / RATE_MARGIN)
        patience = max(STALLED_AFTER_S, 4 * self.rtt_s) + self.in_flight_bytes / slowest
        return max(self.waiting_since + patience, max(self._sent.values()) + PING_AFTER_S)
