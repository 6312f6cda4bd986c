"""Carries a post from one situation to another: row, versions, search, counters and events, in one transaction.

Everything that changes who sees a post goes through `settle`, so that none of these can drift from the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from zajil.channels.context import Channels
from zajil.channels.rules.states import Situation
from zajil.channels.store import feed, index, personas, posts, spaces
from zajil.channels.store.posts import PostRow
from zajil.protocol.public import api
from zajil.protocol.public.api import EventName

Topics = set[bytes]
"""Ids of channels and personas to wake after COMMIT."""
Write = Callable[[Connection], tuple[api.Post, Topics]]
QUEUE: Final = b"queue"
"""Topic of whoever takes work from the outbox."""


def settle(space: Channels, db: Connection, row: PostRow, after: Situation) -> Topics:
    """Store the post's new situation and all that follows from it; whom to wake after COMMIT."""
    before = row.now
    was, is_now = before.shown_as == "visible", after.shown_as == "visible"
    fresh = is_now and not row.announced
    accepted = _is_accepted(row, after)
    posts.move(db, row._replace(now=after, accepted=accepted, announced=1 if fresh else row.announced))
    if accepted != row.accepted:
        personas.add_accepted(db, row.author, accepted - row.accepted)
    _open_versions(db, row, before, after)
    if is_now and (not was or before.shown != after.shown):
        text = posts.find_version(db, row.id, after.shown)
        if was:
            index.remove(db, row.seq)
        index.put(db, row.seq, space.fold(text.text if text else ""))
    elif was and not is_now:
        index.remove(db, row.seq)
    if was != is_now:
        more = int(is_now) - int(was)
        if row.thread_root is None:
            spaces.add_posts(db, row.channel_id, more)
        else:
            posts.add_comments(db, row.thread_root, more)
    return _tell(space, db, row, before, after)


def _is_accepted(row: PostRow, after: Situation) -> int:
    """Whether the author's trust counts this post: once it was judged and let stand, until it is acted on."""
    if after.state == "visible":
        return row.accepted if after.unchecked else 1
    return 0 if after.state in ("limited", "held", "removed") else row.accepted


def _open_versions(db: Connection, row: PostRow, before: Situation, after: Situation) -> None:
    """Others may read in the history what they see, and what they saw before an edit took its place."""
    if before.shown and (after.shown_as != "visible" or after.state == "deleted"):
        posts.set_open(db, row.id, before.shown, is_open=False)
    if after.shown and after.shown_as == "visible":
        posts.set_open(db, row.id, after.shown, is_open=True)


def _tell(space: Channels, db: Connection, row: PostRow, before: Situation, after: Situation) -> Topics:
    name = _name_event(row, before, after)
    if name is not None:
        feed.insert_event(db, name, now=space.now(), channel_id=row.channel_id, post_id=row.id)
        return {row.channel_id}
    if before.state != after.state or before.held_until != after.held_until:
        feed.insert_event(db, "post.state", now=space.now(), post_id=row.id, persona_id=row.author)
        return {row.author}
    return set()


def _name_event(row: PostRow, before: Situation, after: Situation) -> EventName | None:
    """What followers of the channel are told; None where nothing changed for them."""
    if after.state == "deleted":
        return "post.deleted" if row.announced else None
    if after.shown_as == "visible":
        if not row.announced:
            return "post.created"
        if before.shown_as == "visible":
            if before.shown != after.shown:
                return "post.edited"
            return "post.state" if before.label != after.label else None
        return "post.state"
    return "post.state" if row.announced and before.shown_as != after.shown_as else None
