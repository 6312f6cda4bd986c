"""Members: who follows a channel, who may write there, and who is muted or shown out."""

from __future__ import annotations

from sqlalchemy import Connection

from zajil.channels.context import CallingPersona, Channels
from zajil.channels.identity import personas
from zajil.channels.rules.roles import may_act_on, may_appoint
from zajil.channels.spaces import find, find_place
from zajil.channels.store import spaces
from zajil.channels.store.spaces import MemberRow
from zajil.channels.views import find_ref, view_channel
from zajil.protocol.errors import error
from zajil.protocol.public import api
from zajil.protocol.public.posts import ChannelDecision, Role


async def subscribe(space: Channels, caller: CallingPersona, reference: str) -> api.Channel:
    """The caller follows the channel: as a member where anybody may join, else as a subscriber. Raises gone."""
    space.limits.take("subscribe", caller.persona_id, now=space.clock())

    def write(db: Connection) -> api.Channel:
        place = find_place(db, caller, reference)
        if place.channel.state == "blocked":
            raise error("gone")
        if place.member is None:
            role: Role = "member" if place.channel.join_rule == "open" else "subscriber"
            spaces.insert_member(db, place.channel.id, caller.persona_id, role)
        else:
            spaces.set_subscribed(db, place.member, True)
        place = find(db, place.channel.id, caller)
        return view_channel(place.channel, find_ref(db, place.channel.owner), place.member, now=space.now())

    return await space.db.write(write)


async def unsubscribe(space: Channels, caller: CallingPersona, reference: str) -> None:
    """The caller follows the channel no more. A mute, and the place of whoever runs it, stay. Raises gone."""

    def write(db: Connection) -> None:
        member = find_place(db, caller, reference).member
        if member is None:
            return
        if member.role in ("member", "subscriber") and member.muted_until <= space.now():
            spaces.delete_member(db, member)
        else:
            spaces.set_subscribed(db, member, False)

    await space.db.write(write)


async def list_subscriptions(space: Channels, caller: CallingPersona) -> api.Subscriptions:
    """The channels the caller follows. Nobody else gets to see them."""

    def read(db: Connection) -> tuple[api.Channel, ...]:
        return tuple(
            view_channel(channel, find_ref(db, channel.owner), member, now=space.now())
            for channel, member in spaces.subscriptions(db, caller.persona_id)
        )

    return api.Subscriptions(await space.db.read(read))


async def put_member(
    space: Channels, caller: CallingPersona, reference: str, other: str, request: api.PutMember
) -> api.Member:
    """Give a member another role, or mute. Raises gone (no such member), not-allowed, malformed (mute unreasoned)."""
    space.limits.take("member_write", caller.persona_id, now=space.clock())

    def write(db: Connection) -> api.Member:
        own, member = _pair(db, caller, reference, other)
        role = request.role or member.role
        if role != member.role and not may_appoint(own, member.role, role):
            raise error("not-allowed")
        muted = member.muted_until
        if request.muted_until is not None:
            if not may_act_on(own, member.role):
                raise error("not-allowed")
            muted = _mute(space, db, caller, member, request)
        spaces.edit_member(db, member, role=role, muted_until=muted)
        persona = find_ref(db, member.persona_id)
        if persona is None:
            raise error("gone")
        return api.Member(persona, role, muted if muted > space.now() else 0)

    return await space.db.write(write)


async def drop_member(space: Channels, caller: CallingPersona, reference: str, other: str) -> None:
    """The membership of somebody below the caller ends. Raises gone, not-allowed."""
    space.limits.take("member_write", caller.persona_id, now=space.clock())

    def write(db: Connection) -> None:
        own, member = _pair(db, caller, reference, other)
        if not may_act_on(own, member.role):
            raise error("not-allowed")
        spaces.delete_member(db, member)

    await space.db.write(write)


def _mute(space: Channels, db: Connection, caller: CallingPersona, member: MemberRow, request: api.PutMember) -> int:
    until = request.muted_until or 0
    if until > space.now() and not request.reason.strip():
        raise error("malformed", "a mute needs a reason")
    decision = ChannelDecision(
        kind="mute",
        channel_id=member.channel_id,
        target=member.persona_id,
        version=0,
        actor=caller.persona_id,
        reason=request.reason.strip(),
        at=space.now(),
        until=until,
    )
    space.record_decision(db, decision)
    return until


def _pair(db: Connection, caller: CallingPersona, reference: str, other: str) -> tuple[Role, MemberRow]:
    """The caller's role, and the member it acts on. Raises not-allowed for a caller without office, gone."""
    place = find_place(db, caller, reference)
    if place.member is None or place.member.role in ("member", "subscriber"):
        raise error("not-allowed")
    member = spaces.find_member(db, place.channel.id, personas.find(db, other).id)
    if member is None:
        raise error("gone")
    return place.member.role, member
