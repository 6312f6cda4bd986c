"""The table of encrypted backups, and its statements. It has no column for an account, and no row says whose it is."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Table,
    delete,
    insert,
    select,
    update,
)

from zajil.engine.sql.database import METADATA, U64, describe

_KEPT = "400 days after it was last written, read or deleted"

backup = Table(
    "backup",
    METADATA,
    Column(
        "locator",
        LargeBinary,
        primary_key=True,
        info=describe("identifier", "made of a recovery key that only its holder has; of no account", _KEPT),
    ),
    Column(
        "auth_pub",
        LargeBinary,
        nullable=False,
        info=describe("key", "public key that writes of this row must verify under, used nowhere else", _KEPT),
    ),
    Column("version", U64, nullable=False, info=describe("counter", "how often it was written; only upwards", _KEPT)),
    Column(
        "blob",
        LargeBinary,
        nullable=False,
        info=describe("ciphertext", "the backup, of padded size, under the recovery key; empty once deleted", _KEPT),
    ),
    Column(
        "sig",
        LargeBinary,
        nullable=False,
        info=describe("key", "signature of this version, for whoever fetches it", _KEPT),
    ),
    Column("day", Integer, nullable=False, info=describe("time", "day it was last written or read", _KEPT)),
    Index("backup_day", "day"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


class BackupRow(NamedTuple):
    """One backup. day: since 1970."""

    locator: bytes
    auth_pub: bytes
    version: int
    blob: bytes
    sig: bytes
    day: int


_COLUMNS = [backup.c[name] for name in BackupRow._fields]


def find_backup(db: Connection, locator: bytes) -> BackupRow | None:
    """What lies there."""
    row = db.execute(select(*_COLUMNS).where(backup.c.locator == locator)).one_or_none()
    return BackupRow(*row) if row else None


def put_backup(db: Connection, row: BackupRow) -> None:
    """Write it, over what lies there."""
    delete_backup(db, row.locator)
    db.execute(insert(backup), row._asdict())


def touch_backup(db: Connection, locator: bytes, *, day: int) -> None:
    """Note the day of a use, writing only when the day changed."""
    db.execute(update(backup).where(backup.c.locator == locator, backup.c.day < day).values(day=day))


def delete_backup(db: Connection, locator: bytes) -> None:
    """Remove it; nothing happens where none is."""
    db.execute(delete(backup).where(backup.c.locator == locator))


def delete_untouched(db: Connection, *, first_day: int, limit: int) -> int:
    """Remove at most `limit` backups that nobody used since before `first_day`; returns how many went."""
    chosen = select(backup.c.locator).where(backup.c.day < first_day).limit(limit).scalar_subquery()
    return db.execute(delete(backup).where(backup.c.locator.in_(chosen))).rowcount
