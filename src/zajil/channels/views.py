"""Rows as callers may see them. What somebody may not see is left out here, at one place."""

from __future__ import annotations

from sqlalchemy import Connection

from zajil.channels.context import CallingPersona
from zajil.channels.store import personas
from zajil.channels.store.posts import Shown
from zajil.channels.store.spaces import ChannelRow, MemberRow
from zajil.protocol.control import B16
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.ids import PersonaId, parse_b64
from zajil.protocol.public import api
from zajil.protocol.public.handles import parse_handle


def parse_reference(text: str) -> str | bytes:
    """A handle (`@name`, any case) or an id. Raises Malformed for neither, Refused `gone` for an impossible handle."""
    if not text.startswith("@"):
        return parse_b64(text, size=16)
    try:
        return parse_handle(text[1:])
    except ZajilError:
        raise error("gone") from None


def find_ref(db: Connection, persona_id: bytes) -> api.PersonaRef | None:
    """Who this persona is; None if it is deleted."""
    row = personas.find_persona(db, PersonaId(persona_id))
    return api.PersonaRef(B16(row.id), row.handle, row.display_name) if row else None


def view_channel(row: ChannelRow, owner: api.PersonaRef | None, member: MemberRow | None, *, now: int) -> api.Channel:
    """A channel for this member, None for whoever is none."""
    shut = row.state == "blocked" and not (member is not None and member.role == "owner")
    return api.Channel(
        channel_id=B16(row.id),
        handle=row.handle,
        title="" if shut else row.title,
        about="" if shut else row.about,
        kind=row.kind,
        lang=row.lang,
        comments=row.comments,
        join=row.join_rule,
        state=row.state,
        owner=owner,
        created_at=row.created_at,
        posts=row.posts,
        subscribers=row.subscribers,
        category=row.category if row.state != "open" else "",
        role=member.role if member else None,
        subscribed=bool(member and member.subscribed),
        muted_until=member.muted_until if member and member.muted_until > now else None,
    )


def view_post(shown: Shown, viewer: CallingPersona | None) -> api.Post:
    """A post for this reader. Raises Refused `gone` where nothing of it may be seen."""
    row, now = shown.row, shown.row.now
    if now.state == "deleted":
        raise error("gone")
    own = viewer is not None and viewer.persona_id == row.author
    if not own and now.shown_as == "none":
        raise error("gone")
    if not own and now.shown_as == "removed":
        return api.Post(
            post_id=B16(row.id),
            channel_id=B16(row.channel_id),
            state="removed",
            version=now.version,
            created_at=row.created_at,
            thread_root=B16(row.thread_root) if row.thread_root else None,
            comments=row.comments,
            category=now.category,
            decided_at=now.decided_at,
        )
    is_older = not own and now.shown != now.version
    state: api.PostState = now.state if own else ("limited" if now.shown_as == "limited" else "visible")
    acted = state in ("limited", "held", "removed")
    return api.Post(
        post_id=B16(row.id),
        channel_id=B16(row.channel_id),
        state=state,
        version=now.version if own else now.shown,
        created_at=row.created_at,
        author=api.PersonaRef(B16(row.author), shown.handle, shown.display_name),
        text=shown.text,
        lang=shown.lang,
        edited_at=None if is_older else row.edited_at,
        reply_to=B16(row.reply_to) if row.reply_to else None,
        thread_root=B16(row.thread_root) if row.thread_root else None,
        comments=row.comments,
        unchecked=bool(now.unchecked),
        label=now.label,
        category=now.category if acted else "",
        decided_at=now.decided_at if acted else None,
        held_until=now.held_until if own else None,
    )
