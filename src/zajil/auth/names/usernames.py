"""Usernames: an account takes one by its key, others find the account by it. The names themselves never come here.

A key is a slow hash of the skeleton of a name, so whoever has the database has to guess, one Argon2id a guess, and
names that look alike have one key. A released name is nobody else's for 90 days: who knew it must not reach another
person by it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.auth.context import Auth, CallingDevice
from zajil.auth.names import store
from zajil.auth.store import QUARANTINE_S
from zajil.protocol.contacts.wire import FoundUsername
from zajil.protocol.errors import error
from zajil.protocol.ids import B16

RELEASED_MAX: Final = 5
"""So many names one account may keep from others by taking and leaving them."""


async def find_username(auth: Auth, caller: CallingDevice, key: bytes) -> FoundUsername:
    """Whose username this is. Raises `gone` for nobody's, and for that of an account that is suspended or ended."""
    auth.limits.take("username_lookup", caller.account_id, now=auth.clock())
    holder = await auth.db.read(lambda db: store.find_holder(db, key))
    if holder is None:
        raise error("gone")
    return FoundUsername(B16(holder))


async def take_username(auth: Auth, caller: CallingDevice, key: bytes) -> None:
    """The caller's account has this username, and no other. Raises `handle-taken`, `quota`, `slow-down`."""
    auth.limits.take("username_write", caller.account_id, now=auth.clock())
    now = auth.now()

    def work(db: Connection) -> None:
        if not store.take(db, key, caller.account_id, now=now, until=now + QUARANTINE_S):
            raise error("handle-taken")
        if store.count_released(db, caller.account_id, now=now) > RELEASED_MAX:
            raise error("quota", "usernames")

    await auth.db.write(work)


async def release_username(auth: Auth, caller: CallingDevice, key: bytes) -> None:
    """The caller's username is nobody's. Another's, or none: nothing happens, with the same answer."""
    now = auth.now()

    def work(db: Connection) -> None:
        if store.find_holder(db, key) == caller.account_id:
            store.release(db, caller.account_id, until=now + QUARANTINE_S)

    # Taking is limited, and this by it: what changes nothing waits for no writer and keeps nobody else waiting.
    if await auth.db.read(lambda db: store.find_holder(db, key)) == caller.account_id:
        await auth.db.write(work)
