"""The 24 KiB echo: proof that a carrier moves more than a handshake. Pure: times are arguments."""

from __future__ import annotations

from typing import Final

from zajil.protocol.errors import ZajilError
from zajil.protocol.session.wire import ECHO_BYTES, Ping, Pong, encode_record, parse_record

PINGS: Final = 6
PAUSE_S: Final = 3.0
TOTAL_S: Final = 15.0
_FIRST_ID: Final = 0xEC000000
"""Apart from the ids of a session's own PINGs, so that a carrier can be proved before and while a session is on it."""


class Echo:
    """Six PINGs of 4,096 bytes, answered by PONGs of the same size, also before OPEN."""

    def __init__(self, now: float) -> None:
        self.started_at = now
        self.heard_at = now
        self.received_bytes = 0
        self._awaited = {_FIRST_ID + n for n in range(PINGS)}

    def records(self) -> list[bytes]:
        """What to send, in order, once."""
        return [encode_record(Ping(id_), at_least=ECHO_BYTES) for id_ in sorted(self._awaited)]

    def feed(self, record: bytes, now: float) -> bool:
        """Whether the record answers this echo; any other is the session's. Never raises."""
        self.heard_at = now
        if len(record) != ECHO_BYTES:
            return False
        try:
            frame = parse_record(record)
        except ZajilError:
            return False
        return isinstance(frame, Pong) and self.take(frame, record, now)

    def take(self, pong: Pong, record: bytes, now: float) -> bool:
        """As `feed`, for a record that is parsed already."""
        self.heard_at = now
        if pong.id not in self._awaited or len(record) != ECHO_BYTES:
            return False
        self._awaited.remove(pong.id)
        self.received_bytes += len(record)
        return True

    @property
    def done(self) -> bool:
        """Everything came back."""
        return not self._awaited

    @property
    def elapsed_s(self) -> float:
        """From the start to the last record."""
        return self.heard_at - self.started_at

    @property
    def stops_at(self) -> float:
        """When it counts as stopped unless something comes: after a pause of 3 s, or 15 s in all."""
        return min(self.heard_at + PAUSE_S, self.started_at + TOTAL_S)
