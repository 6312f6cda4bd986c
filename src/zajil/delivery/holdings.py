"""What the Delivery Service holds of one account, for its own eyes: stored rows as they rest, and their number."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select

from zajil.delivery.context import Delivery, DeviceCaller
from zajil.delivery.store import key_package
from zajil.engine.sql.interface import StoredRow
from zajil.protocol.errors import error
from zajil.protocol.ids import MailboxId


async def find_message(delivery: Delivery, caller: DeviceCaller, message_id: bytes) -> tuple[StoredRow, ...]:
    """The row of a message (16-byte id) and the own entries that point to it.

    Only while a mailbox of the caller's own account holds it: what others have still to fetch is not told, and neither
    is whether it exists. Raises Refused `gone`.
    """
    delivery.limits.take("row_read", caller.account_id, now=delivery.clock())
    found = await delivery.engine.find_rows(message_id, await _own_mailboxes(delivery, caller))
    if not found:
        raise error("gone")
    return found


async def count_rows(delivery: Delivery, caller: DeviceCaller) -> Mapping[str, int]:
    """By table: the rows of the caller's account."""
    delivery.limits.take("own_data", caller.account_id, now=delivery.clock())
    mine = select(func.count()).select_from(key_package).where(key_package.c.account_id == caller.account_id)
    packages: int = await delivery.db.read(lambda db: db.execute(mine).scalar_one())
    return {**await delivery.engine.count_rows(await _own_mailboxes(delivery, caller)), "key_package": packages}


async def _own_mailboxes(delivery: Delivery, caller: DeviceCaller) -> tuple[MailboxId, ...]:
    own = await delivery.find_devices(caller.account_id)
    return () if own is None else tuple(mailbox_id for _, mailbox_id in own.devices)
