"""Where the stored requests are, by the first bytes of their keys: in memory, of the one connection that writes.

Keys are random. In the order of keys the table, or an index, takes each message to another page, all of which goes
through the log: of 18 KB that a message wrote once a day's half a million were stored, 16 were that. So on the disk
requests lie in the order in which they came, and what finds them by key is a table that is temporary: some 28 bytes for
each request of a day, made anew at a start. What a transaction did to it is undone with the transaction.

Others write the same file, and one transaction may have several batches. What is stored by then is taken in before a
batch looks for anything, under the lock of the file.
SQLite numbers a row one above the greatest there is: behind the newest that was taken in, as long as that one is there,
lies all that is new. Where it is gone, or the file was made anew (VACUUM numbers rows as it likes), all is read again.
"""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

from zajil.engine.sql.transactions import HEAD_BYTES, HEADS

_MAKE: Final = (
    f"CREATE TEMP TABLE {HEADS} (head BLOB NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (head, place))"
    " STRICT, WITHOUT ROWID"
)
_NEWEST: Final = "SELECT rowid, key FROM idem ORDER BY rowid DESC LIMIT 1"
_TAKE_IN: Final = (
    f"INSERT OR IGNORE INTO temp.{HEADS} (head, place)"  # noqa: S608
    f" SELECT substr(key, 1, {HEAD_BYTES:d}), rowid FROM main.idem WHERE rowid > ?"
)
_IN_ORDER: Final = " ORDER BY 1"
"""Of many rows: into full pages, one after the other."""


class FarBehindError(Exception):
    """More is new than the event loop has time for."""


class _Reached(NamedTuple):
    """The newest row that was taken in, of which schema."""

    schema: int | None = None
    place: int = 0
    key: bytes = b""


class Heads:
    """See the module. Makes the table, and reads all there is."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._reached = self._before = _Reached()
        connection.execute(_MAKE)
        self.catch_up()

    def begin(self) -> None:
        """A transaction begins, with which `go_back` undoes what is taken in."""
        self._before = self._reached

    def catch_up(self, *, most: int | None = None) -> None:
        """Take in what was stored since; at most 5 statements, 2 where that is nothing.

        most: of rows, about. Raises FarBehindError, and has then changed nothing.
        """
        reached = self._reached
        run = self._connection.execute
        (schema,) = run("PRAGMA main.schema_version").fetchone()
        now = _Reached(schema, *(run(_NEWEST).fetchone() or ()))
        if now == reached:
            return
        is_new = schema != reached.schema or (
            reached.place and run("SELECT key FROM idem WHERE rowid = ?", (reached.place,)).fetchone() != (reached.key,)
        )
        since = 0 if is_new else reached.place
        if most is not None and now.place - since > most:
            raise FarBehindError
        if is_new:
            run(f"DELETE FROM temp.{HEADS}")  # noqa: S608
        run(_TAKE_IN + (_IN_ORDER if is_new else ""), (since,))
        self._reached = now

    def go_back(self) -> None:
        """The transaction that began last is rolled back, or may be."""
        self._reached = self._before
