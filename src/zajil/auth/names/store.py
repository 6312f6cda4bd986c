"""Statements on usernames."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, insert, select, update

from zajil.auth.store import ACTIVE, NAME_RELEASED, NAME_USED
from zajil.auth.tables import account, username
from zajil.protocol.ids import AccountId

IN_USE, RELEASED, RESERVED = NAME_USED, NAME_RELEASED, 2
NOBODY = AccountId(b"")


def find_holder(db: Connection, key: bytes) -> AccountId | None:
    """The active account that uses this name."""
    found = (
        select(username.c.account_id)
        .join(account, account.c.id == username.c.account_id)
        .where(username.c.key == key, username.c.state == IN_USE, account.c.state == ACTIVE)
    )
    holder = db.execute(found).scalar_one_or_none()
    return None if holder is None else AccountId(bytes(holder))


def take(db: Connection, key: bytes, holder: AccountId, *, now: int, until: int) -> bool:
    """Give an account this name, and release the one it had. False where somebody else has, had or may have it.

    until: Unix second from which on the released one is free.
    """
    row = db.execute(
        select(username.c.account_id, username.c.state, username.c.until).where(username.c.key == key)
    ).first()
    if row is not None:
        is_free = row.state == RELEASED and row.until <= now
        if row.state == RESERVED or (row.account_id != holder and not is_free):
            return False
    release(db, holder, but=key, until=until)
    db.execute(delete(username).where(username.c.key == key))
    db.execute(insert(username).values(key=key, account_id=holder, state=IN_USE, until=0))
    return True


def release(db: Connection, holder: AccountId, *, until: int, but: bytes = b"") -> None:
    """Names that an account uses are released, all but one."""
    mine = (username.c.account_id == holder) & (username.c.state == IN_USE) & (username.c.key != but)
    db.execute(update(username).where(mine).values(state=RELEASED, until=until))


def count_released(db: Connection, holder: AccountId, *, now: int) -> int:
    """Names that an account released and that nobody else may have yet."""
    mine = (username.c.account_id == holder) & (username.c.state == RELEASED) & (username.c.until > now)
    return db.execute(select(func.count()).select_from(username).where(mine)).scalar_one()


def reserve(db: Connection, key: bytes) -> bool:
    """Nobody may have this name. False where somebody uses it."""
    row = db.execute(select(username.c.state, username.c.until).where(username.c.key == key)).first()
    if row is not None and row.state == IN_USE:
        return False
    # What is left of its 90 days is kept: ending the reservation must not hand the name to another person early.
    until = 0 if row is None else row.until
    db.execute(delete(username).where(username.c.key == key))
    db.execute(insert(username).values(key=key, account_id=NOBODY, state=RESERVED, until=until))
    return True


def is_reserved(db: Connection, key: bytes) -> bool:
    """Whether the operator keeps this name from everybody."""
    found = select(username.c.key).where(username.c.key == key, username.c.state == RESERVED)
    return db.execute(found).first() is not None


def end_reservation(db: Connection, key: bytes) -> bool:
    """A reserved name is free, at once or when its 90 days are over. False where it was not reserved."""
    reserved = (username.c.key == key) & (username.c.state == RESERVED)
    return db.execute(update(username).where(reserved).values(state=RELEASED)).rowcount == 1


def forget_released(db: Connection, *, now: int, rows: int) -> int:
    """Delete at most so many whose quarantine is over."""
    old = select(username.c.key).where(username.c.state == RELEASED, username.c.until <= now).limit(rows)
    return db.execute(delete(username).where(username.c.key.in_(old))).rowcount
