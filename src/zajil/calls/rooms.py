"""Media rooms: what one connection sends, every other one of its room gets. Without I/O; in memory only.

A room is there while somebody is in it. Nothing is decoded, stored or logged. Slots are those of connections, not of
people: a person has one for audio, one for video, and a new one before the old one closes. So a room takes 12
connections, and of people, told apart by the leaf that their frames name, 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from zajil.calls import mediaframes
from zajil.calls.queue import MediaQueue, Waiting

CONNECTIONS: Final = 12
PEOPLE: Final = 4
FRAMES_PER_S: Final = 120
BYTES_PER_S: Final = 125_000
_BURST_S: Final = 2.0
"""What a stalled network lets through at once, in seconds of the rate."""
IDLE_S: Final = 30.0
_FAREWELL_S: Final = 5.0
BAD_TICKET: Final = 4401
FULL: Final = 4403
IDLE: Final = 4408
TOO_MUCH: Final = 4429
RESTART: Final = 1012
TRY_LATER: Final = 1013
_SLOTS: Final = 255


class Member:
    """One connection of a room. kick: there is something to pull, or `close_code` is set.

    close_code: how it ends, None while it lasts. dropped: it had time to end and did not.
    """

    def __init__(self, room: _Room, slot: int, *, kick: Callable[[], None], now: float) -> None:
        self.slot = slot
        self.kick = kick
        self.leaf: int | None = None
        self.queue = MediaQueue()
        self.close_code: int | None = None
        self.closed_at = 0.0
        self.dropped = False
        self.heard_at = now
        self._room = room
        self._frames = _BURST_S * FRAMES_PER_S
        self._bytes = _BURST_S * BYTES_PER_S
        self._counted_at = now

    @property
    def room(self) -> _Room:
        """Where it is."""
        return self._room

    def afford(self, size_bytes: int, now: float) -> bool:
        """Count one frame; whether that is within the rates."""
        passed_s, self._counted_at = now - self._counted_at, now
        self._frames = min(self._frames + passed_s * FRAMES_PER_S, _BURST_S * FRAMES_PER_S) - 1
        self._bytes = min(self._bytes + passed_s * BYTES_PER_S, _BURST_S * BYTES_PER_S) - size_bytes
        return self._frames >= 0 and self._bytes >= 0

    def close(self, code: int, now: float) -> None:
        """End it; the first reason counts."""
        if self.close_code is None:
            self.close_code, self.closed_at = code, now
            self.kick()


class _Room:
    def __init__(self, name: bytes) -> None:
        self.name = name
        self.members: dict[int, Member] = {}
        self._next_slot = 1

    def take_slot(self) -> int:
        """A free one, and not one that just became free: frames of its last owner may still be under way."""
        while self._next_slot in self.members:
            self._next_slot = self._next_slot % _SLOTS + 1
        slot, self._next_slot = self._next_slot, self._next_slot % _SLOTS + 1
        return slot

    def people(self) -> set[int]:
        return {member.leaf for member in self.members.values() if member.leaf is not None}

    def tell(self, record: bytes, sender: Member, *, slot: int, head: mediaframes.Head | None, now: float) -> None:
        """Everybody but the sender gets it. slot: 0 for the room's own notices."""
        kind, is_key = (head.kind, head.is_key) if head else (mediaframes.CONTROL, False)
        item = Waiting(record, slot, kind, is_key, now)
        for member in list(self.members.values()):
            if member is sender or member.close_code is not None:
                continue
            if member.queue.push(item):
                member.kick()
            else:
                member.close(TOO_MUCH, now)


class NoPlace(Exception):
    """code: how to close the connection."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Rooms:
    """Every room of this process. now: seconds of a clock that only goes forward.

    connections_max: of all rooms together. count_bad: called for each record that is no media frame.
    """

    def __init__(self, *, connections_max: int, count_bad: Callable[[], None]) -> None:
        self._rooms: dict[bytes, _Room] = {}
        self._connections_max = connections_max
        self._count_bad = count_bad
        self._members: set[Member] = set()

    def __len__(self) -> int:
        """Connections in all rooms."""
        return len(self._members)

    def join(self, name: bytes, *, kick: Callable[[], None], now: float) -> Member:
        """A connection of the room of this name; it and the others hear of each other. Raises NoPlace."""
        if len(self._members) >= self._connections_max:
            raise NoPlace(TRY_LATER)
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = _Room(name)
        if len(room.members) >= CONNECTIONS:
            raise NoPlace(FULL)
        member = Member(room, room.take_slot(), kick=kick, now=now)
        hello = mediaframes.notice(mediaframes.JOINED, member.slot, *room.members)
        room.members[member.slot] = member
        self._members.add(member)
        member.queue.push(Waiting(hello, 0, mediaframes.CONTROL, False, now))
        came = mediaframes.notice(mediaframes.CAME, member.slot)
        room.tell(came, member, slot=0, head=None, now=now)
        kick()
        return member

    def feed(self, member: Member, record: bytes, *, now: float) -> None:
        """One record of this connection: passed on, dropped if it is none, or the end of the connection."""
        if member.close_code is not None:
            return
        member.heard_at = now
        if mediaframes.is_oversize(record) or not member.afford(len(record), now):
            member.close(TOO_MUCH, now)
            return
        head = mediaframes.parse_head(record)
        if head is None or member.leaf not in (None, head.leaf):
            self._count_bad()
            return
        room = member.room
        if member.leaf is None:
            people = room.people()
            if head.leaf not in people and len(people) >= PEOPLE:
                member.close(FULL, now)
                return
            member.leaf = head.leaf
        room.tell(bytes((member.slot,)) + record, member, slot=member.slot, head=head, now=now)

    def heard(self, member: Member, size_bytes: int, *, now: float) -> None:
        """Bytes that are no record, such as a PING: they count, and are no sign of life of a call."""
        if not member.afford(size_bytes, now):
            member.close(TOO_MUCH, now)

    def leave(self, member: Member, *, now: float) -> None:
        """The connection is gone; call it once, at the end."""
        self._members.discard(member)
        room = member.room
        if room.members.pop(member.slot, None) is None:
            return
        for other in room.members.values():
            other.queue.forget(member.slot)
        room.tell(mediaframes.notice(mediaframes.LEFT, member.slot), member, slot=0, head=None, now=now)
        if not room.members:
            del self._rooms[room.name]

    def sweep(self, now: float) -> None:
        """End connections that said nothing for 30 s, and give up those that do not end."""
        for member in list(self._members):
            if now - member.heard_at >= IDLE_S:
                member.close(IDLE, now)
            if member.close_code is not None and now - member.closed_at >= _FAREWELL_S and not member.dropped:
                member.dropped = True
                member.kick()

    def close_all(self, now: float) -> None:
        """The server ends: everybody comes again, with a new ticket."""
        for member in list(self._members):
            member.close(RESTART, now)
