"""Logins of personas: a signed challenge for a token of 32 random bytes, good for an hour, stored as its hash.

An unknown persona, a wrong signature and a bad nonce answer alike and cost the same work.
"""

from __future__ import annotations

from sqlalchemy import Connection

from zajil.channels.context import TOKEN_BYTES, TOKEN_LIFE_S, CallingPersona, Channels, digest
from zajil.channels.identity.challenge import SPENT_S, mark_of
from zajil.channels.rules.trust import decide_trust
from zajil.channels.store import personas
from zajil.channels.store.personas import PersonaRow
from zajil.engine.nobody import NOBODY
from zajil.engine.sql import answers
from zajil.protocol.control import B32
from zajil.protocol.errors import Unavailable, ZajilError, error
from zajil.protocol.ids import PersonaId
from zajil.protocol.public.api import PersonaSession
from zajil.protocol.public.persona import check_login, persona_id_of


def challenge(space: Channels, persona_id: PersonaId) -> bytes:
    """A login nonce (32 bytes, 60 s), whether or not the persona exists."""
    return space.challenges.issue(persona_id, now_ms=space.now_ms())


async def log_in(
    space: Channels, *, persona_id: PersonaId, nonce: bytes, signature: bytes, prefix: bytes
) -> PersonaSession:
    """A token for the persona that signed this login; a suspended one reads its notices by it, and appeals.

    Raises bad-challenge, slow-down.
    """
    row = await space.db.read(lambda db: personas.find_persona(db, persona_id))
    try:
        key = row.key if row else NOBODY
        check_login(key, signature, origin=space.origin, nonce=nonce)
        if persona_id_of(key) != persona_id or row is None:
            raise error("bad-challenge")
        space.challenges.check(nonce, persona_id, now_ms=space.now_ms())
        if await space.db.read(lambda db: personas.is_spent(db, mark_of(nonce))):
            raise error("bad-challenge")
    except Unavailable:
        raise  # nobody failed at anything
    except ZajilError:
        space.limits.take("failed_token", prefix, now=space.clock())
        raise
    space.limits.take("persona_login", persona_id, now=space.clock())
    issued = PersonaSession(B32(space.random(TOKEN_BYTES)), space.now() + TOKEN_LIFE_S)
    keep = answers.keeper()

    def write(db: Connection) -> None:
        if not personas.spend(db, mark_of(nonce), expires=space.now() + SPENT_S):
            raise error("bad-challenge")  # used a moment ago
        personas.insert_token(db, digest(issued.token), persona_id, expires=issued.expires)
        keep(db, issued)

    await space.db.write(write)
    return issued


async def check_persona(space: Channels, token: bytes) -> CallingPersona:
    """The persona a token stands for. Raises AuthError `token-expired` (also unknown), Refused `persona-suspended`."""
    row = await _find(space, token)
    if space.now() < row.suspended_until:
        raise error("persona-suspended", detail={"until": row.suspended_until})
    return _calling(space, row)


async def check_whoever(space: Channels, token: bytes) -> CallingPersona:
    """The persona a token stands for, a suspended one too: what was decided about it, it may read and appeal.

    Raises AuthError `token-expired`.
    """
    return _calling(space, await _find(space, token))


async def _find(space: Channels, token: bytes) -> PersonaRow:
    row = await personas.peek_token(space.db, digest(token), now=space.now())
    if row is None:
        raise error("token-expired")
    return row


def _calling(space: Channels, row: PersonaRow) -> CallingPersona:
    return CallingPersona(row.id, trust_of(space, row), row.limited_until, row.accepted, row.handle, row.display_name)


def trust_of(space: Channels, row: PersonaRow) -> int:
    """How far this persona is trusted now, 0..2."""
    return decide_trust(
        created_at=row.created_at, accepted=row.accepted, strike_until=row.strike_until, now=space.clock()
    )


async def log_out(space: Channels, token: bytes) -> None:
    """End one login; an unknown token is no error."""
    await space.db.write(lambda db: personas.delete_token(db, digest(token)))
