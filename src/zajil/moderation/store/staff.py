"""Statements about staff: who they are, by which keys, and which sessions are open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from zajil.moderation.store.people import staff, staff_invite, staff_key, staff_session


class StaffRow(NamedTuple):
    """A member of staff. languages, categories: spaces between; empty for all. Times: Unix seconds.

    private: 1 for who may read reports from private chats.
    """

    id: bytes
    name: str
    role: str
    languages: str
    categories: str
    private: int
    created_at: int
    revoked_at: int | None


class InviteRow(NamedTuple):
    """An invite, by the SHA-256 of its code. staff_id: for one more key of a known member. made_by: empty: the host."""

    hash: bytes
    staff_id: bytes | None
    role: str
    languages: str
    categories: str
    private: int
    made_by: bytes
    expires_at: int


class KeyRow(NamedTuple):
    """A key. kind: passkey or ed25519. id: credential id, or `key_id_of`. uses: its signature counter."""

    id: bytes
    staff_id: bytes
    kind: str
    public: bytes
    label: str
    uses: int
    created_at: int


class SessionRow(NamedTuple):
    """An open session, by the SHA-256 of its token."""

    hash: bytes
    staff_id: bytes
    key_id: bytes
    opened_at: int
    used_at: int
    stepped_up_at: int
    expires_at: int


_STAFF = [staff.c[name] for name in StaffRow._fields]
_INVITE = [staff_invite.c[name] for name in InviteRow._fields]
_KEY = [staff_key.c[name] for name in KeyRow._fields]
_SESSION = [staff_session.c[name] for name in SessionRow._fields]


def insert_member(db: Connection, row: StaffRow) -> None:
    """A new member."""
    db.execute(insert(staff), row._asdict())


def find_member(db: Connection, staff_id: bytes) -> StaffRow | None:
    """The member with this id, revoked ones too."""
    row = db.execute(select(*_STAFF).where(staff.c.id == staff_id)).one_or_none()
    return StaffRow(*row) if row else None


def all_members(db: Connection) -> list[StaffRow]:
    """Everybody, by when they came."""
    return [StaffRow(*row) for row in db.execute(select(*_STAFF).order_by(staff.c.created_at, staff.c.id))]


def count_admins(db: Connection) -> int:
    """How many admins there are."""
    found = select(func.count()).select_from(staff).where(staff.c.role == "admin", staff.c.revoked_at.is_(None))
    return int(db.execute(found).scalar_one())


def revoke_member(db: Connection, staff_id: bytes, *, now: int) -> None:
    """Nobody comes in by their keys any more, nor by an invite for them or of theirs, and what is open ends."""
    db.execute(update(staff).where(staff.c.id == staff_id, staff.c.revoked_at.is_(None)).values(revoked_at=now))
    db.execute(delete(staff_session).where(staff_session.c.staff_id == staff_id))
    db.execute(delete(staff_invite).where((staff_invite.c.staff_id == staff_id) | (staff_invite.c.made_by == staff_id)))
    db.execute(delete(staff_key).where(staff_key.c.staff_id == staff_id))


def count_private_sessions(db: Connection, *, now: int, idle_s: int, kinds: Sequence[str]) -> int:
    """Sessions in force of members who may read private reports. kinds: of keys whose sessions count."""
    alive = (staff_session.c.expires_at > now) & (staff_session.c.used_at > now - idle_s)
    reads = (staff.c.private == 1) & staff.c.revoked_at.is_(None) & staff_key.c.kind.in_(kinds)
    joined = staff_session.join(staff, staff.c.id == staff_session.c.staff_id)
    joined = joined.join(staff_key, staff_key.c.id == staff_session.c.key_id)
    return int(db.execute(select(func.count()).select_from(joined).where(alive & reads)).scalar_one())


def insert_invite(db: Connection, row: InviteRow) -> None:
    """A new invite."""
    db.execute(insert(staff_invite), row._asdict())


def find_invite(db: Connection, hashed: bytes, *, now: int) -> InviteRow | None:
    """The invite with this hash, unless it is over."""
    found = select(*_INVITE).where(staff_invite.c.hash == hashed, staff_invite.c.expires_at > now)
    row = db.execute(found).one_or_none()
    return InviteRow(*row) if row else None


def spend_invite(db: Connection, hashed: bytes) -> bool:
    """The invite is used up; False if somebody was faster."""
    return db.execute(delete(staff_invite).where(staff_invite.c.hash == hashed)).rowcount == 1


def insert_key(db: Connection, row: KeyRow) -> None:
    """One more key of a member."""
    db.execute(insert(staff_key), row._asdict())


def find_key(db: Connection, key_id: bytes) -> KeyRow | None:
    """The key with this id."""
    row = db.execute(select(*_KEY).where(staff_key.c.id == key_id)).one_or_none()
    return KeyRow(*row) if row else None


def keys_of(db: Connection, staff_id: bytes, *, kind: str | None = None) -> list[KeyRow]:
    """A member's keys, oldest first."""
    found = select(*_KEY).where(staff_key.c.staff_id == staff_id).order_by(staff_key.c.created_at, staff_key.c.id)
    if kind is not None:
        found = found.where(staff_key.c.kind == kind)
    return [KeyRow(*row) for row in db.execute(found)]


def count_keys(db: Connection) -> dict[bytes, int]:
    """How many keys each member has."""
    found = select(staff_key.c.staff_id, func.count()).group_by(staff_key.c.staff_id)
    return {row[0]: int(row[1]) for row in db.execute(found)}


def set_uses(db: Connection, key_id: bytes, uses: int) -> None:
    """A passkey's own counter of signatures."""
    db.execute(update(staff_key).where(staff_key.c.id == key_id).values(uses=uses))


def insert_session(db: Connection, row: SessionRow) -> None:
    """A session was opened."""
    db.execute(insert(staff_session), row._asdict())


def find_session(db: Connection, hashed: bytes) -> SessionRow | None:
    """The session of this token's hash."""
    row = db.execute(select(*_SESSION).where(staff_session.c.hash == hashed)).one_or_none()
    return SessionRow(*row) if row else None


def touch_session(db: Connection, hashed: bytes, *, now: int) -> None:
    """The session was used."""
    db.execute(update(staff_session).where(staff_session.c.hash == hashed).values(used_at=now))


def step_up_session(db: Connection, hashed: bytes, *, now: int) -> None:
    """Its key was asked again."""
    values = {"used_at": now, "stepped_up_at": now}
    db.execute(update(staff_session).where(staff_session.c.hash == hashed).values(**values))


def delete_session(db: Connection, hashed: bytes) -> None:
    """The session is over."""
    db.execute(delete(staff_session).where(staff_session.c.hash == hashed))


def forget(db: Connection, *, now: int, idle_s: int, left_s: int) -> int:
    """Drop sessions and invites that are over, and the names of who left long ago; how many rows."""
    idle = (staff_session.c.expires_at <= now) | (staff_session.c.used_at <= now - idle_s)
    gone = db.execute(delete(staff_session).where(idle)).rowcount
    gone += db.execute(delete(staff_invite).where(staff_invite.c.expires_at <= now)).rowcount
    left = staff.c.revoked_at.is_not(None) & (staff.c.revoked_at <= now - left_s) & (staff.c.name != "")
    blank = {"name": "", "languages": "", "categories": "", "private": 0}
    return gone + db.execute(update(staff).where(left).values(**blank)).rowcount
