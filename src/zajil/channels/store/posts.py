"""Posts and their versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, bindparam, case, delete, insert, select, update

from zajil.channels.rules.states import Situation
from zajil.channels.store.tables import channel, persona, post, version
from zajil.protocol.ids import ChannelId, PersonaId, PostId

VERSIONS_SHOWN: Final = 20
"""Versions of a post in one answer: the newest."""


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
# What every post, decision and reader runs is built once: building costs several times what running does. Nobody's
# viewer is the empty id, which is no author's.
_OWN = post.c.author == bindparam("b_viewer")
_READ = (
    select(*_FIXED, *_MOVING, version.c.text, version.c.lang, persona.c.handle, persona.c.display_name)
    .join(persona, persona.c.id == post.c.author)
    .join(channel, channel.c.id == post.c.channel_id)
    .outerjoin(
        version,
        (version.c.post_id == post.c.id) & (version.c.version == case((_OWN, post.c.version), else_=post.c.shown)),
    )
    .where(channel.c.state != "deleted")
)
_READ_ONE = _READ.where(post.c.id == bindparam("b_id"))
_IN_LISTS = (post.c.shown_as.in_(_LISTED) | _OWN) & (post.c.state != "deleted")
_READ_LIST = (
    _READ.where(post.c.channel_id == bindparam("b_channel"), post.c.thread_root.is_(None), _IN_LISTS)
    .where(post.c.seq < bindparam("b_before"))
    .order_by(post.c.seq.desc())
    .limit(bindparam("b_n"))
)
_READ_COMMENTS = (
    _READ.where(post.c.thread_root == bindparam("b_root"), _IN_LISTS)
    .where(post.c.seq > bindparam("b_after"))
    .order_by(post.c.seq)
    .limit(bindparam("b_n"))
)
_FIND = select(*_FIXED, *_MOVING).where(post.c.id == bindparam("b_id"))
_FIND_MANY = select(*_FIXED, *_MOVING).where(post.c.id.in_(bindparam("b_ids", expanding=True)))
_SHOWN_TEXTS = (
    select(post.c.seq, version.c.text)
    .join(version, (version.c.post_id == post.c.id) & (version.c.version == post.c.shown))
    .where(post.c.seq.in_(bindparam("b_seqs", expanding=True)))
)
_THIS = (version.c.post_id == bindparam("b_post")) & (version.c.version == bindparam("b_version"))
_FIND_VERSION = select(*_VERSION).where(_THIS)
_SET_OPEN = update(version).where(_THIS).values(open=bindparam("b_open"))
_MOVED = (*Situation._fields, "announced", "accepted", "edited_at")
_MOVE = update(post).where(post.c.id == bindparam("b_id")).values({name: bindparam(f"b_{name}") for name in _MOVED})
_ADD_COMMENTS = (
    update(post).where(post.c.id == bindparam("b_id")).values(comments=post.c.comments + bindparam("b_more"))
)
_INSERT = insert(post)
_INSERT_VERSION = insert(version)


def insert_post(db: Connection, row: PostRow, *, text: str, lang: str) -> PostRow:
    """A new post with its first version; the row with its seq."""
    values = row._asdict()
    values.pop("seq")
    made = db.execute(_INSERT, {**values.pop("now")._asdict(), **values})
    key = made.inserted_primary_key
    insert_version(db, VersionRow(row.id, 1, text, lang, row.created_at, 0))
    return row._replace(seq=int(key[0]) if key else 0)


def insert_version(db: Connection, row: VersionRow) -> None:
    """One more version."""
    db.execute(_INSERT_VERSION, row._asdict())


def find_post(db: Connection, post_id: bytes) -> PostRow | None:
    """The post, in whatever state."""
    row = db.execute(_FIND, {"b_id": post_id}).one_or_none()
    return _post_row(tuple(row)) if row else None


def find_posts(db: Connection, post_ids: Sequence[bytes]) -> dict[bytes, PostRow]:
    """These posts by id, in whatever state; those that are gone are missing."""
    rows = db.execute(_FIND_MANY, {"b_ids": list(post_ids)}) if post_ids else ()
    return {row.id: row for row in (_post_row(tuple(each)) for each in rows)}


def move(db: Connection, rows: Iterable[PostRow]) -> None:
    """Store the moving part of each, and what follows from it."""
    values = [
        {
            "b_id": row.id,
            **{f"b_{name}": value for name, value in row.now._asdict().items()},
            "b_announced": row.announced,
            "b_accepted": row.accepted,
            "b_edited_at": row.edited_at,
        }
        for row in rows
    ]
    if values:
        db.execute(_MOVE, values)


def add_comments(db: Connection, more: Mapping[PostId, int]) -> None:
    """So many more, or fewer, comments on each post are visible."""
    if more:
        db.execute(_ADD_COMMENTS, [{"b_id": post_id, "b_more": n} for post_id, n in more.items()])


def shown_texts(db: Connection, seqs: Sequence[int]) -> dict[int, str]:
    """The text that others see of each post, by seq; posts of which they see none are missing."""
    return {row[0]: row[1] for row in db.execute(_SHOWN_TEXTS, {"b_seqs": list(seqs)})} if seqs else {}


def find_version(db: Connection, post_id: bytes, number: int) -> VersionRow | None:
    """One version."""
    row = db.execute(_FIND_VERSION, {"b_post": post_id, "b_version": number}).one_or_none()
    return VersionRow(*row) if row else None


def versions_of(db: Connection, post_id: bytes, *, all_of_them: bool) -> list[VersionRow]:
    """The 20 newest versions, oldest first: of all, or of those that others may read."""
    found = select(*_VERSION).where(version.c.post_id == post_id)
    if not all_of_them:
        found = found.where(version.c.open == 1)
    rows = db.execute(found.order_by(version.c.version.desc()).limit(VERSIONS_SHOWN)).all()
    return [VersionRow(*row) for row in reversed(rows)]


def set_open(db: Connection, versions: Mapping[tuple[PostId, int], bool]) -> None:
    """Whether others may read each of these versions in the history."""
    if versions:
        rows = [{"b_post": key[0], "b_version": key[1], "b_open": int(is_open)} for key, is_open in versions.items()]
        db.execute(_SET_OPEN, rows)


def find_shown(db: Connection, post_id: bytes, viewer: bytes | None) -> Shown | None:
    """One post for this reader: its author gets the newest version, others the one shown to them."""
    row = db.execute(_READ_ONE, {"b_id": post_id, "b_viewer": viewer or b""}).one_or_none()
    return _shown_row(tuple(row)) if row else None


def list_posts(db: Connection, channel_id: bytes, viewer: bytes | None, *, before: int, n: int) -> list[Shown]:
    """Posts of a channel below this seq, newest first: those in the list for all, and the reader's own."""
    wanted = {"b_channel": channel_id, "b_before": before, "b_n": n, "b_viewer": viewer or b""}
    return [_shown_row(tuple(row)) for row in db.execute(_READ_LIST, wanted)]


def list_comments(db: Connection, post_id: bytes, viewer: bytes | None, *, after: int, n: int) -> list[Shown]:
    """Comments on a post above this seq, oldest first."""
    wanted = {"b_root": post_id, "b_after": after, "b_n": n, "b_viewer": viewer or b""}
    return [_shown_row(tuple(row)) for row in db.execute(_READ_COMMENTS, wanted)]


def find_many(db: Connection, seqs: list[int], viewer: bytes | None) -> list[Shown]:
    """Posts by seq, in that order; those that are gone are missing."""
    rows = db.execute(_READ.where(post.c.seq.in_(seqs)), {"b_viewer": viewer or b""})
    found = {shown.row.seq: shown for shown in (_shown_row(tuple(row)) for row in rows)}
    return [found[seq] for seq in seqs if seq in found]


def around(db: Connection, row: PostRow, *, n: int) -> tuple[list[Shown], list[Shown]]:
    """Up to n posts in front of a post and behind it, oldest first, in whatever state but deleted, newest versions."""
    root = post.c.thread_root == row.thread_root if row.thread_root is not None else post.c.thread_root.is_(None)
    near = (
        select(*_FIXED, *_MOVING, version.c.text, version.c.lang, persona.c.handle, persona.c.display_name)
        .join(persona, persona.c.id == post.c.author)
        .join(version, (version.c.post_id == post.c.id) & (version.c.version == post.c.version))
        .where(post.c.channel_id == row.channel_id, root, post.c.state != "deleted")
        .limit(n)
    )
    before = db.execute(near.where(post.c.seq < row.seq).order_by(post.c.seq.desc())).all()
    after = db.execute(near.where(post.c.seq > row.seq).order_by(post.c.seq)).all()
    return [_shown_row(tuple(each)) for each in reversed(before)], [_shown_row(tuple(each)) for each in after]


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
