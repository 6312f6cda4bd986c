"""Registration codes: the operator and members make them, a registration spends one use. They end after 30 days.

A code does not say whose it is; of a member only the number of codes is kept, never who came with them.
"""

from __future__ import annotations

from sqlalchemy import Connection

from zajil.auth import store
from zajil.auth.context import Auth, CallingDevice
from zajil.auth.secrets import DAY_S, INVITE_LIFE_DAYS, digest_of_code, new_invite_code
from zajil.engine.sql import answers
from zajil.engine.sql.database import Database
from zajil.protocol.control import Passes


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


async def make_invites(auth: Auth, caller: CallingDevice, n: int) -> Passes:
    """Codes that a member gives to guests, each for one registration. Raises slow-down."""
    auth.limits.take("pass_invite", caller.account_id, now=auth.clock(), cost=n)
    made = Passes((), tuple(new_invite_code() for _ in range(n)))
    day, keep = auth.today(), answers.keeper()

    def write(db: Connection) -> None:
        for code in made.codes:
            store.insert_invite(db, digest_of_code(code), day=day, uses=1)
        store.count_invites(db, caller.account_id, n)
        keep(db, made)

    await auth.db.write(write)
    return made


def first_good_day(today: int) -> int:
    """Codes made before this day are over."""
    return today - INVITE_LIFE_DAYS + 1
