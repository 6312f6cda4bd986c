"""Registration codes: the operator makes them, a registration spends one use. They end after 30 days."""

from __future__ import annotations

from zajil.auth import store
from zajil.auth.secrets import DAY_S, INVITE_LIFE_DAYS, digest_of_code, new_invite_code
from zajil.engine.sql.database import Database


def create_invite(db: Database, *, uses: int, now: float) -> str:
    """A fresh code that `uses` people may register with (1..10,000). Synchronous: the admin command calls it.

    Raises ValueError for another number of uses.
    """
    if not 1 <= uses <= 10_000:
        raise ValueError("uses must be 1 to 10000")
    code = new_invite_code()
    db.write_sync(
        lambda connection: store.insert_invite(connection, digest_of_code(code), day=int(now) // DAY_S, uses=uses)
    )
    return code


def first_good_day(today: int) -> int:
    """Codes made before this day are over."""
    return today - INVITE_LIFE_DAYS + 1
