"""`zajil restore`: a backup's two files into a data directory that holds nothing.

Files and rows are read twice. The first reading writes nothing and opens nothing: whoever can write the archive could
name a database in its `zajil.toml` that is theirs, and have the password of it sent there. Only what the keys have
proved says where the rows go, and the second reading must be of the same bytes.

What it gives is written below `restoring/`, then moved to its place: the database in front, `zajil.key` last. A server
does not start on a used database without its keys, so none ever starts on half of a restore. A database of PostgreSQL
is filled in one transaction, which ends when all has been read and before anything is moved.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple

from zajil.engine import blobs, pushkeys
from zajil.engine import keys as key_file
from zajil.engine.keys import KeyFileError, Keys
from zajil.engine.sql.marks import key_mark, mark_of_push
from zajil.engine.sql.sqlite.database import FILE_NAME as DATABASE
from zajil.engine.sql.sqlite.database import TURN_SUFFIX
from zajil.server.backup.archive import (
    UNPROVEN,
    ArchiveReader,
    BackupError,
    Head,
    Kind,
    Part,
    Row,
    Rows,
    TableRows,
    copy_part,
)
from zajil.server.backup.making import KEYS_SUFFIX, PLAIN_FILES
from zajil.server.backup.places import name_database, named_database, open_sink
from zajil.server.backup.rows import RowSink
from zajil.server.config import CONFIG_FILE, refuse_password
from zajil.server.schema import LOCK_FILE, STAGE, hold_data

_CLOCK_S: Final = 600
"""How far behind the clock of the archive's machine this one may be: numbers go on from the later of the two."""
_HARMLESS: Final = frozenset({STAGE, LOCK_FILE, "lost+found"})
"""What may lie in the directory: of an earlier try, or a file system's own."""
_MARKED: Final = "0018"
"""The migration since which a database knows its keys; no version that has it writes archives of form 1."""


class Restored(NamedTuple):
    """What was found. made_at: Unix seconds of the backup."""

    server_name: str
    made_at: int
    rows: int
    attachments: int


class _Proved(NamedTuple):
    """What the first reading found to be whole, and of these keys. settings: its `zajil.toml`, b"" for none."""

    head: Head
    rows: Rows
    settings: bytes


def check_backup(archive: Path, *, keys_from: Path | None = None, unproven: bool = False) -> Restored:
    """Read both files to their ends without writing anything. unproven: as of `restore_backup`.

    Raises BackupError, OSError.
    """
    with _keys_of(archive, keys_from).open("rb") as file:
        secrets, key_head = _read_keys(file)
    with archive.open("rb") as file:
        reader = _open(file, "data")
        _check_pair(reader, key_head, secrets, unproven=unproven)
        return _read(reader, on_file=lambda _: None, on_rows=lambda *_: None, on_blob=lambda _: None)


def restore_backup(
    data: Path,
    archive: Path,
    *,
    keys_from: Path | None = None,
    attachments: bool = True,
    database: str | None = None,
    unproven: bool = False,
    clock_right: bool = False,
    now: float | None = None,
) -> Restored:
    """Fill this directory. keys_from: None for the file beside the archive. attachments: or leave them out.

    database: URL of a database of PostgreSQL without tables, "" for a file of SQLite, None for what the backup's
    `zajil.toml` names. unproven: take an archive of form 1 too, which anybody who could write to it may have made:
    it does not say where its rows go. now: Unix seconds; where the archive was made after that, this clock is behind,
    and new messages would have numbers that devices have seen. clock_right: it is not, the one that made it was ahead:
    numbers go on above both.
    Raises BackupError, ConfigError (a server runs there; a password in the URL), OSError.
    """
    refuse_password(database)
    with _keys_of(archive, keys_from).open("rb") as file:
        secrets, key_head = _read_keys(file)
    with archive.open("rb") as file:
        if not file.seekable():
            raise BackupError("backup-damaged", "a pipe is read once only, and this is read twice: save it first")
        reader = _open(file, "data")
        _check_pair(reader, key_head, secrets, unproven=unproven)
        with hold_data(data):
            used = sorted(path.name for path in data.iterdir() if path.name not in _HARMLESS)
            if used:
                raise BackupError("backup-not-empty", file=used[0])
            proved = _prove(reader)
            if database is None and proved.head.version == UNPROVEN and named_database(proved.settings):
                raise BackupError("backup-unproven-place")
            at = int(time.time() if now is None else now)
            if proved.head.made_at > at + _CLOCK_S and not clock_right:
                raise BackupError("backup-clock", f"made at {proved.head.made_at}, and it is {at}")
            file.seek(0)
            reader = _open(file, "data")
            _check_pair(reader, key_head, secrets, unproven=unproven)
            stage = data / STAGE
            shutil.rmtree(stage, ignore_errors=True)
            stage.mkdir(mode=0o700)
            with _emptied(stage):
                for name, content in secrets.items():
                    _write(stage / name, content)
                with closing(_Filling(stage, proved, database, at=max(at, proved.head.made_at))) as filling:
                    found = _read(
                        reader,
                        on_file=filling.take_file,
                        on_rows=filling.take_rows,
                        on_blob=filling.take_blob if attachments else None,
                        wanted=proved,
                    )
                    filling.finish()
            (stage / (DATABASE + TURN_SUFFIX)).unlink(missing_ok=True)
            _settle(stage)
            _move(stage, data)
    return found


@contextmanager
def _emptied(stage: Path) -> Iterator[None]:
    """Where what is done here fails, no key and no row stays in this folder; it stays, so that no server starts."""
    try:
        yield
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir(mode=0o700, exist_ok=True)
        raise


def _prove(reader: ArchiveReader) -> _Proved:
    """Read files and rows to their end without writing anything. Raises BackupError."""
    settings = b""

    def take(part: Part) -> None:
        nonlocal settings
        if part.file == CONFIG_FILE:
            settings = part.content.read()

    _read(reader, on_file=take, on_rows=lambda *_: None, on_blob=None)
    if reader.rows is None:
        raise _too_early()
    return _Proved(reader.head, reader.rows, settings)


class _Filling:
    """Writes a backup's parts below `stage`, and its rows to where they belong."""

    def __init__(self, stage: Path, proved: _Proved, database: str | None, *, at: int) -> None:
        """at: Unix second of the restore."""
        self._stage, self._head, self._database, self._at = stage, proved.head, database, at
        self._settings = proved.settings
        self._opened: RowSink | None = None
        self._marks: list[Row] = []
        self._blobs = stage / blobs.FOLDER
        self._blobs.mkdir(mode=0o700)

    def take_file(self, part: Part) -> None:
        if part.file != CONFIG_FILE:  # which `finish` writes, as it was proved
            _write(self._stage / part.file, part.content.read())

    def take_rows(self, table: str, rows: list[Row]) -> None:
        self._sink().add(table, rows)
        if table == key_mark.name:
            self._marks += rows

    def take_blob(self, part: Part) -> None:
        path = self._blobs / part.blob.hex()[:2] / part.blob.hex()
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            copy_part(part, file)
        os.utime(path, (0, 0))

    def finish(self) -> None:
        """The database is whole, and the settings name it."""
        self._sink().finish(self._head.counters, restored_at=self._at, unmarked=self._is_push_lost())
        if self._settings:
            _write(self._stage / CONFIG_FILE, self._settings)

    def _is_push_lost(self) -> bool:
        """Whether devices were woken under another `push.key` than the keys beside the archive have."""
        columns = self._head.columns.get(key_mark.name, ())
        if set(columns) != set(key_mark.columns.keys()):
            return False
        file, mark = columns.index("file"), columns.index("mark")
        known = {row[mark] for row in self._marks if row[file] == pushkeys.FILE_NAME}
        path = self._stage / pushkeys.FILE_NAME
        try:
            own = {mark_of_push(pushkeys.load_push_key(path))[1]} if path.exists() else set()
        except KeyFileError as fault:
            raise BackupError("backup-damaged", str(fault)) from fault
        return not known <= own

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()

    def _sink(self) -> RowSink:
        if self._opened is None:
            url = named_database(self._settings) if self._database is None else self._database
            if url != named_database(self._settings):
                self._settings = name_database(self._settings, url)
            self._opened = open_sink(self._stage, url, schema=self._head.schema, columns=self._head.columns)
        return self._opened


def _read(
    reader: ArchiveReader,
    *,
    on_file: Callable[[Part], None],
    on_rows: Callable[[str, list[Row]], None],
    on_blob: Callable[[Part], None] | None,
    wanted: _Proved | None = None,
) -> Restored:
    """Go through an archive. on_blob: None for not reading on when rows and files are whole.

    wanted: what its head, files and rows have to be, None for whatever they are.
    """
    if wanted is not None and reader.head != wanted.head:
        raise _changed()
    count = 0
    for part in reader.parts():
        if isinstance(part, TableRows):
            on_rows(*part)
        elif part.blob:
            if wanted is not None and reader.rows != wanted.rows:
                raise _changed()
            if on_blob is None:
                break
            on_blob(part)
            count += 1
        elif part.file in PLAIN_FILES:
            on_file(part)
        else:
            raise BackupError("backup-damaged", f"a file that is none of a backup: {part.file}")
    if reader.rows is None:
        raise _too_early()
    if wanted is not None and reader.rows != wanted.rows:
        raise _changed()
    head = reader.head
    return Restored(head.server_name, head.made_at, sum(reader.rows.counts.values()), count)


def _too_early() -> BackupError:
    return BackupError("backup-damaged", "it ends too early")


def _changed() -> BackupError:
    return BackupError("backup-damaged", "it was changed while it was read")


def _open(file: IO[bytes], kind: Kind) -> ArchiveReader:
    reader = ArchiveReader(file)
    if reader.head.kind != kind:
        raise BackupError("backup-swapped")
    return reader


def _keys_of(archive: Path, keys_from: Path | None) -> Path:
    path = keys_from or archive.with_name(archive.name + KEYS_SUFFIX)
    if not path.exists():
        raise BackupError("backup-no-keys", file=str(path))
    return path


def _read_keys(file: IO[bytes]) -> tuple[dict[str, bytes], Head]:
    reader = _open(file, "keys")
    found = {}
    for part in reader.parts():
        if not isinstance(part, Part) or not part.file:
            raise BackupError("backup-damaged", "a file of keys holds keys alone")
        # Beside the known ones such as the settings name, which lie in the same directory.
        if part.file in {DATABASE, STAGE, *PLAIN_FILES}:
            raise BackupError("backup-damaged", f"a file that is no key: {part.file}")
        found[part.file] = part.content.read()
    return found, reader.head


def _check_pair(reader: ArchiveReader, keys: Head, secrets: dict[str, bytes], *, unproven: bool) -> None:
    """Have the archive proved by these keys. Raises BackupError where they are not those that sealed what it holds."""
    try:
        own = Keys.parse(secrets[key_file.FILE_NAME])
    except (KeyError, KeyFileError) as fault:
        raise BackupError("backup-damaged", f"no {key_file.FILE_NAME} among the keys") from fault
    head = reader.head
    if head.server_name != keys.server_name or not set(head.key_marks) <= set(own.marks()):
        raise BackupError("backup-other-keys", keys.server_name)
    if head.version == UNPROVEN:
        if not unproven:
            raise BackupError("backup-unproven")
        if key_mark.name in head.columns or head.schema >= _MARKED:
            raise BackupError("backup-forged")
        return
    key = own.backup_key(head.proof_key)
    if key is None:
        raise BackupError("backup-other-keys", keys.server_name)
    reader.prove_by(key)


def _move(stage: Path, data: Path) -> None:
    """Everything to its place; see the module for the order."""
    last = key_file.FILE_NAME
    names = sorted(path.name for path in stage.iterdir())
    first = [DATABASE] if DATABASE in names else []
    for name in [*first, *(each for each in names if each not in {DATABASE, last}), last]:
        (stage / name).rename(data / name)
        _sync(data)
    stage.rmdir()
    _sync(data)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _settle(folder: Path) -> None:
    """All of it is on the disk."""
    for path in _below(folder):
        _sync(path)


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            yield from _below(path)
        else:
            yield path
    yield folder


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
