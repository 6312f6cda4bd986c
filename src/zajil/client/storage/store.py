"""The sealed SQLite store: one transaction per step of the core, every value encrypted, every id hashed.

A value is AES-256-GCM under the key of the file `keys`, with table and row key as AAD, so rows cannot be swapped.
Row keys are HMACs of ids: the file names no account, chat or message. What stays visible: row counts, sizes, order.

Plain `sqlite3` and not SQLAlchemy: the statements are ten, and importing SQLAlchemy would double the start of each
command. `synchronous=FULL` makes a finished transaction durable, which the acknowledgement to the server relies on.
"""

# ruff: noqa: S608 -- table names are the constants below; every value is bound.

from __future__ import annotations

import hashlib
import hmac
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from zajil.client.storage.keyfile import make_folder
from zajil.protocol.errors import error

FILE = "store.sqlite"
SCHEMA = 3
# One row per thing, found by its id.
KEYED = (
    "meta",
    "account",
    "chat",
    "mls_epoch",
    "mls_ratchet",
    "mls_staged",
    "key_package",
    "sealing",
    "known",
    "helper",
    "deadline",
)
# Rows that keep their order of insertion; `owner` groups them (the chat, mostly).
ORDERED = ("outbox", "message", "held", "event", "upload")

Rng = Callable[[int], bytes]
Hook = Callable[[str], None]


class Store:
    """One open database. Not for several threads; several processes may have it open at once."""

    def __init__(self, home: Path, key: bytes, *, hook: Hook | None = None) -> None:
        """hook: called with a step name right before and after each COMMIT (tests end the process there)."""
        self._aead = AESGCM(hashlib.sha256(b"zajil store value v1" + key).digest())
        self._id_key = hashlib.sha256(b"zajil store id v1" + key).digest()
        self._hook = hook
        self._tx: Tx | None = None
        make_folder(home)
        path = home / FILE
        path.touch(mode=0o600, exist_ok=True)
        self.db = sqlite3.connect(path, timeout=30, isolation_level=None)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.execute("PRAGMA secure_delete=ON")
        self._create_tables()

    def _create_tables(self) -> None:
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if version == SCHEMA:
            return
        if not 0 <= version < SCHEMA:
            raise error("home-damaged", detail={"schema": version})
        self.db.execute("BEGIN IMMEDIATE")
        # Every version so far added tables alone: 2 added `upload`, 3 `deadline`.
        for table in KEYED:
            self.db.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (key BLOB PRIMARY KEY, version INTEGER NOT NULL, "
                "at INTEGER NOT NULL, value BLOB NOT NULL) STRICT, WITHOUT ROWID"
            )
        for table in ORDERED:
            self.db.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (n INTEGER PRIMARY KEY AUTOINCREMENT, owner BLOB NOT NULL, "
                "key BLOB NOT NULL UNIQUE, value BLOB NOT NULL) STRICT"
            )
            self.db.execute(f"CREATE INDEX IF NOT EXISTS {table}_owner ON {table} (owner, n)")
        self.db.execute(f"PRAGMA user_version={SCHEMA}")
        self.db.execute("COMMIT")

    @contextmanager
    def step(self, name: str, now: int, rng: Rng) -> Iterator[Tx]:
        """One `BEGIN IMMEDIATE` transaction: all of it is durable after the block, or none of it exists.

        now: Unix milliseconds. rng: source of every random byte of the step.
        """
        if self._tx is not None:
            raise RuntimeError("steps do not nest")
        self.db.execute("BEGIN IMMEDIATE")
        tx = self._tx = Tx(self, now, rng)
        try:
            yield tx
            if self._hook is not None:
                self._hook(f"{name}:before")
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise
        finally:
            self._tx = None
        for callback in tx.committed:
            callback()
        if self._hook is not None:
            self._hook(f"{name}:after")

    @contextmanager
    def look(self, now: int = 0) -> Iterator[Tx]:
        """A read-only view at one moment, Unix ms. Writing in it raises."""
        if self._tx is not None:
            yield self._tx
            return
        self.db.execute("BEGIN")
        try:
            yield Tx(self, now, no_randomness)
        finally:
            self.db.execute("ROLLBACK")

    def rewrite_log(self) -> None:
        """Bring the write-ahead log into the database and empty it, so that removed rows are in no file of the home.

        Where another process reads just now, the next one that does this empties it, or the last one to close.
        """
        self.db.execute("PRAGMA busy_timeout=200")
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self.db.execute("PRAGMA busy_timeout=30000")

    def changes(self) -> tuple[int, int]:
        """A value that differs after a write of another process (PRAGMA data_version) or of this one."""
        (version,) = self.db.execute("PRAGMA data_version").fetchone()
        return int(version), self.db.total_changes

    def hash_id(self, table: str, name: bytes) -> bytes:
        """The 16-byte row key of an id."""
        return hmac.digest(self._id_key, table.encode() + b"\0" + name, "sha256")[:16]

    def seal(self, table: str, key: bytes, value: bytes, nonce: bytes) -> bytes:
        """nonce (12 bytes) || ciphertext."""
        return nonce + self._aead.encrypt(nonce, value, table.encode() + b"\0" + key)

    def unseal(self, table: str, key: bytes, value: bytes) -> bytes:
        """The inverse of `seal`. Raises `home-damaged` when a value was changed or moved."""
        try:
            return self._aead.decrypt(value[:12], value[12:], table.encode() + b"\0" + key)
        except InvalidTag:
            raise error("home-damaged", detail={"table": table}) from None

    def close(self) -> None:
        """Close the database."""
        self.db.close()


class Tx:
    """Reads and writes of one step. `now`: Unix milliseconds; `rng`: random bytes; both fixed by the caller."""

    def __init__(self, store: Store, now: int, rng: Rng) -> None:
        self.now = now
        self.rng = rng
        self.committed: list[Callable[[], None]] = []
        self._store = store
        self._db = store.db

    def find(self, table: str, name: bytes) -> bytes | None:
        """The value of an id in a keyed table."""
        key = self._store.hash_id(table, name)
        row = self._db.execute(f"SELECT value FROM {table} WHERE key = ?", (key,)).fetchone()
        return None if row is None else self._store.unseal(table, key, row[0])

    def find_raw(self, table: str, name: bytes) -> bytes | None:
        """The bytes of a row that its owner sealed itself (MLS state, mls.md 7.9)."""
        key = self._store.hash_id(table, name)
        row = self._db.execute(f"SELECT value FROM {table} WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def put_raw(self, table: str, name: bytes, sealed: bytes) -> None:
        """Insert or replace a row that its owner sealed itself."""
        self._write(table, self._store.hash_id(table, name), sealed)

    def version(self, table: str, name: bytes) -> int:
        """How often the row was written, 0 if there is none: lets a cache of a parsed value check itself."""
        key = self._store.hash_id(table, name)
        row = self._db.execute(f"SELECT version FROM {table} WHERE key = ?", (key,)).fetchone()
        return 0 if row is None else int(row[0])

    def put(self, table: str, name: bytes, value: bytes) -> None:
        """Insert or replace a row of a keyed table."""
        key = self._store.hash_id(table, name)
        self._write(table, key, self._store.seal(table, key, value, self.rng(12)))

    def _write(self, table: str, key: bytes, sealed: bytes) -> None:
        self._db.execute(
            f"INSERT INTO {table} (key, version, at, value) VALUES (?, 1, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET version = version + 1, at = excluded.at, value = excluded.value",
            (key, self.now, sealed),
        )

    def delete(self, table: str, name: bytes) -> None:
        """Remove a row of a keyed table; harmless when there is none."""
        self._db.execute(f"DELETE FROM {table} WHERE key = ?", (self._store.hash_id(table, name),))

    def delete_older(self, table: str, at: int) -> None:
        """Remove the rows of a keyed table that were last written before `at` (Unix milliseconds)."""
        self._db.execute(f"DELETE FROM {table} WHERE at < ?", (at,))

    def scan(self, table: str) -> list[bytes]:
        """All values of a keyed table, in no order that means anything."""
        rows = self._db.execute(f"SELECT key, value FROM {table}").fetchall()
        return [self._store.unseal(table, key, value) for key, value in rows]

    def erase(self) -> None:
        """Once this step is durable, what it removed is overwritten in the write-ahead log too."""
        if self._store.rewrite_log not in self.committed:
            self.committed.append(self._store.rewrite_log)

    def clear(self, table: str) -> None:
        """Remove every row of a table."""
        self._db.execute(f"DELETE FROM {table}")

    def count(self, table: str) -> int:
        """Rows of a table."""
        (n,) = self._db.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(n)

    def append(self, table: str, owner: bytes, name: bytes, value: bytes) -> int:
        """Insert into an ordered table; its number, higher than every number the table ever gave."""
        key = self._store.hash_id(table, name)
        sealed = self._store.seal(table, key, value, self.rng(12))
        cursor = self._db.execute(
            f"INSERT INTO {table} (owner, key, value) VALUES (?, ?, ?)",
            (self._store.hash_id(table + ".owner", owner), key, sealed),
        )
        return int(cursor.lastrowid or 0)

    def replace(self, table: str, n: int, value: bytes) -> None:
        """Give row `n` of an ordered table another value."""
        row = self._db.execute(f"SELECT key FROM {table} WHERE n = ?", (n,)).fetchone()
        if row is None:
            raise RuntimeError("no such row")
        sealed = self._store.seal(table, row[0], value, self.rng(12))
        self._db.execute(f"UPDATE {table} SET value = ? WHERE n = ?", (sealed, n))

    def move(self, table: str, n: int, owner: bytes) -> None:
        """Give row `n` of an ordered table another owner."""
        self._db.execute(f"UPDATE {table} SET owner = ? WHERE n = ?", (self._store.hash_id(table + ".owner", owner), n))

    def remove(self, table: str, n: int) -> None:
        """Delete row `n` of an ordered table."""
        self._db.execute(f"DELETE FROM {table} WHERE n = ?", (n,))

    def row(self, table: str, n: int) -> bytes | None:
        """The value of row `n` of an ordered table."""
        row = self._db.execute(f"SELECT key, value FROM {table} WHERE n = ?", (n,)).fetchone()
        return None if row is None else self._store.unseal(table, row[0], row[1])

    def lookup(self, table: str, name: bytes) -> tuple[int, bytes] | None:
        """Number and value of the row of an ordered table with this id."""
        key = self._store.hash_id(table, name)
        row = self._db.execute(f"SELECT n, value FROM {table} WHERE key = ?", (key,)).fetchone()
        return None if row is None else (int(row[0]), self._store.unseal(table, key, row[1]))

    def rows(
        self,
        table: str,
        owner: bytes | None = None,
        *,
        newest: int | None = None,
        after: int = 0,
        before: int | None = None,
        first: int | None = None,
    ) -> list[tuple[int, bytes]]:
        """Numbers and values of an ordered table in order, from number `after` + 1; of one owner; the `newest` ones.

        before: only numbers below it. first: not more than the so many first ones.
        """
        where = "WHERE n > ?"
        values: tuple[int | bytes, ...] = (after,)
        if before is not None:
            where, values = f"{where} AND n < ?", (*values, before)
        if owner is not None:
            where, values = f"{where} AND owner = ?", (*values, self._owner(table, owner))
        limit = "" if newest is None else f"DESC LIMIT {int(newest)}"
        limit = limit if first is None else f"LIMIT {int(first)}"
        found = self._db.execute(f"SELECT n, key, value FROM {table} {where} ORDER BY n {limit}", values).fetchall()
        if newest is not None:
            found.reverse()
        return [(int(n), self._store.unseal(table, key, value)) for n, key, value in found]

    def rows_after(self, table: str, n: int) -> list[tuple[int, bytes]]:
        """Numbers and values of an ordered table after number `n`, in order."""
        found = self._db.execute(f"SELECT n, key, value FROM {table} WHERE n > ? ORDER BY n", (n,)).fetchall()
        return [(int(number), self._store.unseal(table, key, value)) for number, key, value in found]

    def remove_older(self, table: str, keep: int) -> None:
        """Remove all but the `keep` newest numbers of an ordered table."""
        self._db.execute(f"DELETE FROM {table} WHERE n <= (SELECT max(n) FROM {table}) - ?", (keep,))

    def _owner(self, table: str, owner: bytes) -> bytes:
        return self._store.hash_id(table + ".owner", owner)


def no_randomness(_: int) -> bytes:
    """The rng of a read-only view."""
    raise RuntimeError("a read-only view writes nothing")
