"""Media rooms: what one connection sends, every other person of its room gets. Without I/O; in memory only.

A room is there while somebody is in it. Nothing is decoded, stored or logged. Slots are those of connections, not of
people: a person has one for audio, one for video, and a new one before the old one closes. So a room takes 12
connections, and of people, told apart by the leaf that their frames name, 4.

A person's connections share what comes, each frame on one of them. That they are one person's, the leaf does not
prove: anybody in the room can write another's. The ticket does, which only its owner and the server know; so only
connections of one leaf and one ticket share, and every other one gets everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from zajil.calls import mediaframes
from zajil.calls.queue import MediaQueue, Waiting
from zajil.protocol.calls.limits import PEOPLE
from zajil.protocol.calls.media import (
    AUDIO,
    BYTES_A_SECOND,
    CAME,
    CONTROL,
    FRAMES_A_SECOND,
    IDLE,
    JOINED,
    LEFT,
    RESTART,
    ROOM_FULL,
    TOO_MUCH,
    TRY_LATER,
)

CONNECTIONS: Final = 12
SETTLE_S: Final = 2.0
"""So long a person's new connection and the old ones all get everything, and so long one may be silent and still share
it: whoever changes connections, or whose old one is dead, loses nothing."""
_BURST_S: Final = 2.0
"""What a stalled network lets through at once, in seconds of the rate."""
IDLE_S: Final = 30.0
LIFE_S: Final = 600.0
"""Then a connection needs a new ticket, which somebody who left the group in the meantime does not get."""
_FAREWELL_S: Final = 5.0
_SLOTS: Final = 255


class Rate:
    """What may still come at `times` the rates of one connection, with two seconds at once."""

    def __init__(self, now: float, *, times: float = 1) -> None:
        self._times = times
        self._frames = _BURST_S * FRAMES_A_SECOND * times
        self._bytes = _BURST_S * BYTES_A_SECOND * times
        self._counted_at = now

    def fits(self, size_bytes: int, now: float) -> bool:
        """Whether one more frame is within the rates, as of now."""
        passed_s, self._counted_at = (now - self._counted_at) * self._times, now
        most = _BURST_S * self._times
        self._frames = min(self._frames + passed_s * FRAMES_A_SECOND, most * FRAMES_A_SECOND)
        self._bytes = min(self._bytes + passed_s * BYTES_A_SECOND, most * BYTES_A_SECOND)
        return self._frames >= 1 and self._bytes >= size_bytes

    def spend(self, size_bytes: int) -> None:
        """Count one frame, which may leave less than nothing."""
        self._frames -= 1
        self._bytes -= size_bytes


class Member:
    """One connection of a room. kick: there is something to pull, or `close_code` is set.

    close_code: how it ends, None while it lasts. dropped: it had time to end and did not. leaf: as its first frame
    said, at `claimed_at`. sent: for each kind, the room's number of the last frame.
    """

    def __init__(self, room: _Room, slot: int, *, ticket: bytes, kick: Callable[[], None], now: float) -> None:
        self.slot = slot
        self.ticket = ticket
        self.kick = kick
        self.leaf: int | None = None
        self.claimed_at = now
        self.sent: dict[int, int] = {}
        self.queue = MediaQueue()
        self.close_code: int | None = None
        self.closed_at = 0.0
        self.dropped = False
        self.joined_at = now
        self.heard_at = now
        self._room = room
        self._rate = Rate(now)
        self._share = Rate(now, times=PEOPLE / CONNECTIONS)

    @property
    def room(self) -> _Room:
        """Where it is."""
        return self._room

    def afford(self, size_bytes: int, now: float) -> bool:
        """Count one frame; whether that is within the rates."""
        fits = self._rate.fits(size_bytes, now)
        self._rate.spend(size_bytes)
        return fits

    def takes_share(self, size_bytes: int, now: float) -> bool:
        """Count one frame in what is its own of the room's rate, where that holds it."""
        fits = self._share.fits(size_bytes, now)
        if fits:
            self._share.spend(size_bytes)
        return fits

    def close(self, code: int, now: float) -> None:
        """End it; the first reason counts."""
        if self.close_code is None:
            self.close_code, self.closed_at = code, now
            self.kick()


class _Room:
    """rate: of all its people together, however many connections they have.

    A twelfth of it is each connection's own: more than sound takes. So who floods a room, by all the connections and
    in whatever names he likes, takes what others leave over, and nothing that they need.
    """

    def __init__(self, name: bytes, now: float) -> None:
        self.name = name
        self.rate = Rate(now, times=PEOPLE)
        self.members: dict[int, Member] = {}
        self._next_slot = 1
        self._frames = 0

    def take_slot(self) -> int:
        """A free one, and not one that just became free: frames of its last owner may still be under way."""
        while self._next_slot in self.members:
            self._next_slot = self._next_slot % _SLOTS + 1
        slot, self._next_slot = self._next_slot, self._next_slot % _SLOTS + 1
        return slot

    def people(self) -> set[int]:
        return {member.leaf for member in self.members.values() if member.leaf is not None}

    def tell(self, record: bytes, about: Member, now: float) -> None:
        """A notice, to every connection but the one it is about."""
        item = Waiting(record, 0, CONTROL, False, now)
        _give(item, [each for each in self._open() if each is not about], now)

    def forward(self, record: bytes, sender: Member, head: mediaframes.Head, now: float) -> None:
        """A frame of this connection, once to every other person."""
        self._frames += 1
        sender.sent[head.kind] = self._frames
        own = (sender.ticket, sender.leaf)
        people: dict[tuple[bytes, int | None], list[Member]] = {}
        for member in self._open():
            people.setdefault((member.ticket, member.leaf), []).append(member)
        item = Waiting(bytes((sender.slot,)) + record, sender.slot, head.kind, head.is_key, now)
        for person, mates in people.items():
            if person != own:
                _give(item, choose_mates(mates, head.kind, now=now), now)

    def _open(self) -> Iterator[Member]:
        return (member for member in self.members.values() if member.close_code is None)


def _give(item: Waiting, members: Sequence[Member], now: float) -> None:
    for member in members:
        if member.queue.push(item):
            member.kick()
        else:
            member.close(TOO_MUCH, now)


def choose_mates(mates: Sequence[Member], kind: int, *, now: float) -> Sequence[Member]:
    """Which of these connections of one ticket and leaf get a frame of this kind: one, or all.

    The one that sent this kind last; else one that is not for audio, which video would hold up; else the first.
    All while there is no telling: before they have sent anything, for SETTLE_S after one was new, and where none spoke
    within SETTLE_S.
    """
    if mates[0].leaf is None or any(now - each.claimed_at < SETTLE_S for each in mates):
        return mates
    speaking = [each for each in mates if now - each.heard_at < SETTLE_S]
    if not speaking:
        return mates
    return [max(speaking, key=lambda each: (each.sent.get(kind, 0), AUDIO not in each.sent))]


class NoPlace(Exception):
    """code: how to close the connection."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


class Rooms:
    """Every room of this process. now: seconds of a clock that only goes forward.

    connections_max: of all rooms together. count_bad: called for each record that is no media frame; count_over, for
    each frame that was one too many for its room.
    """

    def __init__(self, *, connections_max: int, count_bad: Callable[[], None], count_over: Callable[[], None]) -> None:
        self._rooms: dict[bytes, _Room] = {}
        self._connections_max = connections_max
        self._count_bad = count_bad
        self._count_over = count_over
        self._members: set[Member] = set()

    def __len__(self) -> int:
        """Connections in all rooms."""
        return len(self._members)

    def join(self, name: bytes, *, ticket: bytes, kick: Callable[[], None], now: float) -> Member:
        """A connection of the room of this name; it and the others hear of each other. Raises NoPlace.

        ticket: what opened the room, genuine and known to nobody but its owner.
        """
        if len(self._members) >= self._connections_max:
            raise NoPlace(TRY_LATER)
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = _Room(name, now)
        if len(room.members) >= CONNECTIONS:
            raise NoPlace(ROOM_FULL)
        member = Member(room, room.take_slot(), ticket=ticket, kick=kick, now=now)
        hello = mediaframes.notice(JOINED, member.slot, *room.members)
        room.members[member.slot] = member
        self._members.add(member)
        member.queue.push(Waiting(hello, 0, CONTROL, False, now))
        room.tell(mediaframes.notice(CAME, member.slot), member, now)
        kick()
        return member

    def feed(self, member: Member, record: bytes, *, now: float) -> None:
        """One record of this connection: passed on, dropped if it is none or the room has too many, or the end of
        the connection."""
        if member.close_code is not None:
            return
        if mediaframes.is_oversize(record) or not member.afford(len(record), now):
            member.close(TOO_MUCH, now)
            return
        head = mediaframes.parse_head(record)
        if head is None or member.leaf not in (None, head.leaf):
            self._count_bad()
            return
        member.heard_at = now
        room = member.room
        if member.leaf is None:
            people = room.people()
            if head.leaf not in people and len(people) >= PEOPLE:
                member.close(ROOM_FULL, now)
                return
            member.leaf, member.claimed_at = head.leaf, now
        fits = room.rate.fits(len(record), now)
        if not member.takes_share(len(record), now) and not fits:
            self._count_over()
            return
        room.rate.spend(len(record))
        room.forward(record, member, head, now)

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
        room.tell(mediaframes.notice(LEFT, member.slot), member, now)
        if not room.members:
            del self._rooms[room.name]

    def sweep(self, now: float) -> None:
        """End connections of ten minutes, and those without a frame for 30 s; give up those that do not end."""
        for member in list(self._members):
            if now - member.heard_at >= IDLE_S:
                member.close(IDLE, now)
            elif now - member.joined_at >= LIFE_S:
                member.close(RESTART, now)
            if member.close_code is not None and now - member.closed_at >= _FAREWELL_S and not member.dropped:
                member.dropped = True
                member.kick()

    def close_all(self, now: float) -> None:
        """The server ends: everybody comes again, with a new ticket."""
        for member in list(self._members):
            member.close(RESTART, now)
