"""What happens in the channels somebody follows: by long poll (`/updates`) and as a stream (`/events`, SSE).

The log holds which post, not what it says: each event is shown as things stand when it is fetched, so a text that was
taken down is in none. It reaches back 24 hours; whoever was away longer is told of the gap and reads the lists again.
Who is far behind reads for himself; all others share what `Broadcast` reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, Protocol

from sqlalchemy import Connection

from zajil.channels.broadcast import Batch, Broadcast, Following, read_alone
from zajil.channels.context import CallingPersona, Channels
from zajil.channels.cursors import Kind, encode_cursor, parse_cursor
from zajil.channels.spaces import check_readable, find_place
from zajil.channels.store import feed, spaces
from zajil.protocol.errors import error
from zajil.protocol.public import api

STREAM_S: Final = 900.0
"""A stream ends after so long, so that a token that ended is seen; the client comes back with its Last-Event-ID."""
_BUSY_MS: Final = 5000


class Outlet(Protocol):
    """Where a stream goes to."""

    def put(self, part: bytes) -> bool:
        """Send it on; False where it cannot be now, because what was sent before is not read or the reader has gone."""

    async def write(self, part: bytes) -> None:
        """Send it on and wait for room. Raises ConnectionError for a reader who has gone or takes too long."""


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
        after = feed.newest_event(db) if seq is None else seq
        return Following(caller, tuple(dict.fromkeys(channels)), after, is_current=seq is None)

    return await space.db.read(read)


async def fetch_updates(space: Channels, broadcast: Broadcast, following: Following, *, wait_s: float) -> api.Updates:
    """The next events, at most 50; without any, waits for one up to wait_s seconds. Raises busy (too many wait)."""
    if wait_s:
        check_room(space)
    if not wait_s or not broadcast.is_near(following):
        batch = await space.db.read(lambda db: read_alone(space, db, following))
        if not wait_s or batch.events or batch.gap or space.wakeups.stopped:
            return _as_updates(batch)
        following = following._replace(after=batch.at, is_current=True)
    with space.wakeups.counted():
        return await _await_updates(broadcast, following, wait_s)


async def _await_updates(broadcast: Broadcast, following: Following, wait_s: float) -> api.Updates:
    came: list[Batch] = []

    def take(batch: Batch) -> bool:
        if batch.events or batch.gap:
            came.append(batch)
            broadcast.leave(seat)
        return True

    seat = broadcast.sit(following, take)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await asyncio.shield(seat.left)
    finally:
        broadcast.leave(seat)
    return _as_updates(came[0] if came else Batch((), b"", seat.place))


def _as_updates(batch: Batch) -> api.Updates:
    return api.Updates(batch.events, encode_cursor(Kind.EVENTS, batch.at), gap=batch.gap)


def check_room(space: Channels) -> None:
    """Raises Unavailable `busy` where as many wait for events as may."""
    if space.wakeups.waiting >= space.waiting_max:
        raise error("busy", retry_ms=_BUSY_MS)


async def stream_events(space: Channels, broadcast: Broadcast, following: Following, outlet: Outlet) -> None:
    """The events as `text/event-stream`, until the stream's time is over or the server stops.

    Raises ConnectionError where its reader has gone.
    """
    with space.wakeups.counted(), suppress(TimeoutError):
        async with asyncio.timeout(STREAM_S):
            await outlet.write(b"retry: 3000\n\n")
            is_near = broadcast.is_near(following)
            while not space.wakeups.stopped:
                if not is_near:
                    following = await _catch_up(space, following, outlet)
                seat = broadcast.sit(following, lambda batch: outlet.put(batch.lines))
                try:
                    if not await asyncio.shield(seat.left):
                        return
                finally:
                    broadcast.leave(seat)
                following, is_near = following._replace(after=seat.place), False
                await outlet.write(b"")


async def _catch_up(space: Channels, following: Following, outlet: Outlet) -> Following:
    """Write what is missing, at the reader's own pace."""
    while True:
        now = following
        batch = await space.db.read(lambda db: read_alone(space, db, now))  # noqa: B023  # awaited at once
        following = following._replace(after=batch.at, is_current=True)
        if not batch.lines:
            return following
        await outlet.write(batch.lines)
