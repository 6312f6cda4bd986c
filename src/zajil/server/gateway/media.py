"""Where media connections begin: the ticket in the first record, and the room behind it.

A media connection is a carrier like any other until its first record, `01 04 || ticket`; under a seal of channel M it
is the first record that the seal protects. After it there are no session frames: each record is one frame of media.
"""

from __future__ import annotations

from collections.abc import Callable

from zajil.calls.rooms import Member, NoPlace, Rooms
from zajil.calls.tickets import open_ticket
from zajil.protocol.calls.media import BAD_TICKET, PREAMBLE
from zajil.protocol.errors import ZajilError


def is_preamble(record: bytes) -> bool:
    """Whether a first record asks for a media room. No padded frame looks so: it would be 16 MB long."""
    return record.startswith(PREAMBLE)


class MediaDoor:
    """The rooms of this process, and who may enter."""

    def __init__(
        self, rooms: Rooms, *, ticket_key: bytes, clock: Callable[[], float], now: Callable[[], float]
    ) -> None:
        """clock: Unix seconds, for tickets. now: seconds of a clock that only goes forward."""
        self._rooms = rooms
        self._ticket_key = ticket_key
        self._clock = clock
        self._now = now

    def count(self) -> int:
        """Media connections."""
        return len(self._rooms)

    def enter(self, first: bytes, *, kick: Callable[[], None]) -> MediaConnection:
        """The connection whose first record this was; refused ones are over at once, with the code that says why."""
        try:
            ticket = first.removeprefix(PREAMBLE)
            room = open_ticket(self._ticket_key, ticket, now_s=self._clock())
            member = self._rooms.join(room, ticket=ticket, kick=kick, now=self._now())
            return MediaConnection(self._rooms, member, now=self._now)
        except ZajilError:
            return MediaConnection(self._rooms, None, now=self._now, refused=BAD_TICKET)
        except NoPlace as reason:
            return MediaConnection(self._rooms, None, now=self._now, refused=reason.code)

    def sweep(self, now: float) -> None:
        """Deadlines of all of them."""
        self._rooms.sweep(now)

    def close_all(self) -> None:
        """The server ends."""
        self._rooms.close_all(self._now())


class MediaConnection:
    """One media connection, as a line sees it."""

    def __init__(self, rooms: Rooms, member: Member | None, *, now: Callable[[], float], refused: int = 0) -> None:
        self._rooms = rooms
        self._member = member
        self._now = now
        self._refused = refused

    @property
    def close_code(self) -> int | None:
        """How the connection ends; None while it lasts."""
        return self._refused or (self._member.close_code if self._member else None)

    @property
    def dropped(self) -> bool:
        """It had time to end and did not."""
        return self._member is not None and self._member.dropped

    def feed(self, record: bytes) -> None:
        """One frame arrived."""
        if self._member is not None:
            self._rooms.feed(self._member, record, now=self._now())

    def charge(self, size_bytes: int) -> None:
        """Count bytes that are no record."""
        if self._member is not None:
            self._rooms.heard(self._member, size_bytes, now=self._now())

    def pull(self) -> list[bytes]:
        """The next few records to send; nothing once it is over."""
        return self._member.queue.pull() if self._member is not None and self.close_code is None else []

    def lost(self) -> None:
        """The connection is gone."""
        if self._member is not None:
            self._rooms.leave(self._member, now=self._now())
