"""Device lists: an account's chain of signed lists. The newest says which devices exist; all are kept.

The server checks each new list against the one before (seq, prev, signature, key rotation) and refuses what clients
would refuse. A list that drops a device ends it: tokens in the same transaction, then mailbox, key packages and
connections. An empty list ends the account. Source: service.md 2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from zajil.auth import store
from zajil.auth.context import Auth, CallingDevice, RevokedDevice
from zajil.engine.sql.interface import number_at
from zajil.protocol.errors import Unavailable, ZajilError, error
from zajil.protocol.identity.objects import DeviceList, VerifiedList, hash_object, open_list, parse_object
from zajil.protocol.ids import AccountId, MailboxId
from zajil.protocol.limits import LISTS_PER_ANSWER


async def fetch_lists(auth: Auth, account_id: AccountId, *, first: int) -> list[bytes]:
    """The account's signed lists from seq `first` on, oldest first, at most 100. The caller was admitted before."""
    lists = await auth.db.read(lambda db: store.lists_from(db, account_id, first))
    return lists[:LISTS_PER_ANSWER]


async def all_lists(auth: Auth, account_id: AccountId) -> list[bytes]:
    """All signed lists of an account, oldest first, of one that is suspended or deleted too; empty for no account.

    For the server's own checks; nobody outside is told them.
    """
    return await auth.db.read(lambda db: store.lists_from(db, account_id, 1))


async def put_list(auth: Auth, caller: CallingDevice, data: bytes) -> None:
    """Make this the account's newest list. The same list again changes nothing.

    Raises stale-list, bad-signature, malformed, not-allowed (another account), slow-down.
    """
    before = await newest(auth, caller.account_id)
    if before is None:
        raise error("not-allowed")
    if before.object == data:
        await finish_revocations(auth)  # whoever asks again may have heard `busy` right after it was written
        return
    await replace(auth, before, open_next(data, before))


async def newest(auth: Auth, account_id: AccountId) -> VerifiedList | None:
    """The account's newest list; None if there is no such account."""
    return await auth.db.read(lambda db: _find_newest(db, account_id))


async def replace(
    auth: Auth, before: VerifiedList, new: VerifiedList, *, also: Callable[[Connection], None] | None = None
) -> None:
    """Put a verified list in the place of the one it follows, and carry out what it changes.

    also: written in the same transaction. Raises stale-list, malformed (a device number used before), slow-down.
    """
    account_id = new.list.account_id
    auth.limits.take("device_list_write", account_id, now=auth.clock())
    known = {entry.device_id for entry in before.list.devices}
    added = [
        store.DeviceRow(account_id, entry.device_id, entry.sig_pub, MailboxId(auth.random(16)))
        for entry in new.list.devices
        if entry.device_id not in known
    ]
    try:
        for row in added:
            # A device that was here before the server was restored has read more than a new mailbox would count.
            await auth.add_mailbox(row.mailbox_id, number_at(auth.now()))
        await auth.db.write(lambda db: _write(auth, db, before, new, added, also))
    except Unavailable:
        auth.doubt(row.mailbox_id for row in added)
        raise
    except ZajilError:
        for row in added:
            await auth.drop_mailbox(row.mailbox_id)
        raise
    await finish_revocations(auth)
    if not new.list.devices:
        await auth.forget_account(account_id)
    rows = await auth.db.read(lambda db: store.devices_of(db, account_id))
    await auth.notify_list(tuple(row.mailbox_id for row in rows), new.list.seq)


async def finish_revocations(auth: Auth) -> None:
    """Remove what the server still holds for revoked devices. Also run at the start, after a crash in between."""
    for row in await auth.db.read(store.revoked_devices):
        await auth.drop_device(RevokedDevice(row.account_id, row.device_id, row.mailbox_id))
        await auth.db.write(partial(store.delete_device, mailbox_id=row.mailbox_id))


def _find_newest(db: Connection, account_id: AccountId) -> VerifiedList | None:
    data = store.newest_list(db, account_id)
    if data is None:
        return None
    # Only verified lists are stored, so that no signature is checked again here.
    return VerifiedList(DeviceList.parse(parse_object(data).payload), data, hash_object(data))


def open_next(data: bytes, before: VerifiedList) -> VerifiedList:
    """The list that follows `before`, verified. Raises stale-list, bad-signature, malformed, not-allowed."""
    try:
        return open_list(data, before)
    except ZajilError as reason:
        # Alarms of a client are refusals here: a fork is a list built on something else than the newest one.
        replacement = {"list-fork": "stale-list", "key-changed": "not-allowed"}.get(reason.code, reason.code)
        raise error(replacement) from None


def _write(
    auth: Auth,
    db: Connection,
    before: VerifiedList,
    new: VerifiedList,
    added: list[store.DeviceRow],
    also: Callable[[Connection], None] | None,
) -> None:
    account_id = new.list.account_id
    found = _find_newest(db, account_id)
    if found is None or found.hash != before.hash:
        raise error("stale-list")
    used = store.last_device(db, account_id)
    if any(row.device_id <= used for row in added):
        raise error("malformed", "device number used before")
    store.insert_list(db, account_id, seq=new.list.seq, digest=new.hash, data=new.object)
    for row in added:
        store.insert_device(db, row, day=auth.today())
        store.raise_last_device(db, account_id, row.device_id)
    for entry in before.list.devices:
        if new.list.find_device(entry.device_id) is None:
            store.revoke_device(db, account_id, entry.device_id)
    if also is not None:
        also(db)
    if not new.list.devices:
        store.end_account(db, account_id, last_seq=new.list.seq, now=auth.now())


class ListedDevices(NamedTuple):
    """Seq of an account's newest list, and its devices."""

    list_seq: int
    devices: list[store.DeviceRow]


async def find_devices(auth: Auth, account_id: AccountId) -> ListedDevices | None:
    """Where an account's messages go; None unless it is active."""

    def read(db: Connection) -> ListedDevices | None:
        if store.find_state(db, account_id) != store.ACTIVE:
            return None
        return ListedDevices(store.newest_seq(db, account_id), store.devices_of(db, account_id))

    return await auth.db.read(read)
