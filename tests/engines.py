"""What the servers keep their data in: a file of SQLite, or a database of PostgreSQL (`--engine postgres`)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from zajil.engine.sql.sqlite.database import FILE_NAME
from zajil.server.schema import migrate

if TYPE_CHECKING:
    from tests.postgres import Postgres

MIGRATED = "zajil_migrated"


class Kept(Protocol):
    """The database of one server, read beside it."""

    settings: str
    """What the server's file says about it."""

    def ask(self, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """The rows that answer. `?` stands for a value."""

    def columns(self) -> list[tuple[str, str]]:
        """Table and column, of all there are."""

    def close(self) -> None: ...


class InFile:
    """SQLite."""

    settings = ""

    def __init__(self, data: Path) -> None:
        self._path = data / FILE_NAME
        self._reader: sqlite3.Connection | None = None

    def ask(self, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        if self._reader is None:
            self._reader = sqlite3.connect(
                f"file:{self._path}?mode=ro", uri=True, timeout=10, isolation_level=None, check_same_thread=False
            )
        return self._reader.execute(query, values).fetchall()

    def columns(self) -> list[tuple[str, str]]:
        query = (
            "SELECT t.name, c.name FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c"
            " WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"
        )
        return self.ask(query, ())

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = None


class OfPostgres:
    """PostgreSQL, a database of its own for each server."""

    def __init__(self, url: str) -> None:
        import psycopg  # not at the top: most runs need no driver

        self.settings = f'database = "{url}"\n'
        self._driver, self._url = psycopg, url
        self._reader: psycopg.Connection[tuple[Any, ...]] | None = None

    def ask(self, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        if self._reader is None:
            self._reader = self._driver.connect(self._url, autocommit=True)
        return self._reader.execute(query.replace("?", "%s").encode(), values).fetchall()

    def columns(self) -> list[tuple[str, str]]:
        query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        return self.ask(query, ())

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
        self._reader = None


_running: list[Postgres] = []
_urls: dict[Path, str] = {}


def use(postgres: Postgres) -> None:
    """From now on servers keep their data there."""
    postgres.make_template(MIGRATED, fill)
    _running.append(postgres)


def make(data: Path) -> Kept:
    """An empty database for the server of this data directory."""
    return OfPostgres(url_of(data)) if _running else InFile(data)


def url_of(data: Path) -> str:
    """Where the database of this data directory is, on PostgreSQL; made where it has none yet."""
    if data not in _urls:
        _urls[data] = _running[-1].fresh(MIGRATED)
    return _urls[data]


def make_bare(data: Path) -> tuple[Kept, list[str]]:
    """One without tables, for a restore into this data directory, and how `zajil restore` is told of it."""
    if not _running:
        return InFile(data), []
    url = _running[-1].fresh("template1")
    return OfPostgres(url), ["--database", url]


def fill(url: str) -> None:
    """Make the tables there."""
    from zajil.engine.sql.postgres.database import PostgresDatabase

    database = PostgresDatabase(url)
    try:
        migrate(database)
    finally:
        database.close()
