"""Carries posts from one situation to another: row, versions, search, counters and events, in one transaction.

Everything that changes who sees a post goes through `Settlement`, so that none of these can drift from the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, TypeVar

from sqlalchemy import Connection

from zajil.channels.context import Channels
from zajil.channels.rules.states import Situation
from zajil.channels.store import feed, index, personas, posts, spaces
from zajil.channels.store.feed import Happening
from zajil.channels.store.posts import PostRow
from zajil.protocol.ids import ChannelId, PersonaId, PostId
from zajil.protocol.public import api
from zajil.protocol.public.api import EventName

Topics = set[bytes]
"""Ids of channels and personas to wake after COMMIT."""
T = TypeVar("T")
Write = Callable[[Connection], tuple[api.Post, Topics]]
QUEUE: Final = b"queue"
"""Topic of whoever takes work from the outbox."""


def settle(space: Channels, db: Connection, row: PostRow, after: Situation) -> Topics:
    """Store one post's new situation and all that follows from it; whom to wake after COMMIT."""
    settlement = Settlement(space)
    settlement.add(row, after)
    return settlement.write(db)


class Settlement:
    """The new situations of any number of posts, and all that follows from them: gathered, then written together.

    However many posts there are, each kind of row takes one statement.
    """

    def __init__(self, space: Channels) -> None:
        self._space = space
        self._rows: dict[PostId, PostRow] = {}
        self._accepted: Counter[PersonaId] = Counter()
        self._open: dict[tuple[PostId, int], bool] = {}
        # By the seq of a post: whether search had it before, and has it afterwards.
        self._found: dict[int, tuple[bool, bool]] = {}
        self._posts: Counter[ChannelId] = Counter()
        self._comments: Counter[PostId] = Counter()
        self._events: list[Happening] = []

    def add(self, row: PostRow, after: Situation) -> PostRow:
        """Take one up; the row as it will stand, from which to go on where the same post moves once more."""
        before = row.now
        was, is_now = before.shown_as == "visible", after.shown_as == "visible"
        accepted = _is_accepted(row, after)
        moved = row._replace(now=after, accepted=accepted, announced=1 if is_now else row.announced)
        self._rows[row.id] = moved
        self._accepted[row.author] += accepted - row.accepted
        self._open_versions(row, before, after)
        if was != is_now or (is_now and before.shown != after.shown):
            at_first, _ = self._found.get(row.seq, (was, was))
            self._found[row.seq] = at_first, is_now
        if row.thread_root is None:
            self._posts[row.channel_id] += int(is_now) - int(was)
        else:
            self._comments[row.thread_root] += int(is_now) - int(was)
        event = _name_event(row, before, after)
        if event is not None:
            self._events.append(Happening(event, row.channel_id, row.id, None))
        elif before.state != after.state or before.held_until != after.held_until:
            self._events.append(Happening("post.state", None, row.id, row.author))
        return moved

    def close(self, post_id: PostId, version: int) -> None:
        """This version may not be read in the history any more."""
        self._open[post_id, version] = False

    def write(self, db: Connection) -> Topics:
        """Store all of it; whom to wake after COMMIT."""
        posts.move(db, self._rows.values())
        personas.add_accepted(db, _changed(self._accepted))
        posts.set_open(db, self._open)
        index.remove(db, [seq for seq, (was, _) in self._found.items() if was])
        shown = posts.shown_texts(db, [seq for seq, (_, is_now) in self._found.items() if is_now])
        index.put(db, {seq: self._space.fold(text) for seq, text in shown.items()})
        spaces.add_posts(db, _changed(self._posts))
        posts.add_comments(db, _changed(self._comments))
        feed.insert_happenings(db, self._events, now=self._space.now())
        return {topic for each in self._events if (topic := each.channel_id or each.persona_id) is not None}

    def _open_versions(self, row: PostRow, before: Situation, after: Situation) -> None:
        """Others may read in the history what they see, and what they saw before an edit took its place."""
        if before.shown and (after.shown_as != "visible" or after.state == "deleted"):
            self.close(row.id, before.shown)
        if after.shown and after.shown_as == "visible":
            self._open[row.id, after.shown] = True


def _changed(counts: Counter[T]) -> dict[T, int]:
    return {key: more for key, more in counts.items() if more}


def _is_accepted(row: PostRow, after: Situation) -> int:
    """Whether the author's trust counts this post: once it was judged and let stand, until it is acted on."""
    if after.state == "visible":
        return row.accepted if after.unchecked else 1
    return 0 if after.state in ("limited", "held", "removed") else row.accepted


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
