"""What people who moderate see of the public space: whatever became of it, and never more than is public of anybody.

Read inside the caller's transaction; the server gives these to moderation as callables.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection

from zajil.channels.context import Channels
from zajil.channels.rules.trust import decide_trust
from zajil.channels.store import personas, posts, spaces
from zajil.channels.store.posts import Shown
from zajil.protocol.control import B16
from zajil.protocol.ids import PersonaId
from zajil.protocol.review import api

_EXCERPT = 2000


class Reported(NamedTuple):
    """What somebody who looks at it can complain about. version: the one they see; 0 but for posts.

    author: whom it is of. reach: followers of its channel.
    """

    kind: str
    id: bytes
    version: int
    author: bytes
    channel_id: bytes
    lang: str
    reach: int


def find_reported(db: Connection, kind: str, target: bytes, viewer: bytes) -> Reported | None:
    """The post, persona or channel with this id, as this persona sees it; None where it sees nothing of it."""
    if kind == "persona":
        person = personas.find_persona(db, PersonaId(target))
        return Reported(kind, person.id, 0, person.id, b"", "", 0) if person else None
    if kind == "channel":
        place = spaces.find_channel(db, target)
        if place is None or place.state == "blocked":
            return None
        return Reported(kind, place.id, 0, place.owner, place.id, place.lang, place.subscribers)
    shown = posts.find_shown(db, target, viewer)
    if shown is None or shown.row.now.state == "deleted" or shown.row.now.shown_as not in ("visible", "limited"):
        return None
    row = shown.row
    place = spaces.find_channel(db, row.channel_id)
    if place is None or place.state == "blocked":
        return None
    lang = shown.lang or place.lang
    return Reported("post", row.id, row.now.shown, row.author, row.channel_id, lang, place.subscribers)


def read_subject(db: Connection, post_id: bytes, version: int) -> api.Subject | None:
    """One version of a post, whatever became of it; None once it is deleted."""
    row, text = posts.find_post(db, post_id), posts.find_version(db, post_id, version)
    if row is None or text is None or row.now.state == "deleted":
        return None
    return api.Subject(
        post_id=B16(row.id),
        version=version,
        newest=row.now.version,
        state=row.now.state,
        text=text.text,
        lang=text.lang,
        at=text.at,
        thread_root=B16(row.thread_root) if row.thread_root else None,
    )


def read_around(
    db: Connection, post_id: bytes, n: int
) -> tuple[tuple[api.ContextPost, ...], tuple[api.ContextPost, ...]]:
    """Up to n posts in front of a post and behind it, in its channel or thread, oldest first."""
    row = posts.find_post(db, post_id)
    if row is None:
        return (), ()
    before, after = posts.around(db, row, n=n)
    return tuple(_beside(each) for each in before), tuple(_beside(each) for each in after)


def read_versions(db: Connection, post_id: bytes) -> list[api.OlderVersion]:
    """The newest versions of a post that are still kept, oldest first."""
    found = posts.versions_of(db, post_id, all_of_them=True)
    return [api.OlderVersion(each.version, each.text, each.at) for each in found]


def find_later(db: Connection, post_id: bytes, version: int) -> tuple[int, ...]:
    """The versions after this one that others see or may come to see, newest first; none of a deleted post."""
    row = posts.find_post(db, post_id)
    if row is None or row.now.state == "deleted":
        return ()
    return tuple(sorted({each for each in (row.now.version, row.now.shown) if each > version}, reverse=True))


def read_person(space: Channels, db: Connection, persona_id: bytes) -> api.Person | None:
    """A persona; None once it is deleted."""
    row = personas.find_persona(db, PersonaId(persona_id))
    if row is None:
        return None
    trust = decide_trust(
        created_at=row.created_at, accepted=row.accepted, strike_until=row.strike_until, now=space.clock()
    )
    return api.Person(B16(row.id), row.handle, row.display_name, row.created_at, trust, row.accepted)


def read_place(db: Connection, channel_id: bytes) -> api.Place | None:
    """A channel; None once it is deleted."""
    row = spaces.find_channel(db, channel_id)
    if row is None:
        return None
    return api.Place(
        B16(row.id), row.handle, row.title, row.kind, row.lang, row.state, row.subscribers, row.about, B16(row.owner)
    )


def _beside(shown: Shown) -> api.ContextPost:
    return api.ContextPost(
        B16(shown.row.id), shown.handle, shown.row.now.state, shown.text[:_EXCERPT], shown.row.created_at
    )
