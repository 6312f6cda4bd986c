"""Personas: made with a one-time pass of the private side, shown to all, deleted with all they wrote.

The pass is burnt in the transaction that makes the persona, so a refused handle costs none. Nothing of it is kept.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.channels import publishing
from zajil.channels.context import CallingPersona, Channels
from zajil.channels.identity.login import trust_of
from zajil.channels.rules import states
from zajil.channels.store import feed, personas, posts, spaces
from zajil.channels.store.personas import PersonaRow
from zajil.channels.views import parse_reference
from zajil.engine.sql import answers
from zajil.protocol.control import B16
from zajil.protocol.errors import error
from zajil.protocol.ids import PersonaId
from zajil.protocol.public import api
from zajil.protocol.public.handles import parse_handle, skeleton
from zajil.protocol.public.persona import check_login, nonce_of_pass, persona_id_of
from zajil.protocol.public.posts import Standing

_HOUR_S: Final = 3600
_POSTS_AT_ONCE: Final = 200


async def create_persona(space: Channels, request: api.NewPersona, *, prefix: bytes) -> api.Persona:
    """A new persona.

    Raises bad-handle, handle-taken, handle-confusable, persona-exists, pass-spent, bad-challenge (proof), slow-down.
    """
    space.limits.take("persona_create", prefix, now=space.clock())
    handle = parse_handle(request.handle)
    nonce = nonce_of_pass(request.one_time_pass)
    check_login(request.key, request.proof, origin=space.origin, nonce=nonce)
    persona_id = persona_id_of(request.key)
    row = PersonaRow(
        id=persona_id,
        key=bytes(request.key),
        handle=handle,
        display_name=parse_name(request.display_name),
        created_at=space.now() // _HOUR_S * _HOUR_S,
        accepted=0,
        strike_until=0,
        limited_until=0,
        suspended_until=0,
    )

    made, keep = _view(space, row, own=True), answers.keeper()

    def write(db: Connection) -> None:
        if personas.is_known(db, persona_id):
            raise error("persona-exists")
        take_handle(db, handle, owner=persona_id)
        personas.insert_persona(db, row)
        if not space.spend_pass(db, request.one_time_pass):
            raise error("pass-spent")
        keep(db, made)

    await space.db.write(write)
    return made


def take_handle(db: Connection, handle: str, *, owner: bytes) -> None:
    """The handle is the owner's. Raises Conflict `handle-taken` or `handle-confusable`."""
    folded = skeleton(handle)
    taken = personas.find_handle(db, folded)
    if taken is not None:
        raise error("handle-taken" if taken == handle else "handle-confusable")
    personas.insert_handle(db, handle, skeleton=folded, owner=owner)


def parse_name(text: str) -> str:
    """A name or title on one line, without spaces around it. Raises Malformed for one that is empty or holds controls.

    Direction marks are let be; pages isolate every name.
    """
    name = " ".join(text.split())
    if not name or any(ord(each) < 32 or 0x7F <= ord(each) < 0xA0 or 0xD800 <= ord(each) < 0xE000 for each in name):
        raise error("malformed", "name")
    return name


async def read_persona(space: Channels, caller: CallingPersona | None, reference: str) -> api.Persona:
    """A persona by id, or by `@handle`. Raises Refused `gone`."""
    row = await space.db.read(lambda db: find(db, reference))
    return _view(space, row, own=caller is not None and caller.persona_id == row.id)


async def edit_persona(space: Channels, caller: CallingPersona, reference: str, display_name: str) -> api.Persona:
    """The caller's own persona under another name. Raises not-allowed for another's."""
    name = parse_name(display_name)

    def write(db: Connection) -> PersonaRow:
        row = _own(db, caller, reference)
        personas.rename(db, row.id, name)
        return row._replace(display_name=name)

    return _view(space, await space.db.write(write), own=True)


async def delete_persona(space: Channels, caller: CallingPersona, reference: str) -> None:
    """The caller's own persona is gone, with its memberships and posts. Raises not-allowed, owns-channels."""

    def write(db: Connection) -> None:
        row = _own(db, caller, reference)
        if spaces.count_owned(db, row.id):
            raise error("owns-channels")
        for member in spaces.members_of(db, row.id):
            spaces.delete_member(db, member)
        personas.free_handle(db, row.id, now=space.now())
        personas.erase_persona(db, row.id)

    await space.db.write(write)
    await delete_posts_of(space, caller.persona_id)


async def delete_posts_of(space: Channels, author: PersonaId) -> None:
    """Everything this persona wrote is deleted, some posts in each transaction."""

    def write(db: Connection) -> tuple[int, set[bytes]]:
        found = posts.posts_by(db, author, limit=_POSTS_AT_ONCE)
        settlement = publishing.Settlement(space)
        for row in found:
            settlement.add(row, states.delete(row.now))
        return len(found), settlement.write(db)

    count = _POSTS_AT_ONCE
    while count == _POSTS_AT_ONCE:
        count, topics = await space.db.write(write)
        space.wakeups.wake(topics)


async def set_standing(space: Channels, standing: Standing) -> bool:
    """How a persona stands from now on, as moderation decided; idempotent. False if there is no such persona."""

    def write(db: Connection) -> bool:
        return set_standing_in(space, db, standing)

    known = await space.db.write(write)
    space.wakeups.wake({standing.persona_id})
    return known


def set_standing_in(space: Channels, db: Connection, standing: Standing) -> bool:
    """`set_standing` inside the caller's transaction; the caller wakes the persona."""
    known = personas.set_standing(
        db,
        standing.persona_id,
        strike=standing.strike_until,
        limited=standing.limited_until,
        suspended=standing.suspended_until,
    )
    if known and space.now() < standing.suspended_until:
        personas.delete_tokens(db, standing.persona_id)
    return known


async def notify(space: Channels, persona_id: bytes, name: api.EventName, ref: str) -> None:
    """Tell one persona of a notice, report or appeal. ref: what `GET` of it takes."""
    await space.db.write(lambda db: notify_in(space, db, persona_id, name, ref))
    space.wakeups.wake({persona_id})


def notify_in(space: Channels, db: Connection, persona_id: bytes, name: api.EventName, ref: str) -> None:
    """`notify` inside the caller's transaction; the caller wakes the persona."""
    feed.insert_event(db, name, now=space.now(), persona_id=persona_id, ref=ref)


def find(db: Connection, reference: str) -> PersonaRow:
    """A persona by id, or by `@handle`. Raises Refused `gone`, Malformed for what is neither."""
    parsed = parse_reference(reference)
    if isinstance(parsed, str):
        row = personas.find_by_handle(db, parsed)
    else:
        row = personas.find_persona(db, PersonaId(parsed))
    if row is None:
        raise error("gone")
    return row


def _own(db: Connection, caller: CallingPersona, reference: str) -> PersonaRow:
    row = find(db, reference)
    if row.id != caller.persona_id:
        raise error("not-allowed")
    return row


def _view(space: Channels, row: PersonaRow, *, own: bool) -> api.Persona:
    about = api.Persona(B16(row.id), row.handle, row.display_name, "person", row.created_at)
    if not own:
        return about
    return api.Persona(
        about.persona_id,
        about.handle,
        about.display_name,
        about.kind,
        about.created_at,
        trust_of(space, row),
        row.strike_until if row.strike_until > space.now() else None,
        row.limited_until if row.limited_until > space.now() else None,
    )
