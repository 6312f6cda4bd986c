"""Channels: made, found, edited, deleted. A channel's handle shares one namespace with those of personas."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from sqlalchemy import Connection

from zajil.channels import publishing
from zajil.channels.context import CallingPersona, Channels
from zajil.channels.identity.personas import parse_name, take_handle
from zajil.channels.rules import states
from zajil.channels.rules.roles import may_edit_channel
from zajil.channels.store import feed, personas, posts, spaces
from zajil.channels.store.spaces import ChannelRow, MemberRow
from zajil.channels.views import find_ref, parse_reference, view_channel
from zajil.engine.sql import answers
from zajil.protocol.errors import error
from zajil.protocol.ids import ChannelId
from zajil.protocol.public import api
from zajil.protocol.public.handles import parse_handle
from zajil.protocol.public.posts import ChannelStanding

_POSTS_AT_ONCE: Final = 200
_REFUSED: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Place(NamedTuple):
    """A channel and the caller in it, None for whoever is not."""

    channel: ChannelRow
    member: MemberRow | None


async def create_channel(space: Channels, caller: CallingPersona, request: api.NewChannel) -> api.Channel:
    """A new channel, owned by the caller. Raises bad-handle, handle-taken, handle-confusable, slow-down."""
    space.limits.take(f"channel_trust{caller.trust}", caller.persona_id, now=space.clock())
    handle = parse_handle(request.handle)
    row = ChannelRow(
        id=ChannelId(space.random(16)),
        handle=handle,
        title=parse_name(request.title),
        about=parse_text(request.about),
        kind=request.kind,
        lang=request.lang,
        comments=request.comments,
        join_rule=request.join,
        owner=caller.persona_id,
        state="open",
        category="",
        created_at=space.now(),
        posts=0,
        subscribers=0,
    )

    keep = answers.keeper()

    def write(db: Connection) -> api.Channel:
        take_handle(db, handle, owner=row.id)
        spaces.insert_channel(db, row)
        spaces.insert_member(db, row.id, caller.persona_id, "owner")
        made = _view(space, db, find(db, row.id, caller))
        keep(db, made)
        return made

    return await space.db.write(write)


async def read_channel(space: Channels, caller: CallingPersona | None, reference: str) -> api.Channel:
    """A channel by id or `@handle`. Raises Refused `gone`."""
    return await space.db.read(lambda db: _view(space, db, find_place(db, caller, reference)))


async def edit_channel(
    space: Channels, caller: CallingPersona, reference: str, request: api.EditChannel
) -> api.Channel:
    """The channel with what was asked for changed. Raises gone, not-allowed."""
    values = {
        "title": None if request.title is None else parse_name(request.title),
        "about": None if request.about is None else parse_text(request.about),
        "lang": request.lang,
        "comments": request.comments,
        "join_rule": request.join,
    }

    def write(db: Connection) -> tuple[api.Channel, bytes]:
        place = find_place(db, caller, reference)
        if not may_edit_channel(place.member.role if place.member else None):
            raise error("not-allowed")
        changed = {name: value for name, value in values.items() if value is not None}
        if changed:
            spaces.edit_channel(db, place.channel.id, changed)
            feed.insert_event(db, "channel.updated", now=space.now(), channel_id=place.channel.id)
        return _view(space, db, find(db, place.channel.id, caller)), place.channel.id

    view, topic = await space.db.write(write)
    space.wakeups.wake({topic})
    return view


async def delete_channel(space: Channels, caller: CallingPersona, reference: str) -> None:
    """The channel is gone with its posts. Raises gone, not-allowed for all but its owner."""

    def write(db: Connection) -> ChannelId:
        place = find_place(db, caller, reference)
        if place.channel.owner != caller.persona_id:
            raise error("not-allowed")
        feed.insert_event(db, "channel.state", now=space.now(), channel_id=place.channel.id)
        personas.free_handle(db, place.channel.id, now=space.now())
        spaces.erase_channel(db, place.channel.id)
        return place.channel.id

    channel_id = await space.db.write(write)
    space.wakeups.wake({channel_id})
    await delete_posts_in(space, channel_id)


async def delete_posts_in(space: Channels, channel_id: ChannelId) -> None:
    """Every post of a channel is deleted, some in each transaction."""

    def write(db: Connection) -> int:
        found = posts.posts_in(db, channel_id, limit=_POSTS_AT_ONCE)
        settlement = publishing.Settlement(space)
        for row in found:
            settlement.add(row, states.delete(row.now))
        settlement.write(db)
        return len(found)

    while await space.db.write(write) == _POSTS_AT_ONCE:
        pass


async def set_channel_standing(space: Channels, standing: ChannelStanding) -> bool:
    """How a channel stands from now on, as moderation decided; idempotent. False if there is no such channel."""
    known = await space.db.write(lambda db: set_channel_standing_in(space, db, standing))
    space.wakeups.wake({standing.channel_id})
    return known


def set_channel_standing_in(space: Channels, db: Connection, standing: ChannelStanding) -> bool:
    """`set_channel_standing` inside the caller's transaction; the caller wakes the channel."""
    before = spaces.find_channel(db, standing.channel_id)
    if before is None:
        return False
    if (before.state, before.category) != (standing.state, standing.category):
        spaces.set_state(db, standing.channel_id, state=standing.state, category=standing.category)
        feed.insert_event(db, "channel.state", now=space.now(), channel_id=standing.channel_id)
    return True


def find_place(db: Connection, caller: CallingPersona | None, reference: str) -> Place:
    """A channel by id or `@handle`, and the caller in it. Raises Refused `gone`, Malformed for neither."""
    return find(db, parse_reference(reference), caller)


def find(db: Connection, reference: bytes | str, caller: CallingPersona | None) -> Place:
    """A channel by id, or by handle, and the caller in it. Raises Refused `gone`."""
    if caller is not None:
        found = spaces.find_with_member(db, reference, caller.persona_id)
        if found is not None:
            return Place(*found)
    else:
        row = spaces.find_by_handle(db, reference) if isinstance(reference, str) else spaces.find_channel(db, reference)
        if row is not None:
            return Place(row, None)
    raise error("gone")


def check_readable(place: Place) -> None:
    """Raises Refused `gone` for a blocked channel: its posts are nobody's to read but its owner's."""
    if place.channel.state == "blocked" and not (place.member is not None and place.member.role == "owner"):
        raise error("gone")


def parse_text(text: str) -> str:
    """A text without control characters but line ends and tabs, and without halves of characters. Raises Malformed."""
    if _REFUSED.search(text):
        raise error("malformed", "control characters in a text")
    return text


def _view(space: Channels, db: Connection, place: Place) -> api.Channel:
    return view_channel(place.channel, find_ref(db, place.channel.owner), place.member, now=space.now())
