"""What moderators decided about an account takes effect here: no login, until a day or for good, and again logins."""

from __future__ import annotations

from sqlalchemy import Connection

from zajil.auth import store
from zajil.auth.store import DeviceRow, MeasureRow
from zajil.protocol.ids import AccountId


def suspend(db: Connection, account_id: AccountId, *, until: int, statement: bytes) -> None:
    """The account's logins end and no new one opens. until: Unix seconds, 0 for never. statement: sealed by the caller.

    Nothing happens where the account is gone.
    """
    if store.find_state(db, account_id) not in (store.ACTIVE, store.SUSPENDED):
        return
    store.set_state(db, account_id, store.SUSPENDED)
    store.drop_tokens(db, account_id)
    store.put_measure(db, MeasureRow(account_id, until, statement))


def find(db: Connection, account_id: AccountId) -> MeasureRow | None:
    """Why and until when an account is suspended."""
    return store.find_measure(db, account_id)


def devices(db: Connection, account_id: AccountId) -> list[DeviceRow]:
    """The account's devices, whether it is suspended or not."""
    return store.devices_of(db, account_id)


def lift(db: Connection, account_id: AccountId) -> None:
    """The account can log in again, if it was suspended."""
    store.drop_measure(db, account_id)
    if store.find_state(db, account_id) == store.SUSPENDED:
        store.set_state(db, account_id, store.ACTIVE)


def lift_if_over(db: Connection, account_id: AccountId, *, now: int) -> MeasureRow | None:
    """What still suspends the account; one whose time is over is lifted, and then it is None."""
    row = store.find_measure(db, account_id)
    if row is not None and row.until and row.until <= now:
        lift(db, account_id)
        return None
    return row
