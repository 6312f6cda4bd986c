"""The audit log's rows: entries, head and signed checkpoints. Append-only.

`SQLAuditRows` is what `audit.log.record` writes to. SQLite has one writer, so of all transactions that read the head at
most one commits at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Column, Connection, Integer, LargeBinary, Table, func, insert, select, update

from zajil.engine.sql.database import METADATA, U64, describe
from zajil.engine.sql.dialects import upsert
from zajil.moderation.audit.log import Appended, Draft, LogHead, append

_KEPT = "kept: the log is whole or worth nothing"
_CHUNK = 1000

entry = Table(
    "mod_audit_entry",
    METADATA,
    Column("n", Integer, primary_key=True, autoincrement=False, info=describe("counter", "number of the entry", _KEPT)),
    Column("data", LargeBinary, nullable=False, info=describe("identifier", "the entry: hashes and names", _KEPT)),
    Column("leaf", LargeBinary, nullable=False, info=describe("identifier", "its hash in the tree", _KEPT)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

log_head = Table(
    "mod_audit_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False, info=describe("counter", "always 1", _KEPT)),
    Column("state", LargeBinary, nullable=False, info=describe("identifier", "size and right edge", _KEPT)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

checkpoint = Table(
    "mod_checkpoint",
    METADATA,
    Column(
        "size", Integer, primary_key=True, autoincrement=False, info=describe("counter", "entries it covers", _KEPT)
    ),
    Column("note", LargeBinary, nullable=False, info=describe("identifier", "signed head, published", _KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", _KEPT)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

_ONLY = 1
_READ_HEAD = select(log_head.c.state).where(log_head.c.id == _ONLY)
_WRITE_HEAD = update(log_head).where(log_head.c.id == _ONLY)
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(LogHead)


class SQLAuditRows:
    """The log's rows inside one open transaction; see `AuditRows`. now: Unix seconds, of checkpoints."""

    def __init__(self, db: Connection, *, now: float) -> None:
        self._db = db
        self._now = int(now)

    def find_head(self) -> LogHead:
        """The stored head; a new one in an empty store."""
        state = self._db.execute(_READ_HEAD).scalar_one_or_none()
        return LogHead() if state is None else _decoder.decode(state)

    def write_head(self, head: LogHead) -> None:
        """Put a head in the place of the stored one."""
        state = _encoder.encode(head)
        if not self._db.execute(_WRITE_HEAD.values(state=state)).rowcount:
            self._db.execute(insert(log_head), {"id": _ONLY, "state": state})

    def insert_entries(self, entries: Sequence[Appended]) -> None:
        """Add entries; their numbers follow the stored ones."""
        self._db.execute(insert(entry), [each._asdict() for each in entries])

    def insert_checkpoint(self, size: int, note: bytes) -> None:
        """Add a signed note over the first `size` entries; signing the same head again replaces its note."""
        values = {"size": size, "note": note, "at": self._now}
        self._db.execute(upsert(checkpoint).on_conflict_do_update(index_elements=["size"], set_={"note": note}), values)


class LogBatch:
    """Appends entries one by one and writes them at once, in the caller's transaction; nothing is there before."""

    def __init__(self, rows: SQLAuditRows, *, now: float) -> None:
        self._rows = rows
        self._now = now
        self._head: LogHead | None = None
        self._added: list[Appended] = []

    def add(self, draft: Draft) -> int:
        """The number of one more entry."""
        head, entry = append(self._head or self._rows.find_head(), draft, now=self._now)
        self._head = head
        self._added.append(entry)
        return entry.n

    def write(self) -> None:
        """Put down what was added."""
        if self._head is not None:
            self._rows.insert_entries(self._added)
            self._rows.write_head(self._head)


class Note(NamedTuple):
    """A signed checkpoint. at: Unix seconds."""

    size: int
    note: bytes
    at: int


def read_entries(db: Connection, *, first: int = 0, size: int | None = None) -> Iterator[bytes]:
    """The bytes of entries from number `first` on, up to the first `size` of the log; in pieces."""
    end = count_entries(db) if size is None else size
    while first < end:
        chosen = (entry.c.n >= first) & (entry.c.n < min(end, first + _CHUNK))
        yield from db.execute(select(entry.c.data).where(chosen).order_by(entry.c.n)).scalars()
        first += _CHUNK


def read_leaves(db: Connection, size: int, *, first: int = 0) -> list[bytes]:
    """The leaf hashes of the entries from number `first` on, up to the first `size` of the log, for proofs."""
    chosen = (entry.c.n >= first) & (entry.c.n < size)
    return list(db.execute(select(entry.c.leaf).where(chosen).order_by(entry.c.n)).scalars())


def find_entry(db: Connection, n: int) -> bytes | None:
    """The bytes of entry n."""
    return db.execute(select(entry.c.data).where(entry.c.n == n)).scalar_one_or_none()


def count_entries(db: Connection) -> int:
    """How long the log is."""
    return int(db.execute(select(func.coalesce(func.max(entry.c.n) + 1, 0))).scalar_one())


def read_checkpoints(db: Connection, *, above: int = -1, up_to: int | None = None) -> list[Note]:
    """Every signed checkpoint, oldest first; those with above < size <= up_to."""
    columns = (checkpoint.c.size, checkpoint.c.note, checkpoint.c.at)
    found = select(*columns).where(checkpoint.c.size > above).order_by(checkpoint.c.size)
    if up_to is not None:
        found = found.where(checkpoint.c.size <= up_to)
    return [Note(*row) for row in db.execute(found)]


def find_checkpoint(db: Connection, *, covering: int = 0) -> Note | None:
    """The newest checkpoint, or the first one that covers so many entries."""
    found = select(checkpoint.c.size, checkpoint.c.note, checkpoint.c.at)
    if covering:
        found = found.where(checkpoint.c.size >= covering).order_by(checkpoint.c.size)
    else:
        found = found.order_by(checkpoint.c.size.desc())
    row = db.execute(found.limit(1)).one_or_none()
    return Note(*row) if row else None
