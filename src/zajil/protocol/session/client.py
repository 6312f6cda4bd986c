"""The client's side of a session. Sans-I/O: records in, records and events out, `now` an argument."""

from __future__ import annotations

from typing import Final

from zajil.protocol import limits
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import Role
from zajil.protocol.session.echo import Echo
from zajil.protocol.session.events import Begin, ClientEvent, Closed, Echoed, Message, Rotate, Slow, Stalled, Usable
from zajil.protocol.session.pings import Pings
from zajil.protocol.session.stream import UNLIMITED, Stream
from zajil.protocol.session.wire import (
    ECHO_BYTES,
    ROTATE_BYTES,
    SEGMENT_BYTES,
    SEGMENT_FRAG,
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

SLOW_BYTES_S: Final = 4096
SLOW_S: Final = 20.0


class ClientSession:
    """The client's side of one role's session, over any number of carriers, one at a time.

    Every carrier has a number; what an older one still brings is ignored. Call `pull` after each call that may have
    queued something and send what it returns; call `tick` at `next_deadline`. Never raises for what a peer sends.
    frag: bytes; the largest record wanted in either direction.
    """

    def __init__(self, role: Role, *, frag: int = limits.RECORD_SIZES[-1]) -> None:
        self.role = role
        self.segmented = False
        """Whether the newest carrier moves 8,192 bytes in either direction at most."""
        self.rx_bytes = 0
        """Bytes of records that came on the newest carrier."""
        self.tx_bytes = 0
        """Bytes of records that went out on it."""
        self._frag = frag
        self._stream = self._fresh()
        self._resume: bytes | None = None
        self._carrier = 0
        self._attached = False
        self._usable = False
        self._control: list[SessionFrame] = []
        self._echoes: list[tuple[Pong, int]] = []
        self._pings = Pings(0.0)
        self._echo: Echo | None = None
        self._echo_queued = False
        self._rotated = False
        self._queued_from: float | None = None
        self._acked_bytes = 0
        self._slow = False

    @property
    def queued_bytes(self) -> int:
        """Bytes sent that the server has not acknowledged."""
        return self._stream.queued_bytes

    @property
    def usable(self) -> bool:
        """A carrier is open and the server answered on it."""
        return self._attached and self._usable

    @property
    def rtt_s(self) -> float:
        """Seconds of the last measured round trip on this carrier, 0 before the first."""
        return self._pings.rtt_s

    @property
    def rate_bytes_s(self) -> float:
        """What this carrier moved at its best lately, 0 before it is known."""
        return self._pings.rate_bytes_s

    def open_carrier(self, now: float, *, segmented: bool = False) -> tuple[int, list[ClientEvent]]:
        """A connection was made: its number, and Begin when a new session starts on it.

        segmented: it is left after 8,192 bytes in either direction, Rotate tells at half of that.
        """
        self._carrier += 1
        self._attached, self._usable = True, False
        self.segmented, self.rx_bytes, self.tx_bytes = segmented, 0, 0
        self._pings = Pings(now)
        self._pings.expect(now)
        self._echoes, self._echo, self._rotated = [], None, False
        self._queued_from, self._slow = None, False
        events: list[ClientEvent] = []
        if self._resume is None:
            self._stream = self._fresh()
            events.append(Begin())
        self._control = [Open(VERSION, self._resume, self._stream.rx, self._carrier_frag, self._carrier)]
        return self._carrier, events

    def send(self, message: bytes) -> None:
        """Queues one data frame, at most 1 MiB. Before a Begin it is lost with the session: send after it."""
        self._stream.send(message)

    def prove(self, now: float) -> None:
        """Runs the 24 KiB echo behind what is queued; Echoed tells how it goes. Nothing on a segmented carrier."""
        if self._attached and not self.segmented:
            self._echo, self._echo_queued = Echo(now), True

    def ping(self, now: float) -> None:
        """Asks the server for a PONG now, whatever is expected: `rtt_s` tells the way there and back."""
        if self.usable and not self._pings.pending:
            self._control.append(self._pings.make(now))

    def feed(self, carrier: int, record: bytes, now: float) -> list[ClientEvent]:
        """What one record of this carrier brings. Nothing once a newer carrier was opened or it was lost."""
        if carrier != self._carrier or not self._attached:
            return []
        self.rx_bytes += len(record)
        self._pings.heard(now)
        before = self._stream.unacked_bytes
        try:
            events = self._take(parse_record(record), record, now)
        except ZajilError:
            return self._end("protocol", 0, by_peer=False)
        if not self._attached:
            return events
        acked = max(0, before - self._stream.unacked_bytes)
        self._acked_bytes += acked
        self._pings.flight(acked, now, more=self._stream.expecting)
        self._pings.in_flight_bytes = self._stream.in_flight_bytes
        if self._stream.expecting or self._pings.pending:
            self._pings.expect(now)
        return events + self._progress(now) + self._rotation()

    def _fresh(self) -> Stream:
        stream = Stream()
        stream.frag = self._carrier_frag
        return stream

    @property
    def _carrier_frag(self) -> int:
        return min(self._frag, SEGMENT_FRAG) if self.segmented else self._frag

    @property
    def _room(self) -> int:
        """Bytes that may still go out on this carrier."""
        return SEGMENT_BYTES - self.tx_bytes if self.segmented else UNLIMITED

    def _take(self, frame: SessionFrame, record: bytes, now: float) -> list[ClientEvent]:
        match frame:
            case Opened() if not self._usable:
                return self._take_opened(frame)
            case Ping() if len(record) <= ECHO_BYTES:
                self._echoes.append((Pong(frame.id), len(record)))
                return []
            case Pong():
                if self._echo is None or not self._echo.take(frame, record, now):
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
            self._stream.resumed(frame.rx, frag=self._carrier_frag)
        self._resume = frame.resume
        self._usable = True
        return events

    def _progress(self, now: float) -> list[ClientEvent]:
        echo = self._echo
        if echo is None:
            return []
        if echo.done:
            self._echo = None
            self._pings.measure(echo.received_bytes, now - echo.started_at)
        return [Echoed(echo.received_bytes, now - echo.started_at, echo.done)]

    def _rotation(self) -> list[ClientEvent]:
        if not self._half_spent or self._rotated:
            return []
        self._rotated = True
        return [Rotate()]

    @property
    def _half_spent(self) -> bool:
        return self.segmented and self._usable and max(self.rx_bytes, self.tx_bytes) >= ROTATE_BYTES

    def _end(self, code: str, retry_ms: int, *, by_peer: bool) -> list[ClientEvent]:
        self._control = [] if by_peer else [Close(code, retry_ms)]
        self._echoes, self._echo, self._stream, self._resume = [], None, self._fresh(), None
        self._attached = self._usable = False
        return [Closed(code, retry_ms, by_peer)]

    def pull(self, carrier: int, now: float) -> list[bytes]:
        """Records to send on this carrier now, in order. Nothing for an older one."""
        if carrier != self._carrier:
            return []
        out = [encode_record(frame) for frame in self._control]
        self._control = []
        if self._attached and (self._usable or self._resume is None):
            room = self._room - sum(map(len, out))
            out += [encode_record(frame) for frame in self._stream.pull(now=now, room=room)]
        # An echo goes behind queued DATA, so that it measures what the user waits for.
        out += [encode_record(pong, at_least=size) for pong, size in self._echoes]
        self._echoes = []
        if self._echo is not None and self._echo_queued:
            self._echo_queued = False
            out += self._echo.records()
            self._pings.expect(now)
        while sum(map(len, out)) > self._room:
            out.pop()
        self.tx_bytes += sum(map(len, out))
        if self._attached:
            self._note_out(now)
        return out

    def _note_out(self, now: float) -> None:
        self._pings.in_flight_bytes = self._stream.in_flight_bytes
        self._pings.flight(0, now, more=self._stream.expecting)
        if self._stream.expecting:
            self._pings.expect(now)
        if self.segmented or self._stream.queued_bytes < SLOW_BYTES_S:
            self._queued_from = None
        elif self._queued_from is None:
            self._queued_from, self._acked_bytes = now, 0

    def lost(self, carrier: int) -> None:
        """The connection ended. The session waits for another; an older carrier's end means nothing."""
        if carrier == self._carrier:
            self._attached = self._usable = False
            self._control, self._echoes, self._echo = [], [], None

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
        if ping_at is not None and now >= ping_at and self._room >= limits.RECORD_SIZES[0]:
            self._control.append(self._pings.make(now))
        return self._rotation() + self._slowness(now)

    def _slowness(self, now: float) -> list[ClientEvent]:
        if self._queued_from is None or now < self._queued_from + SLOW_S:
            return []
        rate = self._acked_bytes / (now - self._queued_from)
        told = self._slow or rate < SLOW_BYTES_S
        self._slow = rate < SLOW_BYTES_S
        self._queued_from, self._acked_bytes = now, 0
        return [Slow(rate)] if told else []

    def next_deadline(self) -> float | None:
        """When `tick` and `pull` are due without anything arriving; None while no carrier is open."""
        if not self._attached:
            return None
        times = [self._pings.stalled_at]
        if self._room >= limits.RECORD_SIZES[0]:
            times += [self._stream.ack_due, self._pings.ping_at]
        if self._half_spent and not self._rotated:
            times.append(self._pings.heard_at)
        if self._queued_from is not None:
            times.append(self._queued_from + SLOW_S)
        return min((at for at in times if at is not None), default=None)
