"""Handles, personas and their login tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from zajil.channels.store.tables import handle, persona, spent, token
from zajil.engine.sql.database import Database
from zajil.engine.sql.dialects import upsert
from zajil.engine.sql.prepared import Prepared
from zajil.protocol.ids import PersonaId


class PersonaRow(NamedTuple):
    """A persona that is not deleted. Times: Unix seconds."""

    id: PersonaId
    key: bytes
    handle: str
    display_name: str
    created_at: int
    accepted: int
    strike_until: int
    limited_until: int
    suspended_until: int


_COLUMNS = [persona.c[name] for name in PersonaRow._fields]
# What every post and call runs is built once: building costs several times what running does.
_LIVES = persona.c.deleted == 0
_FIND = select(*_COLUMNS).where(persona.c.id == bindparam("b_id"), _LIVES)
_GOOD = (token.c.hash == bindparam("b_hash")) & (token.c.expires > bindparam("b_now")) & _LIVES
_FIND_TOKEN = Prepared(select(*_COLUMNS).join(token, token.c.persona_id == persona.c.id).where(_GOOD))
_ADD_ACCEPTED = (
    update(persona).where(persona.c.id == bindparam("b_id")).values(accepted=persona.c.accepted + bindparam("b_more"))
)


def find_handle(db: Connection, skeleton: str) -> str | None:
    """The handle that has this skeleton, in use or in quarantine."""
    return db.execute(select(handle.c.handle).where(handle.c.skeleton == skeleton)).scalar_one_or_none()


def insert_handle(db: Connection, text: str, *, skeleton: str, owner: bytes) -> None:
    """Take a handle. Raises IntegrityError if it or its skeleton is taken."""
    db.execute(insert(handle).values(skeleton=skeleton, handle=text, owner=owner, freed_at=None))


def free_handle(db: Connection, owner: bytes, *, now: int) -> None:
    """Begin the quarantine of the handle of a persona or channel that was deleted."""
    db.execute(update(handle).where(handle.c.owner == owner).values(freed_at=now))


def insert_persona(db: Connection, row: PersonaRow) -> None:
    """A new persona. Raises IntegrityError if the id was ever used."""
    db.execute(insert(persona).values(**row._asdict(), deleted=0))


def is_known(db: Connection, persona_id: PersonaId) -> bool:
    """Whether this persona exists or existed."""
    return db.execute(select(persona.c.id).where(persona.c.id == persona_id)).first() is not None


def find_persona(db: Connection, persona_id: PersonaId) -> PersonaRow | None:
    """The persona, unless it is deleted."""
    row = db.execute(_FIND, {"b_id": persona_id}).one_or_none()
    return PersonaRow(*row) if row else None


def find_by_handle(db: Connection, text: str) -> PersonaRow | None:
    """The persona with this handle, unless it is deleted."""
    row = db.execute(select(*_COLUMNS).where(persona.c.handle == text, _LIVES)).one_or_none()
    return PersonaRow(*row) if row else None


def rename(db: Connection, persona_id: PersonaId, display_name: str) -> None:
    """Change its display name."""
    db.execute(update(persona).where(persona.c.id == persona_id).values(display_name=display_name))


def set_standing(db: Connection, persona_id: bytes, *, strike: int, limited: int, suspended: int) -> bool:
    """Until when each holds, Unix seconds. False if there is no such persona."""
    values = {"strike_until": strike, "limited_until": limited, "suspended_until": suspended}
    return db.execute(update(persona).where(persona.c.id == persona_id).values(**values)).rowcount == 1


def add_accepted(db: Connection, more: Mapping[PersonaId, int]) -> None:
    """So many more, or fewer, of each one's posts were let stand."""
    if more:
        db.execute(_ADD_ACCEPTED, [{"b_id": persona_id, "b_more": n} for persona_id, n in more.items()])


def erase_persona(db: Connection, persona_id: PersonaId) -> None:
    """Nothing is left but the id, which is never reused, and its key."""
    empty = {"handle": "", "display_name": "", "created_at": 0, "accepted": 0, "deleted": 1}
    standing = {"strike_until": 0, "limited_until": 0, "suspended_until": 0}
    db.execute(update(persona).where(persona.c.id == persona_id).values(**empty, **standing))
    delete_tokens(db, persona_id)


def insert_token(db: Connection, hashed: bytes, persona_id: PersonaId, *, expires: int) -> None:
    """A login token of this persona, by its hash."""
    db.execute(insert(token).values(hash=hashed, persona_id=persona_id, expires=expires))


def spend(db: Connection, mark: bytes, *, expires: int) -> bool:
    """Let a nonce count, until this Unix second; False where it did before."""
    return db.execute(upsert(spent).on_conflict_do_nothing(), {"mark": mark, "expires": expires}).rowcount == 1


def is_spent(db: Connection, mark: bytes) -> bool:
    """Whether it counted before."""
    return db.execute(select(spent.c.mark).where(spent.c.mark == mark)).first() is not None


async def peek_token(database: Database, hashed: bytes, *, now: int) -> PersonaRow | None:
    """Whose login token this is; None if unknown or expired."""
    row = await database.peek(_FIND_TOKEN, {"b_hash": hashed, "b_now": now})
    return PersonaRow(*row) if row else None


def delete_token(db: Connection, hashed: bytes) -> None:
    """End one login."""
    db.execute(delete(token).where(token.c.hash == hashed))


def delete_tokens(db: Connection, persona_id: bytes) -> None:
    """End every login of a persona."""
    db.execute(delete(token).where(token.c.persona_id == persona_id))
