"""Which files of the data directory a database belongs to: what it is used with it remembers, and takes nothing else.

With another `zajil.key` nothing would fail at once: new rows would be sealed under other keys, and what is found by a
keyed hash would not be found any more. So each start compares, in one transaction, before anything is served: of two
first starts at once, each with a key file of its own, one wins and the other one is refused.

A mark is derived from a key one-way, under a label of its own (`Keys.marks`), or is a hash of a public key; of the
server's name it is the name. A file may hold more keys than the database knows, as after `zajil admin keys rotate`;
one that lacks a known key is an older copy, or another server's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Column, Connection, LargeBinary, Table, Text, delete, insert, select

from zajil.engine.files import delete_file
from zajil.engine.keys import FILE_NAME as KEY_FILE
from zajil.engine.keys import KeyFileError, Keys
from zajil.engine.moderationkeys import FILE_NAME as LOG_KEY_FILE
from zajil.engine.moderationkeys import ModerationKeys
from zajil.engine.pushkeys import FILE_NAME as PUSH_KEY_FILE
from zajil.engine.sql.database import METADATA, Database, describe
from zajil.protocol.push.message import public_bytes

NAME_FILE: Final = "server_name"
_PUSH_LABEL: Final = b"zajil push mark v1\0"
_MARK_BYTES: Final = 8
_KEPT: Final = "kept, so that no other file is taken for it"

key_mark = Table(
    "key_mark",
    METADATA,
    Column("file", Text, primary_key=True, info=describe("flag", "which file of the data directory", _KEPT)),
    Column(
        "mark",
        LargeBinary,
        primary_key=True,
        info=describe("key", "tells a key of the file from others, not what it is; or the server's name", _KEPT),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

Mark = tuple[str, bytes]
"""Name of a file, and a mark of what must be in it."""
_REMEDIES: Final = {
    KEY_FILE: "it is another server's, or an older copy. Put back the one from the newest FILE.keys of `zajil backup`, "
    "or copy it from a server that runs on this database; where nobody has that key any more, `zajil admin keys "
    "accept-loss` says what goes with it",
    PUSH_KEY_FILE: "it is another server's, or an older copy. Put back the one from the newest FILE.keys of `zajil "
    "backup`, copy it from a server that runs on this database, or begin anew with `zajil admin push-forget`",
    LOG_KEY_FILE: "it is another server's. Put back the one from a FILE.keys of `zajil backup`, or copy it from a "
    "server that runs on this database",
    NAME_FILE: "the database is of the server {known!r}. Put back that name, in the file or as server_name in "
    "zajil.toml, or name another database",
}


class ForeignFile(KeyFileError):
    """A file is not the one that the database was used with. file: its name. remedy: where the right one is."""

    def __init__(self, file: str, remedy: str) -> None:
        super().__init__(f"{file} does not belong to this database: {remedy}. Nothing was changed")
        self.file = file
        self.remedy = remedy


def marks_of_keys(keys: Keys) -> list[Mark]:
    """Of `zajil.key`."""
    return [(KEY_FILE, bytes.fromhex(each)) for each in keys.marks()]


def mark_of_push(key: ec.EllipticCurvePrivateKey) -> Mark:
    """Of `push.key`, by its public half."""
    return PUSH_KEY_FILE, hashlib.sha256(_PUSH_LABEL + public_bytes(key)).digest()[:_MARK_BYTES]


def mark_of_log(keys: ModerationKeys) -> Mark:
    """Of `moderation.key`."""
    return LOG_KEY_FILE, keys.mark()


def mark_of_name(name: str) -> Mark:
    """Of the server's name."""
    return NAME_FILE, name.encode()


def read_marks(db: Connection) -> list[Mark]:
    """All that the database was used with."""
    return [(file, bytes(mark)) for file, mark in db.execute(select(key_mark.c.file, key_mark.c.mark))]


def check_log(db: Connection, keys: ModerationKeys) -> ModerationKeys:
    """These, if they are those of the database or it knows none yet. Raises ForeignFile."""
    compare(read_marks(db), [mark_of_log(keys)])
    return keys


def check_keys(database: Database, path: Path) -> None:
    """Raises KeyFileError where the database was used with a `zajil.key`, and this file is another one or not there."""
    known = database.read_sync(read_marks)
    if any(file == KEY_FILE for file, _ in known):
        compare(known, marks_of_keys(Keys.load(path)))


@contextmanager
def unmade(path: Path) -> Iterator[None]:
    """A file that this block makes is gone again where the block finds it foreign: the next start would take it.

    It would be told then that it has an older copy of something that was never used.
    """
    was_there = path.exists()
    try:
        yield
    except ForeignFile:
        if not was_there:
            delete_file(path)
        raise


def is_marked(db: Connection, file: str) -> bool:
    """Whether the database was used with a file of this name."""
    return db.execute(select(key_mark.c.mark).where(key_mark.c.file == file).limit(1)).first() is not None


def compare(known: Iterable[Mark], own: Collection[Mark]) -> None:
    """Raises ForeignFile where a file that `own` has marks of lacks what the database was used with."""
    files = {file for file, _ in own}
    for file, mark in sorted(known):
        if file in files and (file, mark) not in own:
            raise ForeignFile(file, _REMEDIES[file].format(known=mark.decode(errors="replace")))


def claim(database: Database, own: Collection[Mark]) -> None:
    """Compare, and remember what is new of `own`. Raises ForeignFile; then nothing was changed."""

    def write(db: Connection) -> None:
        known = read_marks(db)
        compare(known, own)
        rows = [{"file": file, "mark": mark} for file, mark in set(own) - set(known)]
        if rows:
            db.execute(insert(key_mark), rows)

    known = database.read_sync(read_marks)
    compare(known, own)
    if not set(own) <= set(known):
        database.write_sync(write)


def forget(db: Connection, file: str) -> None:
    """Another file of this name is taken from now on."""
    db.execute(delete(key_mark).where(key_mark.c.file == file))


def forget_marks(db: Connection, lost: Iterable[Mark]) -> None:
    """A file without these is taken from now on."""
    for file, mark in lost:
        db.execute(delete(key_mark).where(key_mark.c.file == file, key_mark.c.mark == mark))
