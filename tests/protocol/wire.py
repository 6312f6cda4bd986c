"""A wire between one client session and a gateway: nothing moves until the test says so, and any byte may be the last.

Bytes travel in framed form (u32 length before each record), so a cut can fall inside a record, as on a TCP connection.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from zajil.protocol.frames import Role
from zajil.protocol.session import (
    Begin,
    ClientSession,
    Closed,
    Echoed,
    Message,
    Rotate,
    ServerCarrier,
    SessionTable,
    Slow,
    Stalled,
    TakenOver,
    Usable,
)


def framed(records: list[bytes]) -> bytes:
    return b"".join(len(record).to_bytes(4, "big") + record for record in records)


def answer(body: bytes) -> bytes:
    """What the server's application says to a request; long enough for two parts."""
    return b"ok:" + body[:8] + bytes(250)


@dataclass
class Pipe:
    """Bytes on their way; whole records come out. After `cut_after` nothing more gets through."""

    data: bytearray = field(default_factory=bytearray)
    dead: bool = False

    def put(self, data: bytes) -> None:
        if not self.dead:
            self.data += data

    def cut_after(self, size: int) -> None:
        del self.data[size:]
        self.dead = True

    def records(self, most: int | None = None) -> list[bytes]:
        out: list[bytes] = []
        while len(self.data) >= 4 and (most is None or len(out) < most):
            size = int.from_bytes(self.data[:4], "big")
            if len(self.data) < 4 + size:
                break
            out.append(bytes(self.data[4 : 4 + size]))
            del self.data[: 4 + size]
        return out


@dataclass
class Connection:
    number: int
    server: ServerCarrier
    up: Pipe = field(default_factory=Pipe)
    down: Pipe = field(default_factory=Pipe)
    open: bool = True
    segmented: bool = False
    sent_up: int = 0
    sent_down: int = 0


class World:
    """One client and one gateway with an application on each side.

    The client's application sends numbered messages and, on Begin, sends again what was not answered (as open requests
    with the same mids). The server's application answers each message once and again on repeats.
    frag: under 4,096 every carrier is segmented.
    """

    def __init__(self, frag: int = 256) -> None:
        self.now = 1000.0
        self.frag = frag
        self.client = ClientSession(Role.S, frag=frag)
        self.rotate = False
        self.ids = 0
        self.table = SessionTable(Role.S, new_id=self._new_id)
        self.connections: list[Connection] = []
        self.requests: dict[bytes, bytes] = {}
        self.arrived: list[bytes] = []
        self.answers: list[bytes] = []
        self.closed: list[Closed] = []
        self.begins = 0

    def _new_id(self) -> bytes:
        self.ids += 1
        return self.ids.to_bytes(16, "big")

    def dial(self, *, segmented: bool = False) -> Connection:
        segmented = segmented or self.frag < 4096
        self.rotate = False
        number, events = self.client.open_carrier(self.now, segmented=segmented)
        connection = Connection(number, self.table.accept(), segmented=segmented)
        self.connections.append(connection)
        self._client_events(events)
        self.flush()
        return connection

    def request(self, name: bytes, body: bytes) -> None:
        self.requests[name] = body
        if self.connections:
            self.client.send(body)
            self.flush()

    def flush(self) -> None:
        """Whatever may go out enters the pipes of the connections it belongs to."""
        for connection in self.connections:
            if connection.open:
                up, down = self.client.pull(connection.number, self.now), connection.server.pull(self.now)
                connection.up.put(framed(up))
                connection.down.put(framed(down))
                connection.sent_up += sum(map(len, up))
                connection.sent_down += sum(map(len, down))
                if connection.segmented:
                    assert max(connection.sent_up, connection.sent_down) <= 8192

    def up(self, connection: Connection, most: int | None = None) -> None:
        for record in connection.up.records(most):
            for event in connection.server.feed(record, self.now):
                match event:
                    case Message(body):
                        self.arrived.append(body)
                        if connection.server.session is not None:
                            connection.server.session.send(answer(body))
                    case TakenOver(older):
                        # An OPEN that comes late takes over too; the client notices by the end of the newer one.
                        self.cut(next(c for c in self.connections if c.server is older))
                    case Closed():
                        # An OPEN that comes late tells an old rx: it costs its own connection and no session.
                        if connection is self.connections[-1] or connection.server.session is not None:
                            self.closed.append(event)
            self.flush()

    def down(self, connection: Connection, most: int | None = None) -> None:
        for record in connection.down.records(most):
            self._client_events(self.client.feed(connection.number, record, self.now))
            self.flush()
        if connection.open and connection.server.done and not connection.down.data:
            self.cut(connection)  # spent or late: the gateway closes it in good order

    def _client_events(self, events: list) -> None:  # type: ignore[type-arg]  # any client event
        for event in events:
            match event:
                case Message(body):
                    self.answers.append(body)
                    self.requests = {k: v for k, v in self.requests.items() if answer(v) != body}
                case Begin():
                    self.begins += 1
                    for body in self.requests.values():
                        self.client.send(body)
                case Closed():
                    self.closed.append(event)
                case Rotate():
                    self.rotate = True
                case Usable() | Stalled() | Echoed() | Slow():
                    pass

    def cut(self, connection: Connection) -> None:
        """The connection ends; what was still on its way is gone."""
        connection.open = False
        connection.up.data.clear()
        connection.down.data.clear()
        self.client.lost(connection.number)
        connection.server.lost(self.now)

    def forget(self) -> None:
        """The gateway restarts: no session survives, every connection breaks."""
        for connection in self.connections:
            if connection.open:
                self.cut(connection)
        self.table = SessionTable(Role.S, new_id=self._new_id)

    def settle(self) -> None:
        """A fresh, good connection carries everything to its end; in segments, one after the other."""
        connection = self.connections[-1]
        if not connection.open or not self.client.usable:
            connection = self.dial()
        quiet = 0
        while quiet < 2:
            self.now += 0.3
            self._client_events(self.client.tick(self.now))
            self.flush()
            quiet = 0 if connection.up.data or connection.down.data else quiet + 1
            self.up(connection)
            self.down(connection)
            if self.rotate or not connection.open:
                # A dial takes longer than what is on its way.
                connection, quiet = self.dial(segmented=connection.segmented), 0
