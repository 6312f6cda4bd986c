"""One look at the log for everybody here who waits for events, and one encoding of what they see alike.

Theory of operation. Who waits takes a seat, which follows channels and, of a caller, what concerns him alone. While
somebody sits, one task reads the log whenever a topic of any seat is woken, and every few seconds in case a wake-up was
lost. All seats stand at the same place in it but those that were just taken: a look begins where the last of them
stands. Each event is drawn once for nobody in particular and, in the same transaction, for those present who see it
otherwise: the author of its post, the owner of its channel, members where it shows a channel, whom it is for alone.
So whatever a view of `views.py` depends on has to be known to `_draw`; who is not known to it sees what anybody sees.

A seat that cannot take what is there (its reader is slow) is let go with its place, and reads for itself until it has
caught up. Everything runs on the event loop but the reads.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from sqlalchemy import Connection

from zajil.channels.context import CallingPersona, Channels
from zajil.channels.cursors import Kind, encode_cursor
from zajil.channels.spaces import check_readable, find
from zajil.channels.store import feed, posts, spaces
from zajil.channels.store.feed import EventRow
from zajil.channels.views import find_ref, view_channel, view_post
from zajil.protocol.control import B16, encode_json
from zajil.protocol.errors import Unavailable, ZajilError
from zajil.protocol.public import api

TOPICS_MAX: Final = 500
"""Named in a question to the database; with more of them it is asked for everything."""
_LOOK_S: Final = 5.0
"""Another process may have written: look again, woken or not."""
_BEAT_S: Final = 20.0
_RETRY_S: Final = 1.0
_AT_ONCE: Final = 64
"""Seats that are given something before others of the event loop have their turn."""
_LOG = logging.getLogger(__name__)


class Following(NamedTuple):
    """Whose events are wanted, and those after which seq. is_current: up to there all was seen just now."""

    caller: CallingPersona | None
    channels: tuple[bytes, ...]
    after: int
    is_current: bool = False

    @property
    def topics(self) -> tuple[bytes, ...]:
        """What to listen to."""
        return (*self.channels, self.caller.persona_id) if self.caller else self.channels


class Batch(NamedTuple):
    """What came: one object for all who see the same. lines: of a stream. at: every event up to it was looked at.

    Without events and gap it only shows that a stream is alive.
    """

    events: tuple[api.Event, ...]
    lines: bytes
    at: int
    gap: bool = False


_ALIVE: Final = Batch((), b":\n\n", 0)


class _Page(NamedTuple):
    """Rows of the log up to `at`, of which there are none where there is a gap."""

    rows: list[EventRow]
    at: int
    gap: bool = False


class _Shown(NamedTuple):
    """An event as somebody sees it, and its frame in a stream."""

    event: api.Event
    frame: bytes


class _Scene(NamedTuple):
    """An event as anybody sees it, None where it is for one persona alone, and as these personas do."""

    row: EventRow
    shown: _Shown | None
    own: Mapping[bytes, _Shown]

    def seen_by(self, persona_id: bytes | None) -> _Shown | None:
        """As this persona sees it, or nobody in particular; None for nothing."""
        return self.shown if persona_id is None else self.own.get(persona_id, self.shown)


class Seat:
    """Somebody who waits. left: set when it is over, to whether there may be more for whoever reads for himself."""

    def __init__(self, broadcast: Broadcast, following: Following, take: Callable[[Batch], bool]) -> None:
        self._broadcast = broadcast
        self.following = following
        self.take = take
        self.left: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.apart: int | None = following.after
        """Where it stands while that is not where all others do."""

    @property
    def persona_id(self) -> bytes | None:
        """Of its caller."""
        return self.following.caller.persona_id if self.following.caller else None

    @property
    def place(self) -> int:
        """Every event up to this seq was taken, or was none for it."""
        return self._broadcast.at if self.apart is None else self.apart


class Broadcast:
    """All seats of one gateway. at: where those stand that are not apart, or stood when there were some."""

    def __init__(self, space: Channels) -> None:
        self._space = space
        self._seats: dict[bytes, dict[Seat, None]] = {}
        self._new: set[Seat] = set()
        self._count = 0
        self._woken = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self.at = 0

    def is_near(self, following: Following) -> bool:
        """Whether a look may begin there for all. A place that is only said to be near could be made up.

        From one behind what is kept all would be told of a gap, and all would be looked through for what they had seen.
        """
        return following.is_current or (self._count > 0 and following.after == self.at)

    def sit(self, following: Following, take: Callable[[Batch], bool]) -> Seat:
        """A seat, which its caller leaves. take: called with each batch; False where it cannot be taken now."""
        seat = Seat(self, following, take)
        if self._space.wakeups.stopped:
            seat.left.set_result(False)
            return seat
        if not self._count:
            self.at = following.after
        self._count += 1
        for topic in following.topics:
            if topic not in self._seats:
                self._seats[topic] = {}
                self._space.wakeups.add(topic, self._woken)
            self._seats[topic][seat] = None
        self._new.add(seat)
        self._woken.set()
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return seat

    def leave(self, seat: Seat, *, goes_on: bool = False) -> None:
        """The seat is free, and keeps its place. Harmless where it was."""
        if seat.left.done():
            return
        seat.apart = seat.place
        seat.left.set_result(goes_on)
        self._new.discard(seat)
        self._count -= 1
        for topic in seat.following.topics:
            self._seats[topic].pop(seat, None)
            if not self._seats[topic]:
                del self._seats[topic]
                self._space.wakeups.remove(topic, self._woken)
        if not self._count:
            self._woken.set()

    async def stop(self) -> None:
        """Returns once everybody has left; `wakeups.stop` came before."""
        if self._running is not None:
            await asyncio.gather(self._running, return_exceptions=True)

    # The task

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + _BEAT_S
        try:
            while self._count and not self._space.wakeups.stopped:
                try:
                    await self._look()
                except Unavailable:
                    await asyncio.sleep(_RETRY_S)
                    continue
                if loop.time() >= beat_at:
                    beat_at = loop.time() + _BEAT_S
                    await self._give(dict.fromkeys(self._everybody(), _ALIVE))
                await wait_for(self._woken, _LOOK_S)
        except Exception as bug:  # noqa: BLE001  # the boundary of a background task
            _LOG.error("events could not be shown", exc_info=bug)
        finally:
            self._running = None
            for seat in self._everybody():
                self.leave(seat)

    async def _look(self) -> None:
        """Give everybody what came since the last look."""
        self._woken.clear()
        new, space = frozenset(self._new), self._space
        places = [seat.place for seat in new] + ([self.at] if len(new) < self._count else [])
        if not places:
            return
        first, last = min(places), max(places)
        topics = tuple(self._seats) if len(self._seats) <= TOPICS_MAX else None
        page = await space.db.read(lambda db: _read_page(db, first, last, topics))
        if page.gap:
            self.at = page.at  # it may be less than before, in a database that was put back
            there = (seat for seat in self._everybody() if seat not in self._new or seat in new)
            await self._tell(dict.fromkeys(there, _gap(page.at)), new, page.at)
            return
        wanted = [(row, self._callers(row)) for row in page.rows if _topic(row) in self._seats]
        scenes = await space.db.read(lambda db: [_draw(space, db, *each) for each in wanted]) if wanted else []
        given: dict[Seat, list[_Shown]] = {}
        for scene in scenes:
            for seat, shown in self._audience(scene, new):
                given.setdefault(seat, []).append(shown)
        batches: dict[tuple[int, ...], Batch] = {}
        await self._tell({seat: _join(batches, shown, page.at) for seat, shown in given.items()}, new, page.at)
        if len(page.rows) == api.PAGE:
            self._woken.set()

    def _callers(self, row: EventRow) -> dict[bytes, CallingPersona]:
        """Whoever is present with a token, of those whom this event is for."""
        callers = (seat.following.caller for seat in self._seats[_topic(row)])
        return {each.persona_id: each for each in callers if each is not None}

    def _audience(self, scene: _Scene, new: Collection[Seat]) -> Iterator[tuple[Seat, _Shown]]:
        """Who is given this event, and as what. new: those of the new seats that were there when the look began."""
        for seat in self._seats.get(_topic(scene.row), ()):
            if seat.place >= scene.row.seq or (seat in self._new and seat not in new):
                continue
            shown = scene.seen_by(seat.persona_id)
            if shown is not None:
                yield seat, shown

    async def _tell(self, given: Mapping[Seat, Batch], new: Collection[Seat], at: int) -> None:
        """A look reached `at`: those who are given something have it, all others stand there without.

        It may end before the place of the others: a full page of what only those had not seen who are new.
        """
        for seat in given:
            seat.apart = seat.place
        self.at = max(self.at, at)
        for seat in new:
            if seat not in given and not seat.left.done():
                seat.apart = self._apart(max(at, seat.place))
            if (seat in given and at == self.at) or seat.apart is None:
                self._new.discard(seat)
        await self._give(given)

    async def _give(self, given: Mapping[Seat, Batch]) -> None:
        """To each its batch, unless it has left meanwhile."""
        for number, (seat, batch) in enumerate(given.items(), 1):
            if seat.left.done():
                continue
            if not seat.take(batch):
                self.leave(seat, goes_on=True)
            elif batch is not _ALIVE and not seat.left.done():
                seat.apart = self._apart(batch.at)
            if not number % _AT_ONCE:
                await asyncio.sleep(0)

    def _apart(self, at: int) -> int | None:
        return None if at == self.at else at

    def _everybody(self) -> list[Seat]:
        return list(dict.fromkeys(seat for row in self._seats.values() for seat in row))


async def wait_for(woken: asyncio.Event, timeout_s: float) -> None:
    """Returns when it is set, or after so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await woken.wait()


# In a transaction


def read_alone(space: Channels, db: Connection, following: Following) -> Batch:
    """The next events of whoever reads for himself, at most a page."""
    page = _read_page(db, following.after, following.after, following.topics)
    if page.gap:
        return _gap(page.at)
    caller = following.caller
    callers: dict[bytes, CallingPersona] = {} if caller is None else {caller.persona_id: caller}
    seen = [_draw(space, db, row, callers).seen_by(caller.persona_id if caller else None) for row in page.rows]
    return _join({}, [each for each in seen if each is not None], page.at)


def _read_page(db: Connection, first: int, last: int, topics: Collection[bytes] | None) -> _Page:
    """What follows `first`, for those who stand there and up to `last`. topics: whose events; None for all."""
    oldest, newest = feed.find_ends(db)
    if last > newest or (oldest and first < oldest - 1):
        return _Page([], newest, gap=True)
    rows = feed.events_after(db, first, topics=topics, n=api.PAGE)
    # With a full page there may be more below the newest; else everything up to it was looked at.
    return _Page(rows, rows[-1].seq if len(rows) == api.PAGE else newest)


def _draw(space: Channels, db: Connection, row: EventRow, callers: Mapping[bytes, CallingPersona]) -> _Scene:
    """An event as things stand. callers: those with a token whom it is for, by persona."""
    if row.persona_id is not None:
        apart = [[row.persona_id]]
    elif not callers:
        apart = []
    elif row.post_id is not None:
        apart = [[each] for each in _near(db, row)]
    else:
        apart = _alike(space, db, row, callers)
    own: dict[bytes, _Shown] = {}
    for group in apart:
        present = [each for each in group if each in callers]
        if present:
            shown = _show(_view(space, db, row, callers[present[0]]))
            own.update(dict.fromkeys(present, shown))
    return _Scene(row, None if row.persona_id is not None else _show(_view(space, db, row, None)), own)


def _near(db: Connection, row: EventRow) -> set[bytes]:
    """Who may see a post otherwise than anybody: its author, and the owner of its channel."""
    post = posts.find_post(db, row.post_id) if row.post_id else None
    channel = spaces.find_channel(db, post.channel_id) if post else None
    return {each for each in (post and post.author, channel and channel.owner) if each is not None}


def _alike(space: Channels, db: Connection, row: EventRow, callers: Collection[bytes]) -> list[list[bytes]]:
    """Members of a channel among these, by what a view of the channel shows of their membership."""
    groups: defaultdict[tuple[object, ...], list[bytes]] = defaultdict(list)
    for each in spaces.members_among(db, row.channel_id or b"", list(callers)):
        muted_until = each.muted_until if each.muted_until > space.now() else 0
        groups[each.role, each.subscribed, muted_until].append(each.persona_id)
    return list(groups.values())


def _view(space: Channels, db: Connection, row: EventRow, caller: CallingPersona | None) -> api.Event:
    """The event as things stand; a `channel.state` without a channel tells that it is gone."""
    channel = None
    if row.channel_id is not None and row.name in ("channel.updated", "channel.state"):
        try:
            place = find(db, row.channel_id, caller)
        except ZajilError:
            place = None
        if place is not None:
            owner = find_ref(db, place.channel.owner)
            channel = view_channel(place.channel, owner, place.member, now=space.now())
    return api.Event(
        id=_cursor(row.seq),
        event=row.name,
        channel_id=B16(row.channel_id) if row.channel_id else None,
        post_id=B16(row.post_id) if row.post_id else None,
        post=_find_view(db, row.post_id, caller) if row.post_id else None,
        channel=channel,
        ref=row.ref,
    )


def _find_view(db: Connection, post_id: bytes, caller: CallingPersona | None) -> api.Post | None:
    shown = posts.find_shown(db, post_id, caller.persona_id if caller else None)
    if shown is None:
        return None
    own = caller is not None and caller.persona_id == shown.row.author
    if shown.row.now.shown_as == "limited" and not own:
        return None
    try:
        check_readable(find(db, shown.row.channel_id, caller))
        return view_post(shown, caller)
    except ZajilError:
        return None


# Encoding


def _show(event: api.Event) -> _Shown:
    """JSON has no line ends, so nothing of a post can end the frame."""
    frame = b"id: %s\nevent: %s\ndata: %s\n\n" % (event.id.encode(), event.event.encode(), encode_json(event))
    return _Shown(event, frame)


def _join(batches: dict[tuple[int, ...], Batch], shown: list[_Shown], at: int) -> Batch:
    """One batch for all who are shown the same. batches: those made before, of objects that are still there."""
    key = tuple(map(id, shown))
    if key not in batches:
        batches[key] = Batch(tuple(each.event for each in shown), b"".join(each.frame for each in shown), at)
    return batches[key]


def _gap(at: int) -> Batch:
    return Batch((), b"id: %s\nevent: gap\ndata: {}\n\n" % _cursor(at).encode(), at, gap=True)


def _cursor(seq: int) -> str:
    return encode_cursor(Kind.EVENTS, seq)


def _topic(row: EventRow) -> bytes:
    """Whose event it is."""
    return row.persona_id or row.channel_id or b""
