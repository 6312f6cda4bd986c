"""What the servers keep their data in: a file of SQLite, or a database of PostgreSQL (`--engine postgres`)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from zajil.channels.store.index import bodies_of_vectors
from zajil.engine.sql.sqlite.database import FILE_NAME
from zajil.server.config import CONFIG_FILE, Settings
from zajil.server.schema import migrate

if TYPE_CHECKING:
    from tests.postgres import Postgres

MIGRATED = "zajil_migrated"
_LITERAL = re.compile(r"\bx'([0-9a-f]*)'")
_HEX = re.compile(r"\bhex\((\w+)\)")


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


@contextmanager
def beside(data: Path) -> Iterator[Kept]:
    """The database of a server of this process in this data directory, to be read while that runs or after it."""
    with closing(make(data)) as kept:
        yield kept


def rows_of(kept: Kept) -> dict[str, list[dict[str, object]]]:
    """All there is: rows by table, values by column."""
    columns: dict[str, list[str]] = {}
    for table, column in kept.columns():
        columns.setdefault(table, []).append(column)
    return {
        table: [dict(zip(names, row, strict=True)) for row in kept.ask(f"SELECT {_listed(names)} FROM {table}", ())]
        for table, names in columns.items()
    }


def _listed(columns: list[str]) -> str:
    return ", ".join(f'"{each}"' for each in columns)


def searched() -> str:
    """What stands for the table of the public search in a question: `rowid` is a post's seq, `body` its words."""
    return f"({bodies_of_vectors()}) AS pub_search (rowid, body)" if _running else "pub_search"


def url_of(data: Path) -> str:
    """Where the database of this data directory is, on PostgreSQL; made where it has none yet."""
    if data not in _urls:
        _urls[data] = _running[-1].fresh(MIGRATED)
    return _urls[data]


def spoken(query: str) -> str:
    """A question in the words of SQLite, in those of the engine that servers have."""
    if not _running:
        return query
    literal = _LITERAL.sub(r"'\\x\1'::bytea", query)
    return _HEX.sub(r"coalesce(upper(encode(\1, 'hex')), '')", literal)


def told(data: Path, settings: Settings) -> Settings:
    """These settings with the database of this directory, for a server whose children have to find it."""
    return msgspec.structs.replace(settings, database=url_of(data)) if _running else settings


def name_in_settings(data: Path) -> None:
    """On PostgreSQL this directory's settings name its database, so that any process finds it there."""
    if _running:
        file = data / CONFIG_FILE
        rest = file.read_text(encoding="utf-8") if file.exists() else ""
        file.write_text(f'database = "{url_of(data)}"\n{rest}', encoding="utf-8")


def has(data: Path) -> bool:
    """Whether this data directory has a database on PostgreSQL."""
    return data in _urls


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
