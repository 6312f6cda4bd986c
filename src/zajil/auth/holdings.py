"""How many rows the Authentication Service holds of one account, for its own eyes, and their end by the operator."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from zajil.auth import store
from zajil.auth.context import Auth, CallingDevice
from zajil.auth.tables import account, account_measure, contact_token, device, device_list, session_token, username
from zajil.protocol.ids import AccountId


async def count_rows(auth: Auth, caller: CallingDevice) -> Mapping[str, int]:
    """By table: the rows of the caller's account."""

    def count(db: Connection) -> dict[str, int]:
        tables = (device, device_list, session_token, contact_token, username, account_measure)
        columns = (account.c.id, *(table.c.account_id for table in tables))
        return {
            column.table.name: db.execute(select(func.count()).where(column == caller.account_id)).scalar_one()
            for column in columns
        }

    return await auth.db.read(count)


def end_account(db: Connection, account_id: AccountId, *, now: int) -> bool:
    """What an empty list of the owner does, where only the operator can do it; False for no account or an ended one.

    No list stays, as nobody here can sign the one without devices, and one with devices would let a chain go on. Logins
    end with the transaction. Mailboxes, key packages and connections of the devices end with `finish_revocations`, as
    after a crash: a running server comes by it, a stopped one begins with it. now: Unix seconds.
    """
    if store.find_state(db, account_id) not in (store.ACTIVE, store.SUSPENDED):
        return False
    for row in store.devices_of(db, account_id):
        store.revoke_device(db, account_id, row.device_id)
    store.end_account(db, account_id, last_seq=store.newest_seq(db, account_id) + 1, now=now)
    return True
