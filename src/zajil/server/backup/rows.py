"""Rows out of a server's database and into one: what both kinds of database share, and SQLite. See `postgres`."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol, Self

from zajil.channels.store.tables import search
from zajil.engine.sql.database import METADATA
from zajil.engine.sql.interface import SEQ_STEP, number_at, renumbering
from zajil.engine.sql.sqlite.database import SQLiteDatabase
from zajil.engine.sql.state import TIMELINE, server_state
from zajil.server.backup.archive import BackupError, Row
from zajil.server.backup.drafts import copied
from zajil.server.schema import migrate, newest_revision

STEPPED: Final = frozenset({"pub_event"})
"""Tables whose numbers clients remember as far as they have read."""
FORGOTTEN: Final = (
    # Whoever claimed one since the backup used it up; devices bring new ones once they are told that few are left.
    "DELETE FROM key_package WHERE last_resort = 0",
    # Clients have seen later lists of bridges and refuse this one; the start signs one with a later number.
    "DELETE FROM reach_document WHERE kind = 1",
)
"""What a restore does to the rows of a backup."""
_OF_THE_PLACE: Final = f"DELETE FROM server_state WHERE name = '{TIMELINE}'"  # noqa: S608  # our own word
"""What is true where the rows were and not where they go: which server of PostgreSQL it was."""
_ENDED: Final = ("session_token", "mod_staff_session", "link")
"""Sessions that were ended since then; whoever may log in does so by themselves."""
_DUE: Final = ("push_due",)
"""Of a restore alone: real devices, woken by now, which a server that is restored for a drill would wake again."""
_FETCH: Final = 500


class RowSource(Protocol):
    """One consistent state of a database, to be read at leisure."""

    @property
    def schema(self) -> str:
        """Number of its newest migration."""

    def columns(self) -> dict[str, tuple[str, ...]]:
        """Every table with its columns."""

    def counters(self) -> dict[str, int]:
        """Of tables that number their rows and use no number twice, the highest so far."""

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Row]:
        """All of a table."""


class RowSink(Protocol):
    """A new database that is filled with a backup's rows."""

    def add(self, table: str, rows: Iterable[Row]) -> None:
        """Raises BackupError for rows that the table does not take."""

    def finish(self, counters: Mapping[str, int], *, restored_at: int | None, unmarked: bool = False) -> None:
        """All rows are there: set what numbers new ones, run all migrations that came since, bring it to the disk.

        counters: as `RowSource.counters`. restored_at: the Unix second of a restore, at which what must not come back
        is forgotten (`forgetting`); None where no time passed since the rows were read. unmarked: no device is woken by
        push until it asks anew (`PUSH_LOST`).
        """

    def close(self) -> None:
        """Let go of it; unfinished, nothing is left."""


PUSH_LOST: Final = (
    "UPDATE mailbox SET push = 0 WHERE push = 1",
    "DELETE FROM push_due",
    "DELETE FROM push",
    "DELETE FROM key_mark WHERE file = 'push.key'",
)
"""What a restore does where the keys beside it have another `push.key`, as after `zajil admin push-forget`, or none."""


def renumber(number: int, *, at: int) -> int:
    """What a number that clients remember goes on from after a restore. at: Unix second of that.

    From the clock's number of that second; only where it is above that already, a little further.
    """
    floor = number_at(at)
    return floor if number < floor else number + SEQ_STEP


def forgetting(tables: Collection[str], *, at: int, is_restore: bool = True) -> Iterator[str]:
    """Statements that take back what time has made false in these tables. at: Unix second of the restore.

    is_restore: False where only the last moments are missing.
    """
    yield renumbering(at)
    yield from FORGOTTEN
    if server_state.name in tables:
        yield _OF_THE_PLACE
    ended = (*_ENDED, *_DUE) if is_restore else _ENDED
    yield from (f'DELETE FROM "{table}"' for table in ended if table in tables)  # noqa: S608  # of the line above


def taken_over(at: int) -> tuple[str, ...]:
    """Statements by which a database of PostgreSQL with the newest schema goes on where a standby took over.

    As `zajil admin renumber` does it: its last commits may be lost, and nobody can tell. at: Unix second.
    """
    stepped = (
        "SELECT setval(counter, CASE WHEN last < {floor:d} THEN {floor:d} ELSE last + {step:d} END) FROM (SELECT"
        " counter, coalesce(pg_sequence_last_value(counter), 0) AS last FROM"
        " (SELECT pg_get_serial_sequence('{table}', 'seq')::regclass AS counter) AS named) AS numbered"
    )
    return (
        *forgetting(METADATA.tables, at=at, is_restore=False),
        *(stepped.format(table=table, floor=number_at(at), step=SEQ_STEP) for table in sorted(STEPPED)),
    )


def finishing(tables: Collection[str], *, restored_at: int | None, unmarked: bool) -> Iterator[str]:
    """Statements that `RowSink.finish` runs."""
    if restored_at is not None:
        yield from forgetting(tables, at=restored_at)
    elif server_state.name in tables:
        yield _OF_THE_PLACE
    if unmarked:
        yield from PUSH_LOST


class SqliteSource:
    """A copy of a SQLite database, made page by page while a server goes on writing, in a file that has no name.

    SQLite's backup copies in one step what one moment's readers see; it holds nobody up but the emptying of the
    write-ahead log, and for no longer than the copying takes.
    """

    def __init__(self, database: Path, *, folder: Path) -> None:
        """folder: where the copy lies meanwhile; it needs as much room as the database. Raises BackupError."""
        try:
            with copied(folder) as copy:
                with (
                    contextlib.closing(sqlite3.connect(f"file:{_quote(database)}?mode=ro", uri=True)) as lying,
                    contextlib.closing(sqlite3.connect(copy)) as taken,
                ):
                    lying.backup(taken, pages=-1)
                # As nothing else writes it, it needs no log of its own, and can go as soon as it is open.
                self._copy = sqlite3.connect(f"file:{_quote(copy)}?mode=ro&immutable=1", uri=True)
                self._copy.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except sqlite3.Error as fault:
            raise BackupError("backup-unreadable", str(fault)) from fault

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._copy.close()

    @property
    def schema(self) -> str:
        """As `RowSource.schema`. Raises BackupError for a database of something else."""
        try:
            ((number,),) = self._copy.execute("SELECT version_num FROM alembic_version")
        except (sqlite3.Error, ValueError) as fault:
            raise BackupError("backup-unreadable", "the database is not of a Zajil server") from fault
        return str(number)

    def columns(self) -> dict[str, tuple[str, ...]]:
        """As `RowSource.columns`. Of the search index only what it was made of: the rest makes itself."""
        names = [name for (name,) in self._copy.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        own = {n for n in names if n != "alembic_version" and not n.startswith(("sqlite_", f"{search.name}_"))}
        found = {name: tuple(_columns(self._copy, name)) for name in sorted(own)}
        if search.name in found:
            found[str(search.name)] = tuple(str(column.name) for column in search.columns)
        return found

    def counters(self) -> dict[str, int]:
        """As `RowSource.counters`."""
        return dict(self._copy.execute("SELECT name, seq FROM sqlite_sequence"))

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Row]:
        """As `RowSource.rows`. Raises BackupError where the file is damaged."""
        try:
            cursor = self._copy.execute(f'SELECT {listed(columns)} FROM "{table}"')  # noqa: S608  # the schema's names
            while some := cursor.fetchmany(_FETCH):
                yield from some
        except sqlite3.Error as fault:
            raise BackupError("backup-unreadable", f"{table}: {fault}") from fault


class SqliteSink:
    """A new SQLite database that is filled with a backup's rows."""

    def __init__(self, path: Path, *, schema: str, columns: Mapping[str, tuple[str, ...]]) -> None:
        """Made as it was at that migration. Raises BackupError where the backup is of a newer version."""
        self._database = SQLiteDatabase.open(path)
        try:
            try:
                migrate(self._database, "head" if schema == newest_revision() else schema)
            except Exception as fault:
                raise BackupError("backup-newer", f"schema {schema}") from fault
            self._raw = sqlite3.connect(path, isolation_level=None)
            # Nothing here is worth anything before the last row is there; `finish` brings all of it to the disk.
            self._raw.execute("PRAGMA synchronous=OFF")
            self._raw.execute("BEGIN IMMEDIATE")
            self._inserts = {table: self._insert(table, named) for table, named in columns.items()}
        except BaseException:
            self.close()
            raise

    def add(self, table: str, rows: Iterable[Row]) -> None:
        """As `RowSink.add`."""
        try:
            self._raw.executemany(self._inserts[table], rows)
        except (sqlite3.Error, OverflowError) as fault:
            raise BackupError("backup-damaged", f"{table}: {fault}") from fault

    def finish(self, counters: Mapping[str, int], *, restored_at: int | None, unmarked: bool = False) -> None:
        """As `RowSink.finish`."""
        for statement in finishing(self._inserts, restored_at=restored_at, unmarked=unmarked):
            self._raw.execute(statement)
        numbered = {n for (n,) in self._raw.execute("SELECT name FROM sqlite_schema WHERE sql LIKE '%AUTOINCREMENT%'")}
        for table in counters.keys() & numbered:
            last = counters[table]
            if restored_at is not None and table in STEPPED:
                last = renumber(last, at=restored_at)
            self._raw.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
            self._raw.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last))
        self._raw.execute("COMMIT")
        self._raw.close()
        migrate(self._database)
        self._database.truncate_log()

    def close(self) -> None:
        """As `RowSink.close`, but that its folder is the caller's to remove."""
        with contextlib.suppress(AttributeError):
            self._raw.close()
        self._database.close()

    def _insert(self, table: str, columns: Sequence[str]) -> str:
        there = {"rowid", *_columns(self._raw, table)}
        if not columns or not there.issuperset(columns):
            raise BackupError("backup-damaged", f"schema has no such table or column: {table}")
        marks = ", ".join("?" * len(columns))
        return f'INSERT INTO "{table}" ({listed(columns)}) VALUES ({marks})'  # noqa: S608  # the schema's own names


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,))]


def listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _quote(path: Path) -> str:
    """For a URI of SQLite."""
    from urllib.parse import quote

    return quote(str(path.resolve()))
