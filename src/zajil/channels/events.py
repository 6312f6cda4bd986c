"""What happens in the channels somebody follows: by long poll (`/updates`) and as a stream (`/events`, SSE).

The log holds which post, not what it says: each event is shown as things stand when it is fetched, so a text that was
taken down is in none. It reaches back 24 hours; whoever was away longer is told of the gap and reads the lists again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection

from zajil.channels.context import CallingPersona, Channels
from zajil.channels.cursors import Kind, encode_cursor, parse_cursor
from zajil.channels.spaces import check_readable, find, find_place
from zajil.channels.store import feed, posts, spaces
from zajil.channels.store.feed import EventRow
from zajil.channels.views import find_ref, view_channel, view_post
from zajil.protocol.control import B16, encode_json
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.public import api

STREAM_S: Final = 900.0
"""A stream ends after so long, so that a token that ended is seen; the client comes back with its Last-Event-ID."""
_BEAT_S: Final = 20.0
_BUSY_MS: Final = 5000
_POLL_S: Final = 5.0
"""Another process may have written: look again, woken or not."""


class Following(NamedTuple):
    """Whose events are wanted, and those after which seq."""

    caller: CallingPersona | None
    channels: tuple[bytes, ...]
    after: int

    @property
    def topics(self) -> tuple[bytes, ...]:
        """What to listen to."""
        return (*self.channels, self.caller.persona_id) if self.caller else self.channels


async def follow(
    space: Channels, caller: CallingPersona | None, references: Sequence[str], after: str | None
) -> Following:
    """The caller's subscriptions and these channels. after: a cursor, None from now on.

    Raises malformed (over five channels, or none and no token), gone.
    """
    if len(references) > api.OPEN_CHANNELS or (caller is None and not references):
        raise error("malformed", "channels to follow")
    seq = None if after is None else parse_cursor(Kind.EVENTS, after)

    def read(db: Connection) -> Following:
        channels = spaces.followed(db, caller.persona_id) if caller else []
        for reference in references:
            place = find_place(db, None, reference)
            check_readable(place)
            channels.append(place.channel.id)
        return Following(caller, tuple(dict.fromkeys(channels)), feed.newest_event(db) if seq is None else seq)

    return await space.db.read(read)


async def fetch_updates(space: Channels, following: Following, *, wait_s: float) -> api.Updates:
    """The next events, at most 50; without any, waits for one up to wait_s seconds. Raises busy (too many wait)."""
    if wait_s:
        check_room(space)
    end = asyncio.get_running_loop().time() + wait_s
    with space.wakeups.listening(following.topics) as woken:
        while True:
            woken.clear()
            updates = await space.db.read(lambda db: _read(space, db, following))
            left_s = end - asyncio.get_running_loop().time()
            if updates.events or updates.gap or left_s <= 0 or space.wakeups.stopped:
                return updates
            await _wait(woken, min(left_s, _POLL_S))


def check_room(space: Channels) -> None:
    """Raises Unavailable `busy` where as many wait for events as may."""
    if space.wakeups.waiting >= space.waiting_max:
        raise error("busy", retry_ms=_BUSY_MS)


async def stream_events(space: Channels, following: Following) -> AsyncGenerator[bytes, None]:
    """The events as `text/event-stream`, until the stream's time is over or the server stops."""
    loop = asyncio.get_running_loop()
    end, beat_at = loop.time() + STREAM_S, loop.time() + _BEAT_S
    yield b"retry: 3000\n\n"
    with space.wakeups.listening(following.topics) as woken:
        while loop.time() < end and not space.wakeups.stopped:
            woken.clear()
            now = following
            updates = await space.db.read(lambda db: _read(space, db, now))  # noqa: B023  # awaited at once
            following = following._replace(after=parse_cursor(Kind.EVENTS, updates.next))
            if updates.gap:
                yield b"id: " + updates.next.encode() + b"\nevent: gap\ndata: {}\n\n"
            for each in updates.events:
                yield _frame(each)
            if updates.events or updates.gap:
                beat_at = loop.time() + _BEAT_S
                continue
            if loop.time() >= beat_at:
                beat_at = loop.time() + _BEAT_S
                yield b":\n\n"
            await _wait(woken, _POLL_S)


async def _wait(woken: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await woken.wait()
    except TimeoutError:
        return


def _frame(event: api.Event) -> bytes:
    """One event. JSON has no line ends, so nothing of a post can end the frame."""
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (event.id.encode(), event.event.encode(), encode_json(event))


def _read(space: Channels, db: Connection, following: Following) -> api.Updates:
    newest, oldest = feed.newest_event(db), feed.oldest_event(db)
    if following.after > newest or (oldest and following.after < oldest - 1):
        return api.Updates((), encode_cursor(Kind.EVENTS, newest), gap=True)
    persona_id = following.caller.persona_id if following.caller else None
    rows = feed.events_after(db, following.after, channels=following.channels, persona_id=persona_id, n=api.PAGE)
    # With a full page there may be more below the newest; else everything up to it was looked at.
    last = rows[-1].seq if len(rows) == api.PAGE else newest
    shown = tuple(_view(space, db, row, following.caller) for row in rows)
    return api.Updates(shown, encode_cursor(Kind.EVENTS, last))


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
        id=encode_cursor(Kind.EVENTS, row.seq),
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
