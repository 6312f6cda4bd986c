"""Where rows are read from and written to: a file of SQLite in the data directory, or a database of PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from zajil.engine.extras import say_missing
from zajil.engine.sql.sqlite.database import FILE_NAME as DATABASE
from zajil.server.backup.archive import BackupError
from zajil.server.backup.rows import RowSink, SqliteSink, SqliteSource
from zajil.server.config import CONFIG_FILE, ConfigError, Settings

if TYPE_CHECKING:
    from zajil.server.backup.postgres import PostgresSource

_NAMED: Final = re.compile(r"^[ \t]*database[ \t]*=.*\n?", re.MULTILINE)


def open_source(
    data: Path, settings: Settings, *, folder: Path
) -> AbstractContextManager[SqliteSource | PostgresSource]:
    """One moment of a server's database. folder: for a copy meanwhile. Raises BackupError, ConfigError."""
    if settings.database:
        _need_driver()
        from zajil.server.backup.postgres import PostgresSource

        return PostgresSource(settings.database)
    if not (data / DATABASE).exists():
        raise BackupError("backup-unreadable", f"there is no {DATABASE}")
    return SqliteSource(data / DATABASE, folder=folder)


def open_sink(folder: Path, url: str, *, schema: str, columns: Mapping[str, tuple[str, ...]]) -> RowSink:
    """An empty database at this URL, or in a new file of this folder where it is "". Raises as `open_source`."""
    if not url:
        return SqliteSink(folder / DATABASE, schema=schema, columns=columns)
    _need_driver()
    from zajil.server.backup.postgres import PostgresSink

    return PostgresSink(url, schema=schema, columns=columns)


def named_database(content: bytes) -> str:
    """What a `zajil.toml` names. Raises BackupError."""
    try:
        return str(msgspec.toml.decode(content).get("database", ""))
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise BackupError("backup-damaged", f"{CONFIG_FILE} is no TOML") from fault


def name_database(content: bytes, url: str) -> bytes:
    """This `zajil.toml`, with this database in place of any other. Raises BackupError."""
    named_database(content)
    rest = _NAMED.sub("", content.decode())
    line = f"database = {msgspec.json.encode(url).decode()}\n" if url else ""
    changed = (line + rest).encode()
    if named_database(changed) != url:
        raise BackupError("backup-unwritable", f"`database` cannot be set in {CONFIG_FILE}")
    return changed


def _need_driver() -> None:
    try:
        import psycopg  # noqa: F401  # whether it is there
    except ImportError as missing:
        raise ConfigError(say_missing("PostgreSQL", "postgres"), code="no-extra") from missing
