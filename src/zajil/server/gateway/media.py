"""Where media connections begin: the ticket in the first record, and the room behind it.

A media connection is a carrier like any other until its first record, `01 04 || ticket`; under a seal of channel M it
is the first record that the seal protects. After it there are no session frames: each record is one frame of media.
"""

from __future__ import annotations

from collections.abc import Callable

from zajil.calls.rooms import Member, NoPlace, Rooms
from zajil.calls.tickets import open_ticket
from zajil.engine.places import Places
from zajil.protocol.calls.media import BAD_TICKET, PREAMBLE, TRY_LATER
from zajil.protocol.errors import ZajilError


def is_preamble(record: bytes) -> bool:
    """Whether a first record asks for a media room. No padded frame looks so: it would be 16 MB long."""
    return record.startswith(PREAMBLE)


class MediaDoor:
    """The rooms of this process, and who may enter. Their connections are shared fairly between address prefixes."""

    def __init__(
        self,
        rooms: Rooms,
        *,
        connections_max: int,
        ticket_key: bytes,
        clock: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        """connections_max: of all rooms. clock: Unix seconds, for tickets. now: seconds that only go forward."""
        self._rooms = rooms
        self._places = Places(connections_max)
        self._ticket_key = ticket_key
        self._clock = clock
        self._now = now

    def count(self) -> int:
        """Media connections."""
        return len(self._rooms)

    def enter(self, first: bytes, *, place: bytes, kick: Callable[[], None]) -> MediaConnection:
        """The connection whose first record this was; refused ones are over at once, with the code that says why.

        place: address prefix, or the bridge that it came through.
        """
        ticket = first.removeprefix(PREAMBLE)
        try:
            room = open_ticket(self._ticket_key, ticket, now_s=self._clock())
        except ZajilError:
            return self._refuse(BAD_TICKET)
        try:
            self._places.take(place, retry_ms=0)
        except ZajilError:
            return self._refuse(TRY_LATER)
        try:
            member = self._rooms.join(room, ticket=ticket, kick=kick, now=self._now())
        except NoPlace as reason:
            self._places.leave(place)
            return self._refuse(reason.code)
        return MediaConnection(self._rooms, member, now=self._now, leave=lambda: self._places.leave(place))

    def _refuse(self, code: int) -> MediaConnection:
        return MediaConnection(self._rooms, None, now=self._now, refused=code)

    def sweep(self, now: float) -> None:
        """Deadlines of all of them."""
        self._rooms.sweep(now)

    def close_all(self) -> None:
        """The server ends."""
        self._rooms.close_all(self._now())


class MediaConnection:
    """One media connection, as a line sees it."""

    def __init__(
        self,
        rooms: Rooms,
        member: Member | None,
        *,
        now: Callable[[], float],
        leave: Callable[[], None] = lambda: None,
        refused: int = 0,
    ) -> None:
        """leave: gives its place to others. member: None where it was refused, with this code."""
        self._rooms = rooms
        self._member = member
        self._now = now
        self._leave = leave
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
        """The connection is gone; call it once, at the end."""
        if self._member is not None:
            self._rooms.leave(self._member, now=self._now())
            self._leave()
