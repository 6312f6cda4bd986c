"""What waits to be deleted."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from zajil.channels.store.tables import channel, handle, persona, post, token
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
    """Remove at most `limit` tokens that ended and handles freed before this second, each; how many went."""
    tokens = select(token.c.hash).where(token.c.expires <= now).limit(limit).scalar_subquery()
    gone = db.execute(delete(token).where(token.c.hash.in_(tokens))).rowcount
    freed = handle.c.freed_at.is_not(None) & (handle.c.freed_at < handles_before)
    handles = select(handle.c.skeleton).where(freed).limit(limit).scalar_subquery()
    return gone + db.execute(delete(handle).where(handle.c.skeleton.in_(handles))).rowcount
