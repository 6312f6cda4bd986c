"""The server's side of sessions. Sans-I/O: records in, records and events out, `now` an argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from zajil.protocol import limits
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import Role
from zajil.protocol.session.events import Closed, Message, Usable
from zajil.protocol.session.stream import UNLIMITED, Stream
from zajil.protocol.session.wire import (
    ECHO_BYTES,
    SEGMENT_BYTES,
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

DETACHED_S: Final = 120.0
SEGMENTED_DETACHED_S: Final = 600.0
PINGS_BEFORE_OPEN: Final = 6
ECHOES_MAX: Final = 64
"""Most PONGs that wait to be pulled; a peer that reads has at most six PINGs under way."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """This carrier now carries the session; `carrier` no longer does and is to be closed."""

    carrier: ServerCarrier


ServerEvent: TypeAlias = Message | Usable | TakenOver | Closed


class ServerSession:
    """One session on the server; `SessionTable` makes and forgets it. The gateway may hang its own state on `owner`.

    `stream`, `resume` and the setters of `carrier` and `detached_at` belong to this module.
    """

    def __init__(self, role: Role, resume: bytes) -> None:
        self.role = role
        self.owner: object = None
        self.closed = False
        self.resume = resume
        self.stream = Stream()
        self.carrier: ServerCarrier | None = None
        """The carrier to pull from after `send`; None while detached."""
        self.detached_at: float | None = None
        self.detached_s = DETACHED_S
        """How long it waits for the next carrier; longer when the last one was segmented."""
        self.serial = 0
        """Of the newest OPEN."""

    @property
    def expires_at(self) -> float | None:
        """When it is forgotten; None while a carrier is there."""
        return None if self.detached_at is None else self.detached_at + self.detached_s

    @property
    def queued_bytes(self) -> int:
        """Bytes sent that the client has not acknowledged; the gateway's back-pressure."""
        return self.stream.queued_bytes

    @property
    def incoming_bytes(self) -> int:
        """Bytes of a message that has not come whole yet; they stay while the session is detached."""
        return self.stream.incoming_bytes

    def send(self, message: bytes) -> None:
        """Queues one data frame, at most 1 MiB; then pull from `carrier`. A closed session takes none."""
        if not self.closed:
            self.stream.send(message)


class SessionTable:
    """All sessions of one role in this gateway. new_id: 16 random bytes; they must not be guessable."""

    def __init__(self, role: Role, *, new_id: Callable[[], bytes]) -> None:
        self.role = role
        self._new_id = new_id
        self._sessions: dict[bytes, ServerSession] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def accept(self) -> ServerCarrier:
        """The logic of a new connection."""
        return ServerCarrier(self)

    def expire(self, now: float) -> list[ServerSession]:
        """Forgets the sessions that have been detached for 120 s, 600 s in segments, and returns them."""
        old = [s for s in self._sessions.values() if s.expires_at is not None and s.expires_at <= now]
        for session in old:
            self.forget(session)
        return old

    def next_deadline(self) -> float | None:
        """When `expire` is due."""
        return min((s.expires_at for s in self._sessions.values() if s.expires_at is not None), default=None)

    def forget(self, session: ServerSession) -> None:
        """Drops a session: a later OPEN with its resume begins a new one. What it held is let go of at once.

        Its carrier may stay for a while: whoever reads nothing does not hear of the end either.
        """
        session.closed = True
        session.stream = Stream()
        self._sessions.pop(session.resume, None)

    def find(self, resume: bytes | None) -> ServerSession | None:
        """The live session of a resume; None if there is none or resume is nil."""
        return None if resume is None else self._sessions.get(resume)

    def make(self) -> ServerSession:
        """A new session, detached until a carrier takes it."""
        session = ServerSession(self.role, self._new_id())
        self._sessions[session.resume] = session
        return session


class ServerCarrier:
    """The server's side of one connection. Never raises for what a peer sends."""

    def __init__(self, table: SessionTable) -> None:
        self._table = table
        self.session: ServerSession | None = None
        """The session it carries, from OPEN on, also after another carrier took it over."""
        self._early_pings = 0
        self._done = False
        self._segmented = False
        self._sent_bytes = 0
        self._control: list[SessionFrame] = []
        self._echoes: list[tuple[Pong, int]] = []

    @property
    def current(self) -> bool:
        """Whether it carries its session: false before OPEN and once a newer OPEN took the session over."""
        return self.session is not None and self.session.carrier is self

    @property
    def done(self) -> bool:
        """Nothing more is read from it; close it once pulled empty, in good order: the session may go on elsewhere."""
        session = self.session
        return (
            self._done
            or (session is not None and session.carrier is not self)
            or (self._segmented and self._room < limits.RECORD_SIZES[0])
        )

    @property
    def _room(self) -> int:
        """Bytes that may still be sent on it."""
        return SEGMENT_BYTES - self._sent_bytes if self._segmented else UNLIMITED

    def feed(self, record: bytes, now: float) -> list[ServerEvent]:
        """What one record brings. Nothing once the session is closed or another carrier took it over."""
        if self.done:
            return []
        try:
            frame, session = parse_record(record), self.session
            if session is None or not isinstance(frame, Data):
                return self._take(frame, record)
            message = session.stream.take_data(frame, now=now)
        except ZajilError:
            return self._end("protocol", 0, by_peer=False)
        return [] if message is None else [Message(message)]

    def _take(self, frame: SessionFrame, record: bytes) -> list[ServerEvent]:
        match frame:
            case Ack() if self.session is not None:
                self.session.stream.take_ack(frame.ack)
                return []
            case Ping() if len(record) <= ECHO_BYTES:
                self._early_pings += self.session is None
                if self._early_pings > PINGS_BEFORE_OPEN:
                    raise error("protocol", "too many PINGs before OPEN")
                if len(self._echoes) >= ECHOES_MAX:
                    raise error("protocol", "PINGs without end, and no PONG is read")
                self._echoes.append((Pong(frame.id), len(record)))
                return []
            case Close():
                return self._end(frame.code, frame.retry_ms, by_peer=True)
            case Open() if self.session is None:
                return self._take_open(frame)
            case Pong() if self.session is not None:
                return []
        raise error("protocol", "session frame out of place")

    def _take_open(self, frame: Open) -> list[ServerEvent]:
        if frame.version != VERSION:
            return self._end("unsupported-version", 0, by_peer=False)
        if frame.frag < limits.RECORD_SIZES[0]:
            raise error("protocol", "records too small")
        found = self._table.find(frame.resume)
        if found is not None and 0 < frame.serial <= found.serial:
            # Its client has moved on; taking the session over would only break the newer carrier.
            self._done = True
            return []
        session = found or self._table.make()
        # A new session counts from 1: the rx of a forgotten one means nothing to it. A wrong rx leaves the session be.
        session.stream.resumed(frame.rx if found else 0, frag=min(frame.frag, limits.RECORD_SIZES[-1]))
        events: list[ServerEvent] = [Usable(found is not None)]
        if session.carrier is not None:
            events.insert(0, TakenOver(session.carrier))
        self.session, session.carrier, session.detached_at = session, self, None
        self._segmented = frame.frag < ECHO_BYTES
        session.serial = max(session.serial, frame.serial)
        session.detached_s = SEGMENTED_DETACHED_S if self._segmented else DETACHED_S
        self._control.append(Opened(session.resume, session.stream.rx, found is not None))
        return events

    def _end(self, code: str, retry_ms: int, *, by_peer: bool) -> list[ServerEvent]:
        self._control = [] if by_peer else [*self._control, Close(code, retry_ms)]
        self._echoes, self._done = [], True
        if self.session is not None:
            self._table.forget(self.session)
        return [Closed(code, retry_ms, by_peer)]

    def has_output(self, now: float) -> bool:
        """Whether `pull` may have something, or the carrier is to be closed."""
        session = self.session
        if self._control or self._echoes or self.done:
            return True
        return session is not None and session.stream.has_output(now)

    def pull(self, now: float) -> list[bytes]:
        """Records to send on this carrier now, in order; no more than its segment holds."""
        session = self.session
        if session is not None and not (self._control or self._echoes or self._segmented):
            if session.carrier is not self or session.closed:
                return []
            return session.stream.pull_records(now=now)
        out = [encode_record(frame) for frame in self._control]
        room = self._room - sum(map(len, out))
        if self.session is not None and self.current and not self.session.closed:
            out += [encode_record(frame) for frame in self.session.stream.pull(now=now, room=room)]
        # An echo goes behind queued DATA, so that it measures what the user waits for.
        out += [encode_record(pong, at_least=size) for pong, size in self._echoes]
        self._control, self._echoes = [], []
        while sum(map(len, out)) > self._room:
            out.pop()
        self._sent_bytes += sum(map(len, out))
        return out

    def lost(self, now: float) -> None:
        """The connection ended: the session waits for another; one that never carried anything goes at once."""
        session = self.session
        self._done = True
        if session is None or not self.current:
            return
        session.carrier, session.detached_at = None, now
        if session.stream.untouched:
            self._table.forget(session)

    def close(self, code: str, now: float, *, retry_ms: int = 0) -> list[ServerEvent]:
        """Ends the session with CLOSE behind what is queued (a BYE, say); pull once more, then close the carrier."""
        if self._done or (self.session is not None and not self.current):
            return []
        if self.session is not None:
            self._control += self.session.stream.pull(now=now)
        return self._end(code, retry_ms, by_peer=False)

    def next_deadline(self) -> float | None:
        """When `pull` is due without anything arriving."""
        return self.session.stream.ack_due if self.session is not None and not self.done else None
