"""`zajil backup`: what a data directory holds, taken while a server runs on it, into an archive and a file of keys.

The database comes first, as it was at one moment, then the attachments: one that was deleted meanwhile is left out.
Both files begin under another name and get their own when they are whole and on the disk.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import IO, Final, NamedTuple

from zajil.engine import blobs, keys, moderationkeys, pushkeys, reachkeys
from zajil.engine.files import replace_file
from zajil.engine.keys import KeyFileError
from zajil.engine.sql import marks
from zajil.moderation.private.keys import CLEAR_FILE, PUBLIC_FILE, SEALED_FILE
from zajil.server.backup.archive import VERSION, ArchiveWriter, BackupError, Head, is_file_name
from zajil.server.backup.drafts import drafted
from zajil.server.backup.places import open_source
from zajil.server.backup.rows import RowSource
from zajil.server.config import CONFIG_FILE, ConfigError, Settings, find_password, load_settings
from zajil.server.setup import CADDY_FILE

KEYS_SUFFIX: Final = ".keys"
PLAIN_FILES: Final = (CONFIG_FILE, CADDY_FILE, "server_name", PUBLIC_FILE)
"""Files that go beside the rows: none of them is secret."""
STAMP_FILE: Final = "last-backup"
"""In the data directory: the Unix second of the newest backup, for `zajil doctor`."""
KEY_FILES: Final = (
    *(keys.FILE_NAME, reachkeys.FILE_NAME, moderationkeys.FILE_NAME, pushkeys.FILE_NAME),
    *(SEALED_FILE, CLEAR_FILE),
)
"""Where a file has one name alone, as on a memory stick with FAT."""


class Made(NamedTuple):
    """What a backup holds, and of which server. bytes: of the archive."""

    server_name: str
    archive: Path
    keys: Path
    rows: int
    attachments: int
    bytes: int
    made_at: int


def make_backup(
    data: Path,
    archive: Path | str,
    *,
    keys_to: Path | str | None = None,
    attachments: bool = True,
    now: float | None = None,
) -> Made:
    """Write both files, mode 0600; neither may exist. archive: a file, or a folder that gets one of the day's name.

    A string with a slash at its end is a folder, also where none is there: no file ever takes its place. It is not
    made: the disk that it is on may not be mounted. keys_to: likewise a file or a folder, None for a file beside the
    archive. Raises BackupError, ConfigError, KeyFileError, OSError.
    """
    at = int(time.time() if now is None else now)
    settings = load_settings(data)
    if named := find_password(settings):
        raise ConfigError(
            f"the password in {named} of {CONFIG_FILE} would go into the archive: put it into a file, which passfile= "
            "in database, blobs_key_file or moderation.judge_key_file names"
        )
    named_secrets = _named_secrets(settings)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(at))
    archive = _file_of(archive, f"zajil-{settings.server_name}-{stamp}.tar")
    named = archive.name + KEYS_SUFFIX
    keys_to = archive.with_name(named) if keys_to is None else _file_of(keys_to, named)
    for path in (archive, keys_to):
        if not path.parent.is_dir():
            raise BackupError("backup-no-folder", file=str(path.parent))
        if path.exists():
            raise BackupError("backup-exists", file=str(path))
    with drafted(archive) as file, drafted(keys_to) as key_file:
        with open_source(data, settings, folder=archive.parent) as source:
            # Keys after rows: a newer key that sealed some of them is never missed.
            secrets = dict(_read_files(data, (*KEY_FILES, *named_secrets)))
            if keys.FILE_NAME not in secrets:
                raise KeyFileError(f"{keys.FILE_NAME} is missing: without it, what is stored cannot be read")
            own = keys.Keys.parse(secrets[keys.FILE_NAME])
            columns = source.columns()
            _check_keys(source, columns, own)
            head = Head(
                version=VERSION,
                kind="data",
                server_name=settings.server_name,
                made_at=at,
                zajil=version("zajil"),
                schema=source.schema,
                columns=columns,
                counters=source.counters(),
                key_marks=own.marks(),
                proof_key=own.newest_storage,
            )
            key = own.backup_key(own.newest_storage) or b""
            writer = ArchiveWriter(file, head, key=key)
            rows = _write_rows(writer, head, source, data)
        # The snapshot is let go of first: attachments take long, and meanwhile it would keep old rows from being freed.
        count = _write_blobs(writer, data / blobs.FOLDER) if attachments else 0
        writer.finish()
        _write_keys(key_file, head, secrets.items())
    with contextlib.suppress(OSError):  # whoever may only read the directory has a backup all the same
        replace_file(data / STAMP_FILE, f"{at}\n".encode())
    return Made(settings.server_name, archive, keys_to, rows, count, archive.stat().st_size, at)


def _file_of(target: Path | str, name: str) -> Path:
    """The file, or the one of this name in the folder."""
    path = Path(target)
    return path / name if str(target).endswith("/") or path.is_dir() else path


def _check_keys(source: RowSource, columns: Mapping[str, tuple[str, ...]], own: keys.Keys) -> None:
    """Raises ForeignFile where the rows were sealed with other keys: a server with this backup would not start."""
    if marks.key_mark.name in columns:
        rows = source.rows(marks.key_mark.name, ("file", "mark"))
        known = [(str(file), mark) for file, mark in rows if isinstance(mark, bytes)]
        marks.compare(known, marks.marks_of_keys(own))


def _write_rows(writer: ArchiveWriter, head: Head, source: RowSource, data: Path) -> int:
    """Files and all rows; how many rows."""
    for name, content in _read_files(data, PLAIN_FILES):
        writer.add_file(name, content)
    for table, columns in head.columns.items():
        writer.add_rows(table, source.rows(table, columns))
    return writer.close_rows()


def _write_blobs(writer: ArchiveWriter, folder: Path) -> int:
    count = 0
    for name, path in blobs.find_files(folder):
        with contextlib.ExitStack() as stack:
            try:
                content = stack.enter_context(os.fdopen(blobs.open_unseen(path), "rb"))
            except FileNotFoundError:  # deleted meanwhile
                continue
            writer.add_blob(name, os.fstat(content.fileno()).st_size, content)
            count += 1
    return count


def _write_keys(file: IO[bytes], head: Head, secrets: Iterable[tuple[str, bytes]]) -> None:
    writer = ArchiveWriter(
        file,
        Head(
            version=VERSION,
            kind="keys",
            server_name=head.server_name,
            made_at=head.made_at,
            zajil=head.zajil,
        ),
    )
    for name, content in secrets:
        writer.add_file(name, content)
    writer.close_rows()
    writer.finish()


def _read_files(data: Path, names: Iterable[str]) -> list[tuple[str, bytes]]:
    return [(name, (data / name).read_bytes()) for name in names if (data / name).is_file()]


def _named_secrets(settings: Settings) -> tuple[str, ...]:
    """Further secret files in the data directory that the settings name; those elsewhere are the operator's own.

    Raises BackupError for a name that no archive is read back with.
    """
    named = (
        *(settings.calls.relay_secret_file, settings.moderation.judge_key_file),
        *(settings.bus_secret_file, settings.blobs_key_file),
    )
    ours = tuple(dict.fromkeys(name for name in named if name and Path(name).name == name))
    for name in ours:
        if not is_file_name(name):
            raise BackupError("backup-unwritable", f"name {name!r} anew: letters, digits, . _ - alone, no dot in front")
    return ours
