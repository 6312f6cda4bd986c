"""What waits to be deleted."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from zajil.channels.store.tables import channel, handle, happening, member, persona, post, spent, token
from zajil.protocol.ids import ChannelId, PersonaId


def authors(db: Connection) -> list[PersonaId]:
    """Deleted personas that still have posts."""
    theirs = (persona.c.id == post.c.author) & (persona.c.deleted == 1)
    found = select(post.c.author).join(persona, theirs).where(post.c.state != "deleted").distinct()
    return [PersonaId(each) for each in db.execute(found).scalars()]


def channels(db: Connection) -> list[ChannelId]:
    """Deleted channels that still have posts."""
    here = (channel.c.id == post.c.channel_id) & (channel.c.state == "deleted")
    found = select(post.c.channel_id).join(channel, here).where(post.c.state != "deleted").distinct()
    return [ChannelId(each) for each in db.execute(found).scalars()]


def delete_expired(db: Connection, *, now: int, handles_before: int, limit: int) -> int:
    """Remove at most `limit` tokens and nonces that ended, handles freed before this second, and members of deleted
    channels whose events are over, each; how many went."""
    tokens = select(token.c.hash).where(token.c.expires <= now).limit(limit).scalar_subquery()
    gone = db.execute(delete(token).where(token.c.hash.in_(tokens))).rowcount
    marks = select(spent.c.mark).where(spent.c.expires <= now).limit(limit).scalar_subquery()
    gone += db.execute(delete(spent).where(spent.c.mark.in_(marks))).rowcount
    freed = handle.c.freed_at.is_not(None) & (handle.c.freed_at < handles_before)
    handles = select(handle.c.skeleton).where(freed).limit(limit).scalar_subquery()
    gone += db.execute(delete(handle).where(handle.c.skeleton.in_(handles))).rowcount
    heard = ~select(happening.c.seq).where(happening.c.channel_id == channel.c.id).exists()
    closed = select(channel.c.id).where(channel.c.state == "deleted", heard)
    followers = select(member.c.persona_id).where(member.c.channel_id.in_(closed)).limit(limit)
    members = delete(member).where(member.c.channel_id.in_(closed), member.c.persona_id.in_(followers))
    return gone + db.execute(members).rowcount
