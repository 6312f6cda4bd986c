"""Media rooms with a clock, for tests that have no socket."""

from __future__ import annotations

from zajil.calls.rooms import Member, Rooms
from zajil.engine.bus import Bus, MemoryBus

ROOM = b"r" * 16


class Party:
    """Rooms, the time there, and what they counted. Who names no ticket joins with one of its own.

    bus: to other parties, at other gateways.
    """

    def __init__(self, connections_max: int = 1000, *, bus: Bus | None = None) -> None:
        self.now = 100.0
        self.bad = 0
        self.over = 0
        self.kicks = 0
        self.tickets = 0
        self.rooms = Rooms(
            connections_max=connections_max,
            bus=bus or MemoryBus(),
            clock=lambda: self.now,
            count_bad=self.count,
            count_over=self.count_over,
        )

    def count(self) -> None:
        self.bad += 1

    def count_over(self) -> None:
        self.over += 1

    def kick(self) -> None:
        self.kicks += 1

    def join(self, name: bytes = ROOM, *, ticket: bytes = b"") -> Member:
        self.tickets += 1
        return self.rooms.join(name, ticket=ticket or b"own %d" % self.tickets, kick=self.kick, now=self.now)

    def feed(self, member: Member, record: bytes) -> None:
        self.rooms.feed(member, record, now=self.now)

    def leave(self, member: Member) -> None:
        self.rooms.leave(member, now=self.now)


def read(member: Member) -> list[bytes]:
    """Everything that waits for this connection."""
    out: list[bytes] = []
    while records := member.queue.pull():
        out += records
    return out


def read_frames(member: Member) -> list[bytes]:
    """What others sent that waits for this connection, without slots and notices."""
    return [record[1:] for record in read(member) if record[0]]
