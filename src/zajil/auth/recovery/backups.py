"""PUT, GET and DELETE /backup/{locator}: a blob under an unguessable name, written by the holder of one key.

Theory of operation. The first write pins `auth_pub`; every later one is signed by it and has a higher version, so an
old blob never comes back by replay, neither over a newer one nor over a deletion: of what was deleted the row stays,
with an empty blob, for the rest of its days. The same write again changes nothing: an answer may be lost. Nobody logs
in here, and no account is known, so limits go by address prefix for new ones and for whatever is not signed yet, and by
locator for the rest: behind one prefix may be thousands of people, and none of them uses up what the others need.
Source: service.md 2, Recovery key.
"""

from __future__ import annotations

import hmac

from sqlalchemy import Connection

from zajil.auth.context import Auth
from zajil.auth.recovery import store
from zajil.auth.recovery.store import BackupRow
from zajil.protocol.backups.wire import DeleteBackup, StoredBackup
from zajil.protocol.errors import error
from zajil.protocol.identity.recovery import check_backup, check_deletion
from zajil.protocol.ids import B32, B64, Blob
from zajil.protocol.limits import BACKUP_BYTES, BACKUP_LEAST_BYTES

KEPT_DAYS = 400
_ROWS = 100
_DELETED = b""
"""Stands for the blob of a backup that was deleted."""


async def put_backup(auth: Auth, locator: bytes, request: StoredBackup, *, prefix: bytes) -> None:
    """Write a backup, durably.

    Raises bad-signature (also for a key that is not the pinned one), stale-backup, too-big, malformed, slow-down,
    storage-full.
    """
    auth.limits.take("backup_prefix", prefix, now=auth.clock())
    blob, auth_pub = bytes(request.blob), bytes(request.auth_pub)
    if len(blob) > BACKUP_BYTES:
        raise error("too-big")
    if len(blob) < BACKUP_LEAST_BYTES:
        raise error("malformed", "backup shorter than any")
    check_backup(locator, auth_pub, blob, version=request.version, sig=bytes(request.sig))
    row = BackupRow(locator, auth_pub, request.version, blob, bytes(request.sig), auth.today())
    before = await auth.db.read(lambda db: store.find_backup(db, locator))
    if before is None:
        auth.limits.take("backup_new", prefix, now=auth.clock())
    elif hmac.compare_digest(before.auth_pub, auth_pub):
        auth.limits.take("backup_write", locator, now=auth.clock())
    if before is None or len(blob) > len(before.blob):
        auth.check_room(len(blob))
    await auth.db.write(lambda db: _write(db, row))


def _write(db: Connection, row: BackupRow) -> None:
    before = store.find_backup(db, row.locator)
    if before is not None and not hmac.compare_digest(before.auth_pub, row.auth_pub):
        raise error("bad-signature")
    if before is not None and before._replace(day=row.day) == row:
        store.touch_backup(db, row.locator, day=row.day)
        return
    if before is not None and row.version <= before.version:
        raise error("stale-backup")
    store.put_backup(db, row)


async def fetch_backup(auth: Auth, locator: bytes, *, prefix: bytes) -> StoredBackup:
    """What lies there, for whoever knows the name. Raises gone, slow-down; misses count against the prefix too."""
    row = await auth.db.read(lambda db: store.find_backup(db, locator))
    if row is None or not row.blob:
        auth.limits.take("failed_token", prefix, now=auth.clock())
        raise error("gone")
    auth.limits.take("backup_read", locator, now=auth.clock())  # of none that was only guessed: each takes memory
    if row.day < auth.today():
        await auth.db.write(lambda db: store.touch_backup(db, locator, day=auth.today()))
    return StoredBackup(B32(row.auth_pub), row.version, Blob(row.blob), B64(row.sig))


async def delete_backup(auth: Auth, locator: bytes, request: DeleteBackup, *, prefix: bytes) -> None:
    """Empty a backup for good. Where none is, or one of another key, nothing happens, with the same answer.

    Raises bad-signature, stale-backup (a deletion from before what is stored now), slow-down.
    """
    auth.limits.take("backup_prefix", prefix, now=auth.clock())
    auth_pub = bytes(request.auth_pub)
    check_deletion(locator, auth_pub, version=request.version, sig=bytes(request.sig))

    def write(db: Connection) -> None:
        row = store.find_backup(db, locator)
        if row is None or not hmac.compare_digest(row.auth_pub, auth_pub):
            return
        if request.version > row.version:
            sig = bytes(request.sig)
            store.put_backup(db, BackupRow(locator, auth_pub, request.version, _DELETED, sig, auth.today()))
        elif row.blob:
            raise error("stale-backup")

    await auth.db.write(write)


async def run_retention(auth: Auth) -> None:
    """Delete what nobody wrote, read or deleted for 400 days."""
    first_day = auth.today() - KEPT_DAYS
    while await auth.db.write(lambda db: store.delete_untouched(db, first_day=first_day, limit=_ROWS)) >= _ROWS:
        pass
