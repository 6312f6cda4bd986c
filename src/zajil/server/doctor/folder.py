"""Checks of the data directory: who can read it, what is in it, on what kind of disk, and when it was saved last."""

from __future__ import annotations

import contextlib
import pwd
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy.exc import SQLAlchemyError

from zajil.engine.blobs import KEPT_FREE_BYTES
from zajil.engine.keys import FILE_NAME as KEY_FILE
from zajil.engine.keys import KeyFileError, Keys
from zajil.engine.moderationkeys import FILE_NAME as LOG_KEY_FILE
from zajil.engine.moderationkeys import ModerationKeys
from zajil.engine.pushkeys import FILE_NAME as PUSH_KEY_FILE
from zajil.engine.pushkeys import load_push_key
from zajil.engine.reachkeys import FILE_NAME as REACH_KEY_FILE
from zajil.engine.reachkeys import ReachKeys
from zajil.engine.sql.clockguard import is_jump, read_last_run
from zajil.engine.sql.database import is_outage, say_outage
from zajil.engine.sql.marks import (
    ForeignFile,
    Mark,
    compare,
    mark_of_log,
    mark_of_name,
    mark_of_push,
    marks_of_keys,
    read_marks,
)
from zajil.engine.sql.sqlite.database import FILE_NAME as DATABASE
from zajil.engine.sql.state import RETENTION
from zajil.moderation.private.untold import TRIES_MAX, count_aside
from zajil.protocol.errors import ZajilError
from zajil.server.backup.making import KEY_FILES, STAMP_FILE
from zajil.server.config import ConfigError, Settings
from zajil.server.doctor.finding import Finding
from zajil.server.schema import find_database, find_loss, find_revision, newest_revision, say_empty

_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "fuse.sshfs", "fuse.glusterfs"}
)
_ROOM: Final = 4 * KEPT_FREE_BYTES
"""Below this an operator is told; at a quarter of it the server takes no more files."""
_CLOCK_S: Final = 120
_BACKUP_DAYS: Final = 7
_MIB: Final = 1 << 20
_UNTOLD: Final = "SELECT count(*) FROM mod_untold WHERE tries >= :tries"
"""As `count_aside`, of a file that is only read."""


def check_files(data: Path, settings: Settings | None = None) -> Finding:
    """Whether all belongs to one user, nobody else can read keys, and secrets that the settings name are there."""
    owner = data.stat().st_uid
    for path in (data, *sorted(data.iterdir())):
        if path.lstat().st_uid != owner and path.name != "lost+found":  # the file system's own
            return Finding(
                "files", False, "files-foreign", {"file": str(path), "user": _name(owner), "folder": str(data)}
            )
    secrets = _named(settings) if settings is not None else ()
    for name in (*KEY_FILES, *secrets):
        path = data / name
        if _is_open(path):
            return Finding("files", False, "files-open", {"file": str(path)})
    if data.stat().st_mode & 0o022:
        return Finding("files", False, "files-open", {"file": str(data)})
    for name in secrets:
        if not (data / name).is_file():
            return Finding("files", False, "files-missing", {"file": str(data / name)})
    return Finding("files", True, "files-private")


def check_database(data: Path, settings: Settings) -> Finding:
    """Whether it can be read, is of this version, was used with these key files, and all it decided could be told."""
    if not settings.database and not (data / DATABASE).exists():
        if lost := find_loss(data):
            return Finding("database", False, "database-unread", {"remark": lost})
        return Finding("database", True, "database-none")
    try:
        stamped, known, untold = _look_into(data, settings)
    except (ConfigError, ZajilError, sqlite3.Error, SQLAlchemyError, OSError) as fault:
        remark = say_outage(fault)
        if settings.database and is_outage(fault):
            values = {"place": _place(settings), "remark": remark}
            return Finding("database", False, "database-away", values)
        return Finding("database", False, "database-unread", {"remark": remark})
    if not stamped and not (data / KEY_FILE).exists():
        return Finding("database", True, "database-none")
    if not stamped:
        place = _place(settings) or str(data / DATABASE)
        return Finding("database", False, "database-unread", {"remark": say_empty(place, data)})
    newest = newest_revision()
    values = {"schema": stamped, "newest": newest}
    if stamped > newest:
        return Finding("database", False, "database-newer", values)
    if stamped < newest:
        return Finding("database", False, "database-old", values)
    if foreign := _find_foreign(data, settings, known):
        return Finding("database", False, "database-foreign", {"file": foreign})
    if untold:
        return Finding("database", False, "database-untold", {"n": untold})
    return Finding("database", True, "database-good", values)


def check_clock(data: Path, settings: Settings, *, now: float) -> Finding:
    """Whether something was accepted at a time that this clock has not reached yet, or retention ran long before."""
    ahead = 0.0
    if not settings.database and (data / DATABASE).exists():
        with contextlib.suppress(sqlite3.Error), _opened(data) as connection:
            ((newest,),) = connection.execute("SELECT max(ts) FROM message").fetchall()
            ahead = (newest or 0) / 1000 - now
    if ahead > _CLOCK_S:
        return Finding("clock", False, "clock-behind", {"seconds": int(ahead)})
    last = _last_run(data, settings)
    if last is not None and is_jump(last, now, every_s=settings.retention_every_s):
        return Finding("clock", False, "clock-ahead", {"days": int(now - last) // 86_400})
    return Finding("clock", True, "clock-good")


def check_disk(data: Path, *, room: int = _ROOM, mounts: str | None = None) -> Finding:
    """Free space, and whether the database lies where locks of files cannot be trusted.

    room: bytes that should be free. mounts: as /proc/self/mountinfo has it; None to read that.
    """
    free = shutil.disk_usage(data).free
    kind = _file_system(data.resolve(), _read(Path("/proc/self/mountinfo")) if mounts is None else mounts)
    if kind in _NETWORK:
        return Finding("disk", False, "disk-network", {"kind": kind})
    if free < room:
        return Finding("disk", False, "disk-full", {"free": free // _MIB, "room": room // _MIB})
    return Finding("disk", True, "disk-roomy", {"free": free // _MIB})


def check_backup(data: Path, *, now: float) -> Finding:
    """When `zajil backup` was last whole."""
    try:
        made = int(_read(data / STAMP_FILE))
    except ValueError:
        return Finding("backup", False, "backup-none")
    days = max(0, int(now - made) // 86_400)
    return Finding(
        "backup", days <= _BACKUP_DAYS, "backup-old" if days > _BACKUP_DAYS else "backup-fresh", {"days": days}
    )


def _named(settings: Settings) -> tuple[str, ...]:
    """Further files with a secret that a server with these settings reads."""
    named = (
        *(settings.bus_secret_file, settings.calls.relay_secret_file, settings.moderation.judge_key_file),
        settings.blobs_key_file if settings.blobs != "disk" else "",
    )
    return tuple(name for name in named if name)


def _place(settings: Settings) -> str:
    """Address of PostgreSQL, "" for a file of SQLite."""
    if not settings.database:
        return ""
    from zajil.engine.sql.postgres.connection import find_address

    return find_address(settings.database)


def _look_into(data: Path, settings: Settings) -> tuple[str, list[Mark], int]:
    """Which migration the database is at, what it was used with, and how many decisions of moderators can be told to
    nobody; both of this version's own alone.

    A file is only read: whoever asks may be another user than the server's.
    """
    if not settings.database:
        with _opened(data) as connection:
            found = (connection.execute("SELECT version_num FROM alembic_version").fetchone() or ("",))[0]
            if found != newest_revision():
                return str(found), [], 0
            marked = connection.execute("SELECT file, mark FROM key_mark").fetchall()
            ((untold,),) = connection.execute(_UNTOLD, {"tries": TRIES_MAX}).fetchall()
            return str(found), marked, int(untold)
    database = find_database(data, settings.database)
    try:
        stamped = database.read_sync(find_revision) or ""
        if stamped != newest_revision():
            return stamped, [], 0
        return stamped, database.read_sync(read_marks), database.read_sync(count_aside)
    finally:
        database.close()


def _last_run(data: Path, settings: Settings) -> int | None:
    """Unix second of the last run of retention; None before the first, and where the database does not tell."""
    if not settings.database:
        with contextlib.suppress(sqlite3.Error), _opened(data) as connection:
            found = connection.execute("SELECT value FROM server_state WHERE name = ?", (RETENTION,)).fetchone()
            return int(found[0]) if found else None
        return None
    with (
        contextlib.suppress(ConfigError, ZajilError, SQLAlchemyError),
        contextlib.closing(find_database(data, settings.database)) as db,
    ):
        return db.read_sync(read_last_run)
    return None


def _find_foreign(data: Path, settings: Settings, known: list[Mark]) -> str:
    """The file that is not the one which the database was used with, or is lost; "" where all are."""
    try:
        compare(known, [mark_of_name(settings.server_name)])
        if any(file == KEY_FILE for file, _ in known):
            compare(known, marks_of_keys(Keys.load(data / KEY_FILE)))
            ReachKeys.load(data / REACH_KEY_FILE)  # made by the same first start, and never again
        if any(file == PUSH_KEY_FILE for file, _ in known):
            compare(known, [mark_of_push(load_push_key(data / PUSH_KEY_FILE))])
        is_signed = settings.moderation.enabled and any(file == LOG_KEY_FILE for file, _ in known)
        if is_signed or (data / LOG_KEY_FILE).exists():
            compare(known, [mark_of_log(ModerationKeys.load(data / LOG_KEY_FILE))])
    except ForeignFile as other:
        return other.file
    except KeyFileError as lost:
        file = str(lost).partition(" ")[0]
        # One that others can read is told as such: whoever took it for lost would put an older one in its place.
        return "" if _is_open(data / file) else file
    return ""


def _is_open(path: Path) -> bool:
    """Whether others on this machine can read it."""
    return path.exists() and bool(path.stat().st_mode & 0o077)


@contextlib.contextmanager
def _opened(data: Path) -> Iterator[sqlite3.Connection]:
    uri = f"file:{quote(str((data / DATABASE).resolve()))}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
        yield connection


def _file_system(folder: Path, mounts: str) -> str:
    """The kind of the one that this folder is on, as the kernel names it; "" where it does not say."""
    found = ("", "")
    for line in mounts.splitlines():
        fields, _, kind = line.partition(" - ")
        parts = fields.split(" ")
        if len(parts) > 4 and folder.is_relative_to(parts[4].replace("\\040", " ")) and len(parts[4]) >= len(found[0]):
            found = parts[4], kind.split(" ")[0]
    return found[1]


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
