"""The client's side of a session. Sans-I/O: records in, records and events out, `now` an argument."""

from __future__ import annotations

from zajil.protocol import limits
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import Role
from zajil.protocol.session.events import Begin, ClientEvent, Closed, Message, Stalled, Usable
from zajil.protocol.session.pings import Pings
from zajil.protocol.session.stream import Stream
from zajil.protocol.session.wire import (
    ECHO_BYTES,
    VERSION,
    Ack,
    Close,
    Data,
    Open,
    Opened,
    Ping,
    Pong,
    SessionFrame,
    encode_record,
    parse_record,
)


class ClientSession:
    """The client's side of one role's session, over any number of carriers, one at a time.

    Every carrier has a number; what an older one still brings is ignored. Call `pull` after each call that may have
    queued something and send what it returns; call `tick` at `next_deadline`. Never raises for what a peer sends.
    frag: bytes; the largest record wanted in either direction.
    """

    def __init__(self, role: Role, *, frag: int = limits.RECORD_SIZES[-1]) -> None:
        self.role = role
        self._frag = frag
        self._stream = self._fresh()
        self._resume: bytes | None = None
        self._carrier = 0
        self._attached = False
        self._usable = False
        self._control: list[SessionFrame] = []
        self._echoes: list[tuple[Pong, int]] = []
        self._pings = Pings(0.0)

    @property
    def queued_bytes(self) -> int:
        """Bytes sent that the server has not acknowledged."""
        return self._stream.queued_bytes

    @property
    def usable(self) -> bool:
        """A carrier is open and the server answered on it."""
        return self._attached and self._usable

    def open_carrier(self, now: float) -> tuple[int, list[ClientEvent]]:
        """A connection was made: its number, and Begin when a new session starts on it."""
        self._carrier += 1
        self._attached, self._usable = True, False
        self._pings = Pings(now)
        self._pings.expect(now)
        self._echoes = []
        events: list[ClientEvent] = []
        if self._resume is None:
            self._stream = self._fresh()
            events.append(Begin())
        self._control = [Open(VERSION, self._resume, self._stream.rx, self._frag)]
        return self._carrier, events

    def send(self, message: bytes) -> None:
        """Queues one data frame, at most 1 MiB. Before a Begin it is lost with the session: send after it."""
        self._stream.send(message)

    def feed(self, carrier: int, record: bytes, now: float) -> list[ClientEvent]:
        """What one record of this carrier brings. Nothing once a newer carrier was opened or it was lost."""
        if carrier != self._carrier or not self._attached:
            return []
        self._pings.heard(now)
        try:
            events = self._take(parse_record(record), record, now)
        except ZajilError:
            return self._end("protocol", 0, by_peer=False)
        self._pings.in_flight_bytes = self._stream.in_flight_bytes
        if self._stream.expecting or self._pings.pending:
            self._pings.expect(now)
        return events

    def _fresh(self) -> Stream:
        stream = Stream()
        stream.frag = self._frag
        return stream

    def _take(self, frame: SessionFrame, record: bytes, now: float) -> list[ClientEvent]:
        match frame:
            case Opened() if not self._usable:
                return self._take_opened(frame)
            case Ping() if len(record) <= ECHO_BYTES:
                self._echoes.append((Pong(frame.id), len(record)))
                return []
            case Pong():
                self._pings.answered(frame, now)
                return []
            case Close():
                return self._end(frame.code, frame.retry_ms, by_peer=True)
            case Data() if self._usable:
                message = self._stream.take_data(frame, now=now)
                return [] if message is None else [Message(message)]
            case Ack() if self._usable:
                self._stream.take_ack(frame.ack)
                return []
        raise error("protocol", "session frame out of place")

    def _take_opened(self, frame: Opened) -> list[ClientEvent]:
        if frame.known and frame.resume != self._resume:
            raise error("protocol", "another session")
        events: list[ClientEvent] = [Usable(frame.known)]
        if not frame.known and self._resume is not None:
            self._stream = self._fresh()
            events.append(Begin())
        if self._resume is None:
            # DATA went out behind OPEN already, and nothing goes out twice on one carrier.
            self._stream.take_ack(frame.rx)
        else:
            self._stream.resumed(frame.rx)
        self._resume = frame.resume
        self._usable = True
        return events

    def _end(self, code: str, retry_ms: int, *, by_peer: bool) -> list[ClientEvent]:
        self._control = [] if by_peer else [Close(code, retry_ms)]
        self._echoes, self._stream, self._resume = [], self._fresh(), None
        self._attached = self._usable = False
        return [Closed(code, retry_ms, by_peer)]

    def pull(self, carrier: int, now: float) -> list[bytes]:
        """Records to send on this carrier now, in order. Nothing for an older one."""
        if carrier != self._carrier:
            return []
        out = [encode_record(frame) for frame in self._control]
        self._control = []
        if self._attached and (self._usable or self._resume is None):
            out += [encode_record(frame) for frame in self._stream.pull(now=now)]
        # An echo goes behind queued DATA, so that it measures what the user waits for.
        out += [encode_record(pong, at_least=size) for pong, size in self._echoes]
        self._echoes = []
        self._pings.in_flight_bytes = self._stream.in_flight_bytes
        if self._stream.expecting and self._attached:
            self._pings.expect(now)
        return out

    def lost(self, carrier: int) -> None:
        """The connection ended. The session waits for another; an older carrier's end means nothing."""
        if carrier == self._carrier:
            self._attached = self._usable = False
            self._control, self._echoes = [], []

    def close(self, code: str = "restarting") -> list[ClientEvent]:
        """Ends the session; pull once more, then close the carrier."""
        return self._end(code, 0, by_peer=False)

    def tick(self, now: float) -> list[ClientEvent]:
        """Time passed: queues a PING or an ACK that is due, or gives up a silent carrier."""
        if not self._attached:
            return []
        stalled_at, ping_at = self._pings.stalled_at, self._pings.ping_at
        if stalled_at is not None and now >= stalled_at:
            self.lost(self._carrier)
            return [Stalled()]
        if ping_at is not None and now >= ping_at:
            self._control.append(self._pings.make(now))
        return []

    def next_deadline(self) -> float | None:
        """When `tick` and `pull` are due without anything arriving; None while no carrier is open."""
        if not self._attached:
            return None
        times = (self._stream.next_deadline(), self._pings.ping_at, self._pings.stalled_at)
        return min((at for at in times if at is not None), default=None)
