"""Media rooms: what one connection sends, every other person of its room gets. Without I/O; in memory only.

A room is there while somebody is in it. Nothing is decoded, stored or logged. Slots are those of connections, not of
people: a person has one for audio, one for video, and a new one before the old one closes. So a room takes 12
connections, and of people, told apart by the leaf that their frames name, 4.

People of one room may be at several gateways: each has a room of its own, and hears over the bus of the connections at
the others, which have slots here too. A frame passes the bus once for all of them. Of those at a gateway that died
nobody tells any more. Who comes into a room that they fill is let in on trial, and all others are asked for: who does
not answer is gone, and where all do, the room was full.

A person's connections share what comes, each frame on one of them. That they are one person's, the leaf does not
prove: anybody in the room can write another's. The ticket does, which only its owner and the server know; so only
connections of one leaf and one ticket share, and every other one gets everything. Those at another gateway share among
themselves: who has some at either gets a frame at both.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from zajil.calls import mediaframes
from zajil.calls.farnews import (
    ASK,
    FRAME,
    GATEWAY_BYTES,
    GONE,
    HERE,
    MARK_BYTES,
    News,
    Presence,
    encode_news,
    encode_presence,
    parse_news,
    parse_presence,
)
from zajil.calls.queue import MediaQueue, Waiting
from zajil.engine.bus import Bus, Topic
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
FAR_S: Final = 20.0
"""A connection at another gateway of which nothing was heard for so long is gone: its gateway tells of it every 5 s."""
ANSWER_S: Final = 2.0
"""So long the others have for their answer when a place is wanted in a full room."""
FAR_MAX: Final = 2 * CONNECTIONS
"""More than that in one room nobody tells of in earnest."""
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
    """One connection of a room, here or at another gateway. kick: there is something to pull, or `close_code` is set.

    mark: stands for the ticket. is_far: at another gateway, which passes on what is for it. close_code: how it ends,
    None while it lasts. dropped: it had time to end and did not. leaf: as its first frame said, at `claimed_at`. sent:
    for each kind, the room's number of the last frame. told_at: when another gateway told of it last. on_trial: it came
    into a full room, of which some may be gone.
    """

    def __init__(
        self, room: _Room, slot: int, *, mark: bytes, kick: Callable[[], None], now: float, is_far: bool = False
    ) -> None:
        self.slot = slot
        self.mark = mark
        self.is_far = is_far
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
        self.told_at = now
        self.on_trial = False
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
        self.far: dict[tuple[bytes, int], Member] = {}
        """Those at other gateways, by gateway and slot there."""
        self.asked_at: float | None = None
        """When it was full and all of those were asked for; None once they had time to answer."""
        self.tried_at = -FAR_S
        """When all of them had answered, and nobody was let in: by FAR_S later who does not live is gone anyway."""
        self.leave_bus: Callable[[], None] = _nobody
        self._next_slot = 1
        self._frames = 0

    def take_slot(self) -> int:
        """A free one, and not one that just became free: frames of its last owner may still be under way."""
        while self._next_slot in self.members:
            self._next_slot = self._next_slot % _SLOTS + 1
        slot, self._next_slot = self._next_slot, self._next_slot % _SLOTS + 1
        return slot

    @property
    def near(self) -> list[Member]:
        """Those here."""
        return [member for member in self.members.values() if not member.is_far]

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
        own = (sender.mark, sender.leaf)
        people: dict[tuple[bytes, int | None], list[Member]] = {}
        for member in self._open():
            people.setdefault((member.mark, member.leaf), []).append(member)
        item = Waiting(bytes((sender.slot,)) + record, sender.slot, head.kind, head.is_key, now)
        for person, mates in people.items():
            if person != own:
                _give(item, choose_mates(mates, head.kind, now=now), now)

    def _open(self) -> Iterator[Member]:
        return (member for member in self.members.values() if member.close_code is None and not member.is_far)


def _nobody() -> None:
    """Nobody to tell."""


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

    connections_max: of all rooms together. bus: to other gateways. clock: gives `now`, for what is heard there.
    count_bad: called for each record that is no media frame; count_over, for each frame that was one too many for its
    room.
    """

    def __init__(
        self,
        *,
        connections_max: int,
        bus: Bus,
        clock: Callable[[], float],
        count_bad: Callable[[], None],
        count_over: Callable[[], None],
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._name = os.urandom(GATEWAY_BYTES)
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
            room = self._make(name, now)
        is_full = len(room.members) >= CONNECTIONS
        if is_full and not self._may_try(room, now):
            raise NoPlace(ROOM_FULL)
        mark = hashlib.sha256(ticket).digest()[:MARK_BYTES]
        member = Member(room, room.take_slot(), mark=mark, kick=kick, now=now)
        member.on_trial = is_full
        hello = mediaframes.notice(JOINED, member.slot, *room.members)
        room.members[member.slot] = member
        self._members.add(member)
        member.queue.push(Waiting(hello, 0, CONTROL, False, now))
        room.tell(mediaframes.notice(CAME, member.slot), member, now)
        self._tell_here(room, member)
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
        if room.far:
            self._tell(room, FRAME, member.slot, record)

    def heard(self, member: Member, size_bytes: int, *, now: float) -> None:
        """Bytes that are no record, such as a PING: they count, and are no sign of life of a call."""
        if not member.afford(size_bytes, now):
            member.close(TOO_MUCH, now)

    def leave(self, member: Member, *, now: float) -> None:
        """The connection is gone; call it once, at the end."""
        self._members.discard(member)
        room = member.room
        if room.members.get(member.slot) is not member:
            return
        self._drop(room, member, now)
        self._tell(room, GONE, member.slot)
        if not room.near:
            room.leave_bus()
            del self._rooms[room.name]

    def _drop(self, room: _Room, member: Member, now: float) -> None:
        del room.members[member.slot]
        for other in room.members.values():
            other.queue.forget(member.slot)
        room.tell(mediaframes.notice(LEFT, member.slot), member, now)

    def sweep(self, now: float) -> None:
        """End connections of ten minutes, and those without a frame for 30 s; give up those that do not end.

        Call it every few seconds: other gateways hear by it who is still here.
        """
        for member in list(self._members):
            if now - member.heard_at >= IDLE_S:
                member.close(IDLE, now)
            elif now - member.joined_at >= LIFE_S:
                member.close(RESTART, now)
            if member.close_code is not None and now - member.closed_at >= _FAREWELL_S and not member.dropped:
                member.dropped = True
                member.kick()
        for room in self._rooms.values():
            for key, far in list(room.far.items()):
                if now - far.told_at >= FAR_S:
                    self._lose(room, key, now)
            if room.asked_at is not None and now - room.asked_at >= ANSWER_S:
                self._settle(room, room.asked_at, now)
            for near in room.near:
                self._tell_here(room, near)

    def close_all(self, now: float) -> None:
        """The server ends: everybody comes again, with a new ticket."""
        for member in list(self._members):
            member.close(RESTART, now)

    # Other gateways

    def _make(self, name: bytes, now: float) -> _Room:
        room = self._rooms[name] = _Room(name, now)
        room.leave_bus = self._bus.listen(Topic.ROOM, name, lambda news: self._hear(room, news))
        self._tell(room, ASK, 0)
        return room

    def _may_try(self, room: _Room, now: float) -> bool:
        """Whether a full room may be less full than it looks: they are asked for, and not all have answered yet."""
        if not room.far or now - room.tried_at < FAR_S:
            return False
        if room.asked_at is None:
            room.asked_at = now
            self._tell(room, ASK, 0)
        answered = sum(far.told_at >= room.asked_at for far in room.far.values())
        return len(room.near) + answered < CONNECTIONS

    def _settle(self, room: _Room, asked_at: float, now: float) -> None:
        """Who did not answer is gone; and of those on trial, the newest, for whom there is no place all the same."""
        room.asked_at = None
        ghosts = [key for key, far in room.far.items() if far.told_at < asked_at]
        for key in ghosts:
            self._lose(room, key, now)
        if not ghosts:
            room.tried_at = now
        over = sum(member.close_code is None for member in room.members.values()) - CONNECTIONS
        for member in reversed(room.near):
            if member.on_trial and member.close_code is None and over > 0:
                member.close(ROOM_FULL, now)
                over -= 1
            member.on_trial = False

    def _tell(self, room: _Room, kind: int, slot: int, rest: bytes = b"") -> None:
        self._bus.tell(Topic.ROOM, room.name, encode_news(News(kind, self._name, slot, rest)))

    def _tell_here(self, room: _Room, member: Member) -> None:
        if member.close_code is None:
            self._tell(room, HERE, member.slot, encode_presence(Presence(member.mark, member.leaf)))

    def _hear(self, room: _Room, data: bytes | None) -> None:
        """News of this room; None where some may have been missed."""
        if data is None:
            self._tell(room, ASK, 0)
        told = News(ASK, b"", 0) if data is None else parse_news(data)
        if told is None or told.gateway == self._name:
            return
        now, key = self._clock(), (told.gateway, told.slot)
        if told.kind == ASK:
            for member in room.near:
                self._tell_here(room, member)
        elif told.kind == HERE and (presence := parse_presence(told.rest)) is not None:
            self._meet(room, key, presence, now)
        elif told.kind == GONE:
            self._lose(room, key, now)
        elif told.kind == FRAME and (far := room.far.get(key)) is not None:
            self._pass_on(room, far, told.rest, now)

    def _meet(self, room: _Room, key: tuple[bytes, int], presence: Presence, now: float) -> None:
        far = room.far.get(key)
        if far is None:
            if len(room.far) >= FAR_MAX:
                return
            far = Member(room, room.take_slot(), mark=presence.mark, kick=_nobody, now=now, is_far=True)
            room.far[key] = room.members[far.slot] = far
            room.tell(mediaframes.notice(CAME, far.slot), far, now)
        far.leaf = presence.leaf if far.leaf is None else far.leaf
        far.told_at = now

    def _lose(self, room: _Room, key: tuple[bytes, int], now: float) -> None:
        far = room.far.pop(key, None)
        if far is not None:
            self._drop(room, far, now)

    def _pass_on(self, room: _Room, far: Member, record: bytes, now: float) -> None:
        """What its own gateway let through counts here, and is not refused a second time."""
        head = None if mediaframes.is_oversize(record) else mediaframes.parse_head(record)
        if head is None or far.leaf not in (None, head.leaf):
            self._count_bad()
            return
        far.leaf, far.heard_at, far.told_at = head.leaf, now, now
        room.rate.fits(len(record), now)
        room.rate.spend(len(record))
        room.forward(record, far, head, now)
