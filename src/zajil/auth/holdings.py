"""How many rows the Authentication Service holds of one account, for its own eyes."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from zajil.auth.context import Auth, CallingDevice
from zajil.auth.tables import account, account_measure, contact_token, device, device_list, session_token, username


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
