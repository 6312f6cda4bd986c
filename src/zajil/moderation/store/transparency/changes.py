"""What is logged beside decisions: changes of lists, policies and staff, each with the salt of its hash in the log.

The log is public, and what is on a list can be guessed: there are fewer phone numbers than a computer tries in an hour.
So every entry has a salt of its own, which lies with the record and nowhere else. Whoever has both can show that this
very change is in the log; once they are erased, the hash cannot be linked to anything. What is public anyway is logged
by `log_public`, and anybody can find it. Source: design/moderation.md section 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from sqlalchemy import Column, Connection, Index, Integer, LargeBinary, Table, Text, delete, insert, select

from zajil.engine.sql.database import METADATA, U64, describe
from zajil.moderation.audit.entries import SALT_BYTES, Kind, hash_record
from zajil.moderation.audit.log import Draft, record
from zajil.moderation.store.log import SQLAuditRows

LIST_KEPT_S: Final = 210 * 86_400
"""For as long as decisions that rest on an entry of a list may be appealed against, and 30 days."""
_KEPT: Final = "210 days for lists, else kept: the log is about it"
_PUBLIC_SALT: Final = bytes(SALT_BYTES)

change_record = Table(
    "mod_audit_record",
    METADATA,
    Column(
        "n", Integer, primary_key=True, autoincrement=False, info=describe("counter", "its entry in the log", _KEPT)
    ),
    Column("kind", Text, nullable=False, info=describe("flag", "list, policy or staff", _KEPT)),
    Column("record", Text, nullable=False, info=describe("text", "what was changed, such as a listed address", _KEPT)),
    Column("salt", LargeBinary, nullable=False, info=describe("key", "salt of its hash in the log", _KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", _KEPT)),
    Index("mod_audit_record_kind", "kind", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


class ChangeRow(NamedTuple):
    """A change. n: its entry. at: Unix seconds."""

    n: int
    kind: str
    record: str
    salt: bytes
    at: int


_COLUMNS = [change_record.c[name] for name in ChangeRow._fields]


def log_change(
    db: Connection, kind: Kind, what: str, *, salt: bytes, now: int, pseudonym: bytes = b"", policy: str = ""
) -> int:
    """Log a change in its transaction; the number of its entry. salt: 16 random bytes, for this one alone.

    pseudonym: of who made it, empty for a program. Raises LocalProtocolError for a salt of another size.
    """
    draft = Draft(kind, hash_record(salt, what.encode()), policy, "", pseudonym)
    (n,) = record(SQLAuditRows(db, now=now), [draft], now=now)
    db.execute(insert(change_record), ChangeRow(n, kind, what, salt, now)._asdict())
    return n


def log_public(db: Connection, kind: Kind, what: str, *, now: int, pseudonym: bytes = b"") -> int:
    """Log what stands elsewhere for everybody to read, so that anybody can hold one against the other."""
    draft = Draft(kind, hash_record(_PUBLIC_SALT, what.encode()), "", "", pseudonym)
    (n,) = record(SQLAuditRows(db, now=now), [draft], now=now)
    return n


def read_changes(db: Connection) -> Iterator[ChangeRow]:
    """Every change that is kept, in the order of the log."""
    for row in db.execute(select(*_COLUMNS).order_by(change_record.c.n)):
        yield ChangeRow(*row)


def forget_changes(db: Connection, *, now: int, limit: int) -> int:
    """Erase changes of lists that are old enough, salts included; how many."""
    old = select(change_record.c.n).where(change_record.c.kind == "list", change_record.c.at < now - LIST_KEPT_S)
    chosen = list(db.execute(old.order_by(change_record.c.n).limit(limit)).scalars())
    return db.execute(delete(change_record).where(change_record.c.n.in_(chosen))).rowcount if chosen else 0
