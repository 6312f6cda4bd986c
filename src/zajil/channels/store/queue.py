"""The outbox: versions of posts that wait to be judged."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from zajil.channels.store.tables import channel, member, outbox, persona, post, version
from zajil.engine.sql.database import Database
from zajil.engine.sql.dialects import greatest
from zajil.engine.sql.prepared import Prepared
from zajil.protocol.public.posts import ChannelKind, Role


class JobRow(NamedTuple):
    """One version to be judged, and what is known of it. role: None where the author left the channel."""

    seq: int
    attempts: int
    post_id: bytes
    version: int
    channel_id: bytes
    author: bytes
    text: str
    lang: str
    at: int
    thread_root: bytes | None
    reply_to: bytes | None
    channel_kind: ChannelKind
    channel_lang: str
    subscribers: int
    handle: str
    role: Role | None
    created_at: int
    accepted: int
    strike_until: int


class Taken(NamedTuple):
    """A row of the outbox that a worker has now."""

    seq: int
    post_id: bytes
    version: int
    attempts: int


# What every claim runs is built once: building costs several times what running does.
_INSERT = insert(outbox)
_FREE = outbox.c.lease_until_ms <= bindparam("b_now")


def _lease(free: ColumnElement[bool]) -> ReturningUpdate[tuple[Any, ...]]:
    chosen = select(outbox.c.seq).where(free).order_by(outbox.c.seq).limit(bindparam("b_n")).scalar_subquery()
    return (
        update(outbox)
        .where(outbox.c.seq.in_(chosen))
        .values(lease_until_ms=bindparam("b_until"), attempts=outbox.c.attempts + 1)
        .returning(outbox.c.seq, outbox.c.post_id, outbox.c.version, outbox.c.attempts)
    )


_LEASE, _LEASE_EARLY = _lease(_FREE), _lease(_FREE & (outbox.c.early == 1))
_IS_WAITING = Prepared(select(outbox.c.seq).where(outbox.c.lease_until_ms <= bindparam("b_now")).limit(1))


def insert_job(db: Connection, post_id: bytes, number: int, *, early: bool) -> None:
    """One more version to be judged. early: nothing of its author was accepted yet."""
    values = {"post_id": post_id, "version": number, "early": int(early), "lease_until_ms": 0, "attempts": 0}
    db.execute(_INSERT, values)


async def is_waiting(database: Database, *, now_ms: int) -> bool:
    """Whether there is a row that is nobody's now."""
    return await database.peek(_IS_WAITING, {"b_now": now_ms}) is not None


def lease(db: Connection, *, limit: int, early_only: bool, now_ms: int, until_ms: int) -> list[Taken]:
    """Give a worker the oldest free rows until then: one UPDATE ... RETURNING."""
    values = {"b_now": now_ms, "b_n": limit, "b_until": until_ms}
    return [Taken(*row) for row in db.execute(_LEASE_EARLY if early_only else _LEASE, values)]


def find_jobs(db: Connection, seqs: list[int]) -> list[JobRow]:
    """What is known of these rows' versions, by seq. Versions that are gone, or of deleted posts, are missing."""
    return [JobRow(*row) for row in db.execute(_FIND_JOBS, {"b_seqs": seqs})]


def find_judged(db: Connection, post_id: bytes, number: int) -> JobRow | None:
    """The same of one version, whether it waits or not; None once it is gone, or its post deleted."""
    columns: list[ColumnElement[Any]] = [literal(0), literal(0), version.c.post_id, version.c.version, *_KNOWN]
    found = (
        select(*columns)
        .select_from(_join(version, None, None))
        .where(version.c.post_id == post_id, version.c.version == number, post.c.state != "deleted")
    )
    row = db.execute(found).one_or_none()
    return JobRow(*row) if row else None


_KNOWN: tuple[ColumnElement[Any], ...] = (
    *(post.c.channel_id, post.c.author, version.c.text, version.c.lang, version.c.at),
    *(post.c.thread_root, post.c.reply_to, channel.c.kind, channel.c.lang, channel.c.subscribers, channel.c.handle),
    *(member.c.role, persona.c.created_at, persona.c.accepted, persona.c.strike_until),
)


def _join(of: Table, post_id: ColumnElement[bytes] | None, number: ColumnElement[int] | None) -> FromClause:
    """The version, its post, channel and author. post_id, number: columns of `of`; None where it is the version."""
    joined: FromClause = of
    if post_id is not None and number is not None:
        joined = joined.join(version, (version.c.post_id == post_id) & (version.c.version == number))
    here = (member.c.channel_id == post.c.channel_id) & (member.c.persona_id == post.c.author)
    return (
        joined.join(post, post.c.id == version.c.post_id)
        .join(channel, channel.c.id == post.c.channel_id)
        .join(persona, persona.c.id == post.c.author)
        .outerjoin(member, here)
    )


_JOB: tuple[ColumnElement[Any], ...] = (outbox.c.seq, outbox.c.attempts, outbox.c.post_id, outbox.c.version, *_KNOWN)
_THESE = outbox.c.seq.in_(bindparam("b_seqs", expanding=True))
_FIND_JOBS = (
    select(*_JOB)
    .select_from(_join(outbox, outbox.c.post_id, outbox.c.version))
    .where(_THESE, post.c.state != "deleted")
    .order_by(outbox.c.seq)
)
_DELETE = delete(outbox).where(_THESE)


def requeue(db: Connection, post_id: bytes, number: int) -> None:
    """The version is to be judged once more, unless it waits already, or is neither the newest nor the shown one.

    A row that a worker has now does not count as waiting: what it finds may be what was known before.
    """
    waits = select(outbox.c.seq).where(
        outbox.c.post_id == post_id, outbox.c.version == number, outbox.c.lease_until_ms == 0
    )
    current = (post.c.version == number) | (post.c.shown == number)
    lives = select(post.c.seq).where(post.c.id == post_id, current, post.c.state != "deleted")
    if db.execute(waits).first() is None and db.execute(lives).first() is not None:
        insert_job(db, post_id, number, early=False)


def delete_jobs(db: Connection, seqs: list[int]) -> int:
    """Remove rows; how many there were."""
    return db.execute(_DELETE, {"b_seqs": seqs}).rowcount


def drop_superseded(db: Connection, post_id: bytes, number: int) -> None:
    """This version, which nobody ever saw, need not be judged any more."""
    db.execute(delete(outbox).where(outbox.c.post_id == post_id, outbox.c.version == number))


def release(db: Connection, seqs: list[int]) -> None:
    """Let another worker have these rows now."""
    db.execute(update(outbox).where(outbox.c.seq.in_(seqs)).values(lease_until_ms=0))


def put_back(db: Connection, seqs: list[int]) -> None:
    """Let another worker have these rows now, and forget that this one had them."""
    fewer = greatest(outbox.c.attempts - 1, 0)
    db.execute(update(outbox).where(outbox.c.seq.in_(seqs)).values(lease_until_ms=0, attempts=fewer))


def release_all(db: Connection) -> int:
    """Nobody has any of the rows any more; how many were under a lease."""
    leased = outbox.c.lease_until_ms > 0
    return int(db.execute(update(outbox).where(leased).values(lease_until_ms=0)).rowcount)


def count_waiting(db: Connection) -> int:
    """Rows that are not judged yet, leased or not."""
    return int(db.execute(select(func.count()).select_from(outbox)).scalar_one())


def oldest_waiting(db: Connection) -> int | None:
    """When the version that waits longest was written, Unix seconds."""
    here = (version.c.post_id == outbox.c.post_id) & (version.c.version == outbox.c.version)
    found = select(version.c.at).join(outbox, here).order_by(outbox.c.seq).limit(1)
    return db.execute(found).scalar_one_or_none()
