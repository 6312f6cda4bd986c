"""Rows out of a database of PostgreSQL and into one, in the shapes of `rows`.

Both sides are one transaction: a backup is what one moment's readers see, and of a restore that fails nothing is left.
The index of search is carried as SQLite has it, so that a backup of one kind of database fits the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Any, Final, Self, cast

import psycopg
from sqlalchemy.exc import DBAPIError

from zajil.channels.store.index import as_vector, bodies_of_vectors
from zajil.channels.store.tables import search, words
from zajil.engine.sql.database import is_outage, say_outage
from zajil.engine.sql.postgres.connection import connect, find_address
from zajil.engine.sql.postgres.database import PostgresDatabase
from zajil.protocol.errors import ZajilError
from zajil.server.backup.archive import BackupError, Row
from zajil.server.backup.rows import STEPPED, finishing, listed, renumber
from zajil.server.config import ConfigError
from zajil.server.schema import find_columns, migrate_on

_FETCH: Final = 500
_PATIENT: Final = "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = 0"
"""Attachments are read and written in between, for as long as that takes."""
_SNAPSHOT: Final = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_PATIENT}"
_COLUMNS: Final = (
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema()"
    " ORDER BY table_name, ordinal_position"
)
_COUNTERS: Final = (
    "SELECT t.relname, a.attname, s.oid::regclass::text, coalesce(pg_sequence_last_value(s.oid), 0) FROM pg_class AS s"
    " JOIN pg_depend AS d ON d.objid = s.oid AND d.deptype IN ('a', 'i') JOIN pg_class AS t ON t.oid = d.refobjid"
    " JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid"
    " WHERE s.relkind = 'S' AND t.relnamespace = current_schema()::regnamespace"
)
"""Table, column, sequence and highest number so far."""
_PUT_WORDS: Final = "INSERT INTO pub_words (seq, words) VALUES (%s, %s::tsvector)"


class PostgresSource:
    """One moment of a database that servers go on writing to."""

    def __init__(self, url: str) -> None:
        """Raises BackupError."""
        with ExitStack() as opened:
            try:
                self._connection = opened.enter_context(connect(url))
                self._connection.execute(_SNAPSHOT.encode())
                # The snapshot is taken by the first question, not by BEGIN.
                (found,) = self._connection.execute("SELECT version_num FROM alembic_version").fetchall()
            except (psycopg.Error, ValueError) as fault:
                code = "database-away" if is_outage(fault) else "backup-unreadable"
                raise BackupError(code, f"{find_address(url)}: {say_outage(fault)}") from fault
            self.schema = str(found[0])
            self._opened = opened.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def columns(self) -> dict[str, tuple[str, ...]]:
        """As `RowSource.columns`."""
        found: dict[str, list[str]] = {}
        for table, column in self._connection.execute(_COLUMNS.encode()):
            found.setdefault(table, []).append(column)
        told = {table: tuple(named) for table, named in found.items() if table != "alembic_version"}
        if told.pop(str(words.name), None):
            told[str(search.name)] = tuple(str(column.name) for column in search.columns)
        return told

    def counters(self) -> dict[str, int]:
        """As `RowSource.counters`."""
        return {table: last for table, _, _, last in self._connection.execute(_COUNTERS.encode()) if last}

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Row]:
        """As `RowSource.rows`. Raises BackupError where the connection is lost."""
        query = f'SELECT {listed(columns)} FROM "{table}"' if table != search.name else bodies_of_vectors()  # noqa: S608  # the schema's names
        try:
            with self._connection.cursor(name="rows", binary=True) as cursor:
                cursor.itersize = _FETCH
                cursor.execute(query.encode())
                yield from cast("Iterator[Row]", cursor)
        except psycopg.Error as fault:
            raise BackupError("backup-unreadable", f"{table}: {fault}") from fault


class PostgresSink:
    """A database without tables, which is filled in one transaction."""

    def __init__(self, url: str, *, schema: str, columns: Mapping[str, tuple[str, ...]]) -> None:
        """Raises BackupError where it has tables, does not answer, or the backup is of a newer version."""
        with ExitStack() as opened:
            database = PostgresDatabase(url)
            opened.callback(database.close)
            try:
                self._connection = opened.enter_context(database.engine.connect())
                self._transaction = self._connection.begin()
                self._connection.exec_driver_sql(_PATIENT)
                if find_columns(self._connection):
                    raise BackupError("backup-not-empty", file=database.place)
                migrate_on(self._connection, schema, place=database.place)
            except ConfigError as fault:
                raise BackupError("backup-newer", f"schema {schema}") from fault
            except (DBAPIError, ZajilError) as fault:
                code = "database-away" if is_outage(fault) else "database-unwritable"
                raise BackupError(code, f"{database.place}: {say_outage(fault)}") from fault
            self._place = database.place
            there = find_columns(self._connection) | {str(search.name): {str(c.name) for c in search.columns}}
            for table, named in columns.items():
                if not named or not there.get(table, set()).issuperset(named):
                    raise BackupError("backup-damaged", f"schema has no such table or column: {table}")
            self._columns = dict(columns)
            self._opened = opened.pop_all()

    def add(self, table: str, rows: Iterable[Row]) -> None:
        """As `RowSink.add`."""
        named = self._columns[table]
        try:
            with self._raw.cursor() as cursor:
                if table == search.name:
                    places = named.index("rowid"), named.index("body")
                    put = [(row[places[0]], as_vector(str(row[places[1]]))) for row in rows]
                    cursor.executemany(_PUT_WORDS, put)
                    return
                with cursor.copy(f'COPY "{table}" ({listed(named)}) FROM STDIN'.encode()) as copy:
                    for row in rows:
                        copy.write_row(row)
        except psycopg.Error as fault:
            raise BackupError("backup-damaged", f"{table}: {fault}".partition("\n")[0]) from fault

    def finish(self, counters: Mapping[str, int], *, restored_at: int | None, unmarked: bool = False) -> None:
        """As `RowSink.finish`."""
        for statement in finishing(self._columns, restored_at=restored_at, unmarked=unmarked):
            self._raw.execute(statement.encode())
        for table, column, sequence, _ in self._raw.execute(_COUNTERS.encode()).fetchall():
            ((most,),) = self._raw.execute(f'SELECT coalesce(max("{column}"), 0) FROM "{table}"'.encode()).fetchall()  # noqa: S608  # the schema's names
            last = max(most, counters.get(table, 0))
            if restored_at is not None and table in STEPPED:
                last = renumber(last, at=restored_at)
            if last:
                self._raw.execute("SELECT setval(%s::regclass, %s)", (sequence, last))
        migrate_on(self._connection, place=self._place)
        self._transaction.commit()

    def close(self) -> None:
        """As `RowSink.close`."""
        with suppress(DBAPIError):
            self._transaction.close()
        self._opened.close()

    @property
    def _raw(self) -> psycopg.Connection[tuple[Any, ...]]:  # Any: columns of whatever types
        return cast("psycopg.Connection[tuple[Any, ...]]", self._connection.connection.driver_connection)
