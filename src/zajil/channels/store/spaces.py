"""Channels and their members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from zajil.channels.store.tables import channel, member
from zajil.protocol.ids import ChannelId, PersonaId
from zajil.protocol.public.api import ChannelState, Join, OnOff
from zajil.protocol.public.posts import ChannelKind, Role


class ChannelRow(NamedTuple):
    """A channel that is not deleted."""

    id: ChannelId
    handle: str
    title: str
    about: str
    kind: ChannelKind
    lang: str
    comments: OnOff
    join_rule: Join
    owner: PersonaId
    state: ChannelState
    category: str
    created_at: int
    posts: int
    subscribers: int


class MemberRow(NamedTuple):
    """One persona in one channel. muted_until: Unix seconds, 0 for not."""

    channel_id: ChannelId
    persona_id: PersonaId
    role: Role
    subscribed: int
    muted_until: int


_CHANNEL = [channel.c[name] for name in ChannelRow._fields]
_MEMBER = [member.c[name] for name in MemberRow._fields]
_DELETED = "deleted"
# What every post runs is built once: building costs several times what running does.
_LIVES = channel.c.state != _DELETED
_FIND = select(*_CHANNEL).where(channel.c.id == bindparam("b_id"), _LIVES)
_FIND_HANDLE = select(*_CHANNEL).where(channel.c.handle == bindparam("b_handle"), _LIVES)
_HERE = (member.c.channel_id == bindparam("b_channel")) & (member.c.persona_id == bindparam("b_persona"))
_FIND_MEMBER = select(*_MEMBER).where(_HERE)
_AMONG_AT_ONCE = 500
_MEMBERS_AMONG = select(*_MEMBER).where(
    member.c.channel_id == bindparam("b_channel"), member.c.persona_id.in_(bindparam("b_personas", expanding=True))
)
_OWN = (member.c.channel_id == channel.c.id) & (member.c.persona_id == bindparam("b_persona"))
_WITH_MEMBER = select(*_CHANNEL, *_MEMBER).outerjoin(member, _OWN).where(_LIVES)
_FIND_WITH_MEMBER = _WITH_MEMBER.where(channel.c.id == bindparam("b_id"))
_FIND_HANDLE_WITH_MEMBER = _WITH_MEMBER.where(channel.c.handle == bindparam("b_handle"))
_ADD_POSTS = (
    update(channel).where(channel.c.id == bindparam("b_id")).values(posts=channel.c.posts + bindparam("b_more"))
)


def insert_channel(db: Connection, row: ChannelRow) -> None:
    """A new channel."""
    db.execute(insert(channel).values(**row._asdict()))


def find_channel(db: Connection, channel_id: bytes) -> ChannelRow | None:
    """The channel, unless it is deleted."""
    row = db.execute(_FIND, {"b_id": channel_id}).one_or_none()
    return ChannelRow(*row) if row else None


def find_by_handle(db: Connection, handle: str) -> ChannelRow | None:
    """The channel with this handle, unless it is deleted."""
    row = db.execute(_FIND_HANDLE, {"b_handle": handle}).one_or_none()
    return ChannelRow(*row) if row else None


def find_with_member(
    db: Connection, reference: bytes | str, persona_id: bytes
) -> tuple[ChannelRow, MemberRow | None] | None:
    """The channel with this id, or with this handle, and the persona in it; None where it is deleted."""
    if isinstance(reference, str):
        found, values = _FIND_HANDLE_WITH_MEMBER, {"b_handle": reference, "b_persona": persona_id}
    else:
        found, values = _FIND_WITH_MEMBER, {"b_id": reference, "b_persona": persona_id}
    row = db.execute(found, values).one_or_none()
    if row is None:
        return None
    width = len(_CHANNEL)
    return ChannelRow(*row[:width]), MemberRow(*row[width:]) if row[width] is not None else None


def edit_channel(db: Connection, channel_id: bytes, values: dict[str, str]) -> None:
    """Change these columns."""
    db.execute(update(channel).where(channel.c.id == channel_id).values(**values))


def set_state(db: Connection, channel_id: bytes, *, state: ChannelState, category: str) -> None:
    """Open, restrict or block a channel."""
    db.execute(update(channel).where(channel.c.id == channel_id).values(state=state, category=category))


def erase_channel(db: Connection, channel_id: bytes) -> None:
    """Nothing is left but the id, and its members until they could hear of it."""
    empty = {"handle": "", "title": "", "about": "", "state": _DELETED, "category": ""}
    db.execute(update(channel).where(channel.c.id == channel_id).values(**empty))


def add_posts(db: Connection, more: Mapping[ChannelId, int]) -> None:
    """So many more, or fewer, posts of each channel are visible."""
    if more:
        db.execute(_ADD_POSTS, [{"b_id": channel_id, "b_more": n} for channel_id, n in more.items()])


def count_owned(db: Connection, persona_id: bytes) -> int:
    """Channels this persona owns."""
    found = select(func.count()).select_from(channel)
    return int(db.execute(found.where(channel.c.owner == persona_id, channel.c.state != _DELETED)).scalar_one())


def find_member(db: Connection, channel_id: bytes, persona_id: bytes) -> MemberRow | None:
    """This persona in this channel."""
    row = db.execute(_FIND_MEMBER, {"b_channel": channel_id, "b_persona": persona_id}).one_or_none()
    return MemberRow(*row) if row else None


def members_among(db: Connection, channel_id: bytes, persona_ids: Sequence[bytes]) -> list[MemberRow]:
    """Which of these personas are in this channel, and as what."""
    found: list[MemberRow] = []
    for at in range(0, len(persona_ids), _AMONG_AT_ONCE):
        values = {"b_channel": channel_id, "b_personas": list(persona_ids[at : at + _AMONG_AT_ONCE])}
        found += [MemberRow(*row) for row in db.execute(_MEMBERS_AMONG, values)]
    return found


def insert_member(db: Connection, channel_id: ChannelId, persona_id: PersonaId, role: Role) -> None:
    """One more follower, counted."""
    row = MemberRow(channel_id, persona_id, role, 1, 0)
    db.execute(insert(member).values(**row._asdict()))
    _add_subscribers(db, channel_id, 1)


def edit_member(db: Connection, row: MemberRow, *, role: Role, muted_until: int) -> None:
    """Change role and mute."""
    here = (member.c.channel_id == row.channel_id) & (member.c.persona_id == row.persona_id)
    db.execute(update(member).where(here).values(role=role, muted_until=muted_until))


def set_subscribed(db: Connection, row: MemberRow, subscribed: bool) -> None:
    """Follow again, or no more without giving up a mute."""
    if bool(row.subscribed) != subscribed:
        here = (member.c.channel_id == row.channel_id) & (member.c.persona_id == row.persona_id)
        db.execute(update(member).where(here).values(subscribed=int(subscribed)))
        _add_subscribers(db, row.channel_id, 1 if subscribed else -1)


def delete_member(db: Connection, row: MemberRow) -> None:
    """The membership ends."""
    here = (member.c.channel_id == row.channel_id) & (member.c.persona_id == row.persona_id)
    db.execute(delete(member).where(here))
    if row.subscribed:
        _add_subscribers(db, row.channel_id, -1)


def members_of(db: Connection, persona_id: bytes) -> list[MemberRow]:
    """Every channel this persona is in."""
    return [MemberRow(*row) for row in db.execute(select(*_MEMBER).where(member.c.persona_id == persona_id))]


def subscriptions(db: Connection, persona_id: bytes) -> list[tuple[ChannelRow, MemberRow]]:
    """The channels this persona follows, by handle."""
    found = select(*_CHANNEL, *_MEMBER).join(member, member.c.channel_id == channel.c.id)
    mine = (member.c.persona_id == persona_id) & (member.c.subscribed == 1) & (channel.c.state != _DELETED)
    rows = db.execute(found.where(mine).order_by(channel.c.handle))
    width = len(_CHANNEL)
    return [(ChannelRow(*row[:width]), MemberRow(*row[width:])) for row in rows]


def followed(db: Connection, persona_id: bytes) -> list[ChannelId]:
    """Ids of the channels this persona follows."""
    mine = (member.c.persona_id == persona_id) & (member.c.subscribed == 1)
    return [ChannelId(row) for row in db.execute(select(member.c.channel_id).where(mine)).scalars()]


def _add_subscribers(db: Connection, channel_id: bytes, more: int) -> None:
    db.execute(update(channel).where(channel.c.id == channel_id).values(subscribers=channel.c.subscribers + more))
