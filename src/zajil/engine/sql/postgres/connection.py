"""Connections to PostgreSQL, and statements on one of them.

`synchronous_commit=on`: a transaction is on the server's disk when COMMIT returns. Nothing waits for ever: a lock that
another gateway holds is waited for as long as a turn at SQLite's file is, and the server ends the transaction of a
gateway that was stopped in the middle of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
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


def connect(url: str) -> Connection:
    """A connection on which only BEGIN begins a transaction. Raises psycopg.OperationalError."""
    told = {**_PATIENCE, **conninfo_to_dict(url)}
    return psycopg.connect(make_conninfo("", **told), autocommit=True, options=_OPTIONS, application_name="zajil")


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


class PostgresSql(Sql):
    """On a connection of psycopg. Message bodies lose their pointers all at once, by `settle`, in the order of ids."""

    larger = "GREATEST"
    same = "IS NOT DISTINCT FROM"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._released: Counter[bytes] = Counter()

    def run(self, statement: str, values: Sequence[object] = ()) -> psycopg.Cursor[tuple[Any, ...]]:  # Any: as above
        self.statements += 1
        return self._connection.cursor(binary=True).execute(_in_own_marks(statement), values)

    def run_many(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        self.statements += 1
        self._connection.cursor().executemany(_in_own_marks(statement), rows)

    def release(self, message_ids: Sequence[bytes]) -> None:
        self._released.update(message_ids)

    def settle(self) -> None:
        """Take the released pointers away. At most 3 statements; the last of a transaction, whatever else it locks."""
        if not self._released:
            return
        locked = self.run(
            "SELECT id, refs FROM message WHERE id = ANY(?) ORDER BY id FOR UPDATE", (sorted(self._released),)
        ).fetchall()
        left = {message_id: refs - self._released[message_id] for message_id, refs in locked}
        self._released.clear()
        if over := [message_id for message_id, refs in left.items() if refs <= 0]:
            self.run("DELETE FROM message WHERE id = ANY(?)", (over,))
        if kept := {message_id: refs for message_id, refs in left.items() if refs > 0}:
            self.run(
                "UPDATE message SET refs = now.refs FROM unnest(?::bytea[], ?::bigint[]) AS now (id, refs)"
                " WHERE message.id = now.id",
                (list(kept), list(kept.values())),
            )


class ReadingSql(PostgresSql):
    """For one statement of a reader. Raises Unavailable `busy` where the server does not answer."""

    def run(self, statement: str, values: Sequence[object] = ()) -> psycopg.Cursor[tuple[Any, ...]]:  # Any: as above
        try:
            return super().run(statement, values)
        except psycopg.OperationalError as fault:
            raise error("busy", retry_ms=BUSY_RETRY_MS) from fault
