"""Posts and their versions."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, delete, insert, or_, select, update

from zajil.channels.rules.states import Situation
from zajil.channels.store.tables import channel, persona, post, version
from zajil.protocol.ids import ChannelId, PersonaId, PostId


class PostRow(NamedTuple):
    """A post, its moving part apart. seq: order of posts, 0 before it is stored."""

    seq: int
    id: PostId
    channel_id: ChannelId
    author: PersonaId
    thread_root: PostId | None
    reply_to: PostId | None
    announced: int
    accepted: int
    comments: int
    created_at: int
    edited_at: int | None
    now: Situation


class VersionRow(NamedTuple):
    """One version of a post. open: whether others may read it."""

    post_id: PostId
    version: int
    text: str
    lang: str
    at: int
    open: int


class Shown(NamedTuple):
    """A post as it is read: the version asked for, and its author; handle "" for one that is deleted."""

    row: PostRow
    text: str
    lang: str
    handle: str
    display_name: str


_FIXED = [post.c[name] for name in PostRow._fields[:-1]]
_MOVING = [post.c[name] for name in Situation._fields]
_VERSION = [version.c[name] for name in VersionRow._fields]
_WIDTH = len(_FIXED) + len(_MOVING)
_LISTED: tuple[str, ...] = ("visible", "removed")


def insert_post(db: Connection, row: PostRow, *, text: str, lang: str) -> PostRow:
    """A new post with its first version; the row with its seq."""
    values = row._asdict()
    values.pop("seq")
    made = db.execute(insert(post).values(**values.pop("now")._asdict(), **values))
    key = made.inserted_primary_key
    insert_version(db, VersionRow(row.id, 1, text, lang, row.created_at, 0))
    return row._replace(seq=int(key[0]) if key else 0)


def insert_version(db: Connection, row: VersionRow) -> None:
    """One more version."""
    db.execute(insert(version).values(**row._asdict()))


def find_post(db: Connection, post_id: bytes) -> PostRow | None:
    """The post, in whatever state."""
    row = db.execute(select(*_FIXED, *_MOVING).where(post.c.id == post_id)).one_or_none()
    return _post_row(tuple(row)) if row else None


def move(db: Connection, row: PostRow) -> None:
    """Store the moving part, and what follows from it."""
    rest = {"announced": row.announced, "accepted": row.accepted, "edited_at": row.edited_at}
    db.execute(update(post).where(post.c.id == row.id).values(**row.now._asdict(), **rest))


def add_comments(db: Connection, post_id: bytes, more: int) -> None:
    """So many more, or fewer, comments are visible."""
    db.execute(update(post).where(post.c.id == post_id).values(comments=post.c.comments + more))


def find_version(db: Connection, post_id: bytes, number: int) -> VersionRow | None:
    """One version."""
    here = (version.c.post_id == post_id) & (version.c.version == number)
    row = db.execute(select(*_VERSION).where(here)).one_or_none()
    return VersionRow(*row) if row else None


def versions_of(db: Connection, post_id: bytes, *, all_of_them: bool) -> list[VersionRow]:
    """The versions, oldest first: all, or those that others may read."""
    found = select(*_VERSION).where(version.c.post_id == post_id).order_by(version.c.version)
    rows = [VersionRow(*row) for row in db.execute(found)]
    return [row for row in rows if all_of_them or row.open]


def set_open(db: Connection, post_id: bytes, number: int, *, is_open: bool) -> None:
    """Whether others may read this version in the history."""
    here = (version.c.post_id == post_id) & (version.c.version == number)
    db.execute(update(version).where(here).values(open=int(is_open)))


def find_shown(db: Connection, post_id: bytes, viewer: bytes | None) -> Shown | None:
    """One post for this reader: its author gets the newest version, others the one shown to them."""
    row = db.execute(_shown(viewer).where(post.c.id == post_id)).one_or_none()
    return _shown_row(tuple(row)) if row else None


def list_posts(db: Connection, channel_id: bytes, viewer: bytes | None, *, before: int, n: int) -> list[Shown]:
    """Posts of a channel below this seq, newest first: those in the list for all, and the reader's own."""
    here = (post.c.channel_id == channel_id) & post.c.thread_root.is_(None) & (post.c.seq < before)
    found = _shown(viewer).where(here, _in_lists(viewer)).order_by(post.c.seq.desc()).limit(n)
    return [_shown_row(tuple(row)) for row in db.execute(found)]


def list_comments(db: Connection, post_id: bytes, viewer: bytes | None, *, after: int, n: int) -> list[Shown]:
    """Comments on a post above this seq, oldest first."""
    here = (post.c.thread_root == post_id) & (post.c.seq > after)
    found = _shown(viewer).where(here, _in_lists(viewer)).order_by(post.c.seq).limit(n)
    return [_shown_row(tuple(row)) for row in db.execute(found)]


def find_many(db: Connection, seqs: list[int], viewer: bytes | None) -> list[Shown]:
    """Posts by seq, in that order; those that are gone are missing."""
    found = {
        row.row.seq: row for row in map(_shown_row, map(tuple, db.execute(_shown(viewer).where(post.c.seq.in_(seqs)))))
    }
    return [found[seq] for seq in seqs if seq in found]


def gate_due(db: Connection, *, now_ms: int, limit: int) -> list[PostRow]:
    """Posts that waited for a verdict long enough, longest first."""
    due = post.c.gate_at_ms.is_not(None) & (post.c.gate_at_ms <= now_ms)
    found = select(*_FIXED, *_MOVING).where(due).order_by(post.c.gate_at_ms).limit(limit)
    return [_post_row(tuple(row)) for row in db.execute(found)]


def holds_over(db: Connection, *, now: int, limit: int) -> list[PostRow]:
    """Held posts whose time is over, longest first."""
    due = post.c.held_until.is_not(None) & (post.c.held_until <= now) & (post.c.state == "held")
    found = select(*_FIXED, *_MOVING).where(due).order_by(post.c.held_until).limit(limit)
    return [_post_row(tuple(row)) for row in db.execute(found)]


def posts_by(db: Connection, author: bytes, *, limit: int) -> list[PostRow]:
    """Posts of an author that are not deleted."""
    theirs = (post.c.author == author) & (post.c.state != "deleted")
    return [_post_row(tuple(row)) for row in db.execute(select(*_FIXED, *_MOVING).where(theirs).limit(limit))]


def posts_in(db: Connection, channel_id: bytes, *, limit: int) -> list[PostRow]:
    """Posts of a channel that are not deleted."""
    here = (post.c.channel_id == channel_id) & (post.c.state != "deleted")
    return [_post_row(tuple(row)) for row in db.execute(select(*_FIXED, *_MOVING).where(here).limit(limit))]


def delete_old_versions(db: Connection, *, before: int, limit: int) -> int:
    """Remove versions written before this second that are neither newest nor shown, or whose post is deleted.

    A deleted post goes with its last version. Returns how many versions went.
    """
    newest = (version.c.version == post.c.version) | (version.c.version == post.c.shown)
    over = (version.c.at < before) & ((post.c.state == "deleted") | ~newest)
    found = select(version.c.post_id, version.c.version, post.c.state).join(post, post.c.id == version.c.post_id)
    rows = db.execute(found.where(over).order_by(version.c.at).limit(limit)).all()
    for post_id, number, state in rows:
        db.execute(delete(version).where(version.c.post_id == post_id, version.c.version == number))
        left = select(version.c.version).where(version.c.post_id == post_id).limit(1)
        if state == "deleted" and db.execute(left).first() is None:
            db.execute(delete(post).where(post.c.id == post_id))
    return len(rows)


def _post_row(row: tuple[object, ...]) -> PostRow:
    fixed, moving = row[: len(_FIXED)], row[len(_FIXED) : _WIDTH]
    return PostRow._make((*fixed, Situation._make(moving)))


def _shown_row(row: tuple[object, ...]) -> Shown:
    text, lang, handle, display_name = row[_WIDTH:]
    return Shown(_post_row(row), str(text or ""), str(lang or ""), str(handle or ""), str(display_name or ""))


def _in_lists(viewer: bytes | None) -> ColumnElement[bool]:
    listed = post.c.shown_as.in_(_LISTED)
    if viewer is None:
        return listed & (post.c.state != "deleted")
    return or_(listed, post.c.author == viewer) & (post.c.state != "deleted")


def _shown(viewer: bytes | None) -> Select[tuple[object, ...]]:
    own = post.c.author == viewer if viewer is not None else post.c.id.is_(None)
    number = (own & (version.c.version == post.c.version)) | (~own & (version.c.version == post.c.shown))
    return (
        select(*_FIXED, *_MOVING, version.c.text, version.c.lang, persona.c.handle, persona.c.display_name)
        .join(persona, persona.c.id == post.c.author)
        .join(channel, channel.c.id == post.c.channel_id)
        .outerjoin(version, (version.c.post_id == post.c.id) & number)
        .where(channel.c.state != "deleted")
    )
