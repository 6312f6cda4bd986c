"""Idempotency-Key of HTTP POST: the same call again gets the stored answer, with other content it is refused.

Key = SHA-256 over path, caller and header. Only acceptances are stored, for 24 hours, sealed (an answer may hold a
token). Two copies of a call at once: the second waits for the first. At two gateways it does not: both may be carried
out, and both get the answer that was stored first. Source: service.md 4.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable

import msgspec
from sqlalchemy import Column, Connection, Index, LargeBinary, Table, delete, insert, select

from zajil.engine.keys import Keys
from zajil.engine.sql.database import METADATA, U64, Database, describe
from zajil.protocol.errors import Unavailable, error
from zajil.server.http.calls import HttpAnswer

LIFE_S = 86_400
_KEY_MAX = 128

http_idem = Table(
    "http_idem",
    METADATA,
    Column(
        "key",
        LargeBinary,
        primary_key=True,
        info=describe("identifier", "SHA-256 of path, caller and the caller's random request key", "24 hours"),
    ),
    Column("body_hash", LargeBinary, nullable=False, info=describe("key", "SHA-256 of the accepted body", "24 hours")),
    Column(
        "answer",
        LargeBinary,
        nullable=False,
        info=describe("ciphertext", "the answer, sealed under a key of the day", "24 hours"),
    ),
    Column("at", U64, nullable=False, info=describe("time", "Unix second of acceptance", "24 hours")),
    Index("http_idem_at", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


class AnswerBook:
    """Answers given in the last 24 hours to calls with an Idempotency-Key."""

    def __init__(self, db: Database, keys: Keys, clock: Callable[[], float]) -> None:
        self._db = db
        self._keys = keys
        self._clock = clock
        self._running: dict[bytes, asyncio.Lock] = {}

    async def once(
        self, names: tuple[bytes, ...], body: bytes, answer: Callable[[], Awaitable[HttpAnswer]]
    ) -> HttpAnswer:
        """The stored answer of this call, else `answer()`, stored. Refusals pass through and leave the key free.

        names: path, caller and the header's value. Raises Malformed `idem-conflict`, or `malformed` for an odd key.
        """
        if not 1 <= len(names[-1]) <= _KEY_MAX:
            raise error("malformed", "idempotency key")
        key = hashlib.sha256(b"".join(len(name).to_bytes(4, "big") + name for name in names)).digest()
        body_hash = hashlib.sha256(body).digest()
        lock = self._running.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                found = await self._find(key, body_hash)
                if found is None:
                    own = await answer()
                    stood = await self._store(key, body_hash, own)
                    found = own if stood is None else self._open(key, body_hash, stood)
                return found
        finally:
            if not lock.locked():
                self._running.pop(key, None)

    async def _store(self, key: bytes, body_hash: bytes, own: HttpAnswer) -> tuple[bytes, bytes] | None:
        """As `_insert`; None too where the storage went away since: what was carried out must not be told as undone.

        `busy` would have it carried out twice. Only a copy of this call that follows all the same is.
        """
        try:
            return await self._db.write(lambda db: self._insert(db, key, body_hash, own))
        except Unavailable:
            return None

    async def _find(self, key: bytes, body_hash: bytes) -> HttpAnswer | None:
        row = await self._db.read(lambda db: self._row(db, key))
        return None if row is None else self._open(key, body_hash, row)

    def _open(self, key: bytes, body_hash: bytes, row: tuple[bytes, bytes]) -> HttpAnswer:
        if row[0] != body_hash:
            raise error("idem-conflict")
        return msgspec.msgpack.decode(self._keys.unseal("http_idem", row[1], aad=key), type=HttpAnswer)

    def _row(self, db: Connection, key: bytes) -> tuple[bytes, bytes] | None:
        fresh = (http_idem.c.key == key) & (http_idem.c.at > self._clock() - LIFE_S)
        row = db.execute(select(http_idem.c.body_hash, http_idem.c.answer).where(fresh)).one_or_none()
        return (row[0], row[1]) if row else None

    def _insert(self, db: Connection, key: bytes, body_hash: bytes, answer: HttpAnswer) -> tuple[bytes, bytes] | None:
        """None once it is stored; the row that another gateway stored before."""
        if (row := self._row(db, key)) is not None:
            return row
        now = self._clock()
        sealed = self._keys.seal("http_idem", msgspec.msgpack.encode(answer), aad=key, now_s=now)
        db.execute(delete(http_idem).where(http_idem.c.key == key))
        db.execute(insert(http_idem).values(key=key, body_hash=body_hash, answer=sealed, at=int(now)))
        return None


def delete_old_answers(db: Connection, *, now: int, limit: int) -> int:
    """Remove at most `limit` answers older than 24 hours; returns how many went."""
    old = select(http_idem.c.key).where(http_idem.c.at <= now - LIFE_S).limit(limit).scalar_subquery()
    return db.execute(delete(http_idem).where(http_idem.c.key.in_(old))).rowcount
