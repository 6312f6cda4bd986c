"""Statements about strikes."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, delete, select, update

from zajil.engine.sql.dialects import upsert
from zajil.moderation.store.people import strike
from zajil.moderation.store.tables import decision


class StrikeRow(NamedTuple):
    """A strike, by the decision it is for. revoked_at: when it was taken back. Times: Unix seconds."""

    decision_id: bytes
    persona: bytes
    category: str
    weight: int
    at: int
    expires_at: int
    revoked_at: int | None


_COLUMNS = [strike.c[name] for name in StrikeRow._fields]
_ADD = upsert(strike).on_conflict_do_nothing()


def add_strike(db: Connection, row: StrikeRow) -> bool:
    """A strike; False if there is one for this decision."""
    return db.execute(_ADD, row._asdict()).rowcount == 1


def revoke_strike(db: Connection, decision_id: bytes, *, now: int) -> StrikeRow | None:
    """The strike for this decision is taken back; as it was, None where there is none that counts."""
    this = (strike.c.decision_id == decision_id) & strike.c.revoked_at.is_(None)
    row = db.execute(select(*_COLUMNS).where(this)).one_or_none()
    if row is None:
        return None
    db.execute(update(strike).where(this).values(revoked_at=now))
    return StrikeRow(*row)


def has_strike_on(db: Connection, persona: bytes, basis: bytes) -> bool:
    """Whether this persona has a strike that counts for this judgement, or for a copy that it met."""
    found = select(strike.c.decision_id).join(decision, decision.c.id == strike.c.decision_id)
    of_it = (decision.c.basis == basis) | (decision.c.id == basis)
    theirs = (strike.c.persona == persona) & strike.c.revoked_at.is_(None)
    return db.execute(found.where(theirs, of_it)).first() is not None


def strikes_of(db: Connection, persona: bytes) -> list[StrikeRow]:
    """Every strike of a persona, oldest first."""
    found = select(*_COLUMNS).where(strike.c.persona == persona).order_by(strike.c.at, strike.c.decision_id)
    return [StrikeRow(*row) for row in db.execute(found)]


def expired_since(db: Connection, *, after: int, until: int) -> list[bytes]:
    """Personas with a strike that ended after the one second and up to the other."""
    ended = (strike.c.expires_at > after) & (strike.c.expires_at <= until)
    return list(db.execute(select(strike.c.persona).where(ended).distinct()).scalars())


def forget(db: Connection, *, now: int, limit: int) -> int:
    """Drop strikes that are over; how many."""
    old = select(strike.c.decision_id).where(strike.c.expires_at <= now).limit(limit).scalar_subquery()
    return db.execute(delete(strike).where(strike.c.decision_id.in_(old))).rowcount
