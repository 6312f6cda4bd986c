"""Connections to PostgreSQL, and statements on one of them.

`synchronous_commit=on`: a transaction is on the server's disk when COMMIT returns. Nothing waits for ever: a lock that
another gateway holds is waited for as long as a turn at SQLite's file is, and the server ends the transaction of a
gateway that was stopped in the middle of one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from zajil.engine.sql.database import DEADLINE_S
from zajil.engine.sql.queues import Sql
from zajil.engine.sql.writer import BUSY_RETRY_MS, TABLES
from zajil.protocol.errors import error

Connection = psycopg.Connection[tuple[Any, ...]]  # Any: columns of whatever types
_PORT: Final = "5432"
UNREAD: Final = (
    "the name of the database cannot be read, and is not repeated here, as a password may be in it. In a URL write %25 "
    "for %, %40 for @, %2F for /, %3A for : and %3F for ? of a user, password or name; better, put the password into "
    "the file that passfile= names"
)
_Found = list[tuple[Any, ...]]  # Any: as above
WRITERS: Final = 0x7A616A696C
"""The advisory lock of whoever writes anything but mailboxes, or numbers those anew: "zajil"."""
_OPTIONS: Final = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "synchronous_commit": "on",
        "default_transaction_isolation": r"read\ committed",
        "lock_timeout": f"{DEADLINE_S:g}s",
        "idle_in_transaction_session_timeout": f"{DEADLINE_S:g}s",
    }.items()
)


_PATIENCE: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Else the system waits a quarter of an hour for a server that vanished without a word, or two hours. The URL wins."""


def read_name(url: str) -> dict[str, Any] | None:  # Any: a text or a number
    """What libpq reads in the name of a database; None where it cannot, or reads a password in the place of others.

    What libpq says then quotes the name, and tells the rest of `user:pass/word@host` or `user:p@ss@host` as a port, a
    host or a database.
    """
    try:
        told = conninfo_to_dict(url)
    except (psycopg.ProgrammingError, ValueError):
        return None
    _, _, rest = url.partition("://")
    path = rest.partition("?")[0].partition("/")[2]
    host, port = str(told.get("host") or ""), str(told.get("port") or "")
    # A host that begins with @ is an abstract socket.
    split = "@" in path or re.search(r"[^,]@", host) is not None or re.fullmatch(r"[0-9,]*", port) is None
    return None if split else told


def connect(url: str) -> Connection:
    """A connection on which only BEGIN begins a transaction. Raises psycopg.OperationalError, ProgrammingError."""
    read = read_name(url)
    if read is None:
        raise psycopg.ProgrammingError(UNREAD)
    told = {**_PATIENCE, **read}
    return psycopg.connect(make_conninfo("", **told), autocommit=True, options=_OPTIONS, application_name="zajil")


def find_address(url: str) -> str:
    """`HOST:PORT` as libpq reads it, of each host that the URL names; `socket` where it names none.

    Nothing of a URL that cannot be read.
    """
    told = read_name(url)
    if told is None:
        return "an unreadable address"
    hosts = str(told.get("host") or told.get("hostaddr") or os.environ.get("PGHOST") or "socket").split(",")
    ports = str(told.get("port") or os.environ.get("PGPORT") or _PORT).split(",")
    each_port = ports if len(ports) == len(hosts) else len(hosts) * ports[:1]
    return ", ".join(f"{host}:{port or _PORT}" for host, port in zip(hosts, each_port, strict=True))


def create_tables(url: str) -> None:
    """The tables of the engine in an empty database: for tests, until the migrations of all services run there."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy types it so
    with connect(url) as connection, connection.transaction():
        for table in TABLES:
            connection.execute(str(CreateTable(table).compile(dialect=dialect)).encode())
            for index in table.indexes:
                connection.execute(str(CreateIndex(index).compile(dialect=dialect)).encode())


def roll_back(connection: Connection) -> None:
    """No transaction is open on it any more, whatever state the server left it in."""
    with suppress(psycopg.Error):
        connection.execute("ROLLBACK")


@lru_cache(maxsize=256)
def _in_own_marks(statement: str) -> bytes:
    return statement.replace("?", "%s").encode()


@lru_cache(maxsize=64)
def _of_rows(statement: str, columns: tuple[tuple[str, str], ...]) -> bytes:
    names = ", ".join(f'"{name}"' for name, _ in columns)
    arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
    return f"WITH given ({names}) AS (SELECT * FROM unnest({arrays})) {statement}".encode()  # noqa: S608


class PostgresSql(Sql):
    """On a connection of psycopg."""

    larger = "GREATEST"
    same = "IS NOT DISTINCT FROM"
    alone = " FOR UPDATE"
    shared = " FOR SHARE"
    unlocked = " FOR UPDATE SKIP LOCKED"

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def run(self, statement: str, values: Sequence[object] = ()) -> psycopg.Cursor[tuple[Any, ...]]:  # Any: as above
        self.statements += 1
        return self._connection.cursor(binary=True).execute(_in_own_marks(statement), values)

    def run_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        self.statements += 1
        self._connection.cursor().executemany(_in_own_marks(statement), rows)

    def run_keys(self, statement: str, keys: Sequence[bytes], values: Sequence[object] = ()) -> _Found:
        return _rows(self.run(statement.replace("IN {keys}", "= ANY(?)"), (*values, list(keys))))

    def run_rows(self, statement: str, columns: Mapping[str, str], rows: Sequence[Sequence[object]]) -> _Found:
        self.statements += 1
        arrays = [list(column) for column in zip(*rows, strict=True)]
        whole = _of_rows(statement, tuple(columns.items()))
        return _rows(self._connection.cursor(binary=True).execute(whole, arrays))


def _rows(cursor: psycopg.Cursor[tuple[Any, ...]]) -> _Found:  # Any: as above
    return cursor.fetchall() if cursor.description else []


class ReadingSql(PostgresSql):
    """For one statement of a reader. Raises Unavailable `busy` where the server does not answer."""

    def run(self, statement: str, values: Sequence[object] = ()) -> psycopg.Cursor[tuple[Any, ...]]:  # Any: as above
        try:
            return super().run(statement, values)
        except psycopg.OperationalError as fault:
            raise error("busy", retry_ms=BUSY_RETRY_MS) from fault
