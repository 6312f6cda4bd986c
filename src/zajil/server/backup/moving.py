"""`zajil admin move`: a server's rows from its file of SQLite into a database of PostgreSQL, which it then uses."""

from __future__ import annotations

import itertools
from contextlib import closing
from pathlib import Path
from typing import Final

from zajil.engine.files import replace_file
from zajil.engine.sql.sqlite.database import FILE_NAME as DATABASE
from zajil.engine.sql.sqlite.database import SQLiteDatabase
from zajil.server.backup.archive import BackupError
from zajil.server.backup.places import name_database, open_sink
from zajil.server.backup.rows import SqliteSource
from zajil.server.config import CONFIG_FILE, load_settings, refuse_password
from zajil.server.schema import hold_data, hold_worker

MOVED_SUFFIX: Final = ".moved"
_SOME: Final = 2000


def move_database(data: Path, url: str) -> int:
    """How many rows were moved. The file stays, as `zajil.db.moved`; `zajil.toml` names the new place.

    Nothing is forgotten, unlike in a restore: no time passes, since neither a server nor a worker of moderation runs
    meanwhile. A worker would go on in the file that was moved: what it judged would be missing in the database, and the
    log, continued in both, would be signed twice. Raises BackupError (nothing to move; the database there is not
    empty), ConfigError (one of them runs; a password in the URL).
    """
    refuse_password(url)
    with hold_data(data), hold_worker(data):
        if load_settings(data).database or not (data / DATABASE).exists():
            raise BackupError("move-nothing")
        with closing(SQLiteDatabase.open(data / DATABASE)) as database:
            database.truncate_log()
        rows = 0
        with SqliteSource(data / DATABASE, folder=data) as source:
            columns = source.columns()
            with closing(open_sink(data, url, schema=source.schema, columns=columns)) as sink:
                for table, named in columns.items():
                    found = source.rows(table, named)
                    while some := list(itertools.islice(found, _SOME)):
                        sink.add(table, some)
                        rows += len(some)
                sink.finish(source.counters(), restored_at=None)
        settings = data / CONFIG_FILE
        replace_file(settings, name_database(settings.read_bytes() if settings.exists() else b"", url))
        (data / DATABASE).rename(data / (DATABASE + MOVED_SUFFIX))
        for suffix in ("-wal", "-shm"):
            (data / (DATABASE + suffix)).unlink(missing_ok=True)
    return rows
