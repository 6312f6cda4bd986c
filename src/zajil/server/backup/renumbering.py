"""`zajil admin renumber`: a database that lost its last commits goes on above every number that clients have seen.

A standby that follows without being waited for lacks, once it takes over, what the lost server had said yes to. It
would give the numbers of those messages to new ones, which clients drop as seen. So does a copy of the database that
was not made by `zajil backup`.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from zajil.engine.keys import FILE_NAME as KEY_FILE
from zajil.engine.sql.marks import check_keys
from zajil.server.backup.rows import STEPPED, forgetting, renumber
from zajil.server.schema import find_columns, hold_data, open_database

_LAST: Final = {
    "sqlite": "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = '{table}'",
    "postgresql": "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('{table}', 'seq')::regclass), 0)",
}
_SET: Final = {
    "sqlite": (
        "DELETE FROM sqlite_sequence WHERE name = '{table}'",
        "INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {last:d})",
    ),
    "postgresql": ("SELECT setval(pg_get_serial_sequence('{table}', 'seq'), {last:d})",),
}


def renumber_database(data: Path, *, now: float | None = None) -> None:
    """Do what a restore does to the numbers, sessions and key packages of a backup, in place and in one transaction.

    Again is harmless. Raises ConfigError: a server runs on this directory; others that share the database are not
    seen. Raises KeyFileError where the database was used with another `zajil.key`: it is not this directory's.
    """
    at = int(time.time() if now is None else now)
    with hold_data(data), closing(open_database(data)) as database:
        check_keys(database, data / KEY_FILE)
        database.write_sync(lambda db: _renumber(db, at))


def _renumber(db: Connection, at: int) -> None:
    for statement in forgetting(find_columns(db), at=at, is_restore=False):
        db.exec_driver_sql(statement)
    kind = db.dialect.name
    for table in sorted(STEPPED):
        last = int(db.exec_driver_sql(_LAST[kind].format(table=table)).scalar_one())
        for statement in _SET[kind]:
            db.exec_driver_sql(statement.format(table=table, last=renumber(last, at=at)))
