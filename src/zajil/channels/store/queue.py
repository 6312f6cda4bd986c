"""The outbox: versions of posts that wait to be judged."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from zajil.channels.store.tables import channel, member, outbox, persona, post, version
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


_INSERT = insert(outbox)


def insert_job(db: Connection, post_id: bytes, number: int, *, early: bool) -> None:
    """One more version to be judged. early: nothing of its author was accepted yet."""
    values = {"post_id": post_id, "version": number, "early": int(early), "lease_until_ms": 0, "attempts": 0}
    db.execute(_INSERT, values)


def lease(db: Connection, *, limit: int, early_only: bool, now_ms: int, until_ms: int) -> list[Taken]:
    """Give a worker the oldest free rows until then: one UPDATE ... RETURNING."""
    free = outbox.c.lease_until_ms <= now_ms
    if early_only:
        free = free & (outbox.c.early == 1)
    chosen = select(outbox.c.seq).where(free).order_by(outbox.c.seq).limit(limit).scalar_subquery()
    taken = (
        update(outbox)
        .where(outbox.c.seq.in_(chosen))
        .values(lease_until_ms=until_ms, attempts=outbox.c.attempts + 1)
        .returning(outbox.c.seq, outbox.c.post_id, outbox.c.version, outbox.c.attempts)
    )
    return [Taken(*row) for row in db.execute(taken)]


def find_jobs(db: Connection, seqs: list[int]) -> list[JobRow]:
    """What is known of these rows' versions, by seq. Versions that are gone, or of deleted posts, are missing."""
    columns = [
        *(outbox.c.seq, outbox.c.attempts, outbox.c.post_id, outbox.c.version, post.c.channel_id, post.c.author),
        *(version.c.text, version.c.lang, version.c.at, post.c.thread_root, post.c.reply_to),
        *(channel.c.kind, channel.c.lang, channel.c.subscribers, member.c.role),
        *(persona.c.created_at, persona.c.accepted, persona.c.strike_until),
    ]
    here = (member.c.channel_id == post.c.channel_id) & (member.c.persona_id == post.c.author)
    found = (
        select(*columns)
        .join(post, post.c.id == outbox.c.post_id)
        .join(version, (version.c.post_id == outbox.c.post_id) & (version.c.version == outbox.c.version))
        .join(channel, channel.c.id == post.c.channel_id)
        .join(persona, persona.c.id == post.c.author)
        .outerjoin(member, here)
        .where(outbox.c.seq.in_(seqs), post.c.state != "deleted")
        .order_by(outbox.c.seq)
    )
    return [JobRow(*row) for row in db.execute(found)]


def delete_jobs(db: Connection, seqs: list[int]) -> int:
    """Remove rows; how many there were."""
    return db.execute(delete(outbox).where(outbox.c.seq.in_(seqs))).rowcount


def drop_superseded(db: Connection, post_id: bytes, number: int) -> None:
    """This version, which nobody ever saw, need not be judged any more."""
    db.execute(delete(outbox).where(outbox.c.post_id == post_id, outbox.c.version == number))


def release(db: Connection, seqs: list[int]) -> None:
    """Let another worker have these rows now."""
    db.execute(update(outbox).where(outbox.c.seq.in_(seqs)).values(lease_until_ms=0))


def count_waiting(db: Connection) -> int:
    """Rows that are not judged yet, leased or not."""
    return int(db.execute(select(func.count()).select_from(outbox)).scalar_one())


def oldest_waiting(db: Connection) -> int | None:
    """When the version that waits longest was written, Unix seconds."""
    here = (version.c.post_id == outbox.c.post_id) & (version.c.version == outbox.c.version)
    found = select(version.c.at).join(outbox, here).order_by(outbox.c.seq).limit(1)
    return db.execute(found).scalar_one_or_none()
