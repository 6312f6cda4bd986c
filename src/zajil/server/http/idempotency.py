"""Idempotency-Key of HTTP POST: the same call again gets the stored answer, with other content it is refused.

Key = SHA-256 over path, caller and header. Only acceptances are stored, for 24 hours, sealed (an answer may hold a
token). Two copies of a call at once: the second waits for the first, or it would hear the refusal of which the first
is the reason. A verb hands its answer over in the transaction of its act (`answers.keeper`), so that a server that
dies right after COMMIT tells a copy what it did; what is as well done twice is stored after it. Source: service.md 4.

Where there are several gateways, the one that carries a call out claims its key in the database, and says each 2 s
that it still does. Another one with a copy waits for the answer, and hears `busy` where that takes long. A claim of
which nothing was said for 6 s is taken over: its gateway died, or does not reach the database. What it had done by then
stands with its answer; what it does later is undone, once the other one has answered. Nobody's clock is compared with
another's.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Index, LargeBinary, Table, delete, insert, select, update

from zajil.engine.keys import Keys
from zajil.engine.sql import answers
from zajil.engine.sql.database import METADATA, U64, Database, describe
from zajil.protocol.errors import Unavailable, ZajilError, error
from zajil.server.http.calls import HttpAnswer, HttpCall, accept

LIFE_S: Final = 86_400
CLAIM_LIFE_S: Final = 3_600
"""Then a claim is deleted that nobody gave back or took over."""
BEAT_S: Final = 2.0
LEASE_S: Final = 6.0
"""A claim that says nothing for so long is taken over. Watched by the clock of whoever waits."""
WAIT_S: Final = 15.0
"""So long a copy waits for the answer of a call that another gateway carries out: half of what clients wait."""
_RETRY_MS: Final = 1000
_LOOK_S: Final = 0.05
_LOOK_MAX_S: Final = 0.5
_OWNER_BYTES: Final = 16
_KEY_MAX: Final = 128

http_idem = Table(
    "http_idem",
    METADATA,
    Column(
        "key",
        LargeBinary,
        primary_key=True,
        info=describe("identifier", "SHA-256 of path, caller and the caller's random request key", "24 hours"),
    ),
    Column(
        "body_hash",
        LargeBinary,
        nullable=False,
        info=describe("key", "SHA-256 of the accepted body, and of the query where there is one", "24 hours"),
    ),
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


http_claim = Table(
    "http_claim",
    METADATA,
    Column(
        "key",
        LargeBinary,
        primary_key=True,
        info=describe(
            "identifier", "as of http_idem, of a call that is being carried out", "the call, at most 2 hours"
        ),
    ),
    Column(
        "owner",
        LargeBinary,
        nullable=False,
        info=describe("identifier", "random, which copy of the call it is", "the call, at most 2 hours"),
    ),
    Column(
        "beat",
        U64,
        nullable=False,
        info=describe("counter", "goes up while the gateway lives that carries it out", "the call, at most 2 hours"),
    ),
    Column(
        "at", U64, nullable=False, info=describe("time", "Unix second of the last beat", "the call, at most 2 hours")
    ),
    Index("http_claim_at", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


class _Claim(NamedTuple):
    owner: bytes
    beat: int


class _Found(NamedTuple):
    """What is known of a call. stored: body hash and sealed answer. claim: of whoever else carries it out."""

    stored: tuple[bytes, bytes] | None
    claim: _Claim | None


class _Act:
    """What a call does. is_kept: whether it has handed its answer over; that is stored with whatever else it wrote.

    stood: the row of another gateway that answered a copy meanwhile, for which the act is undone.
    """

    def __init__(self, put: Callable[..., tuple[bytes, bytes] | None]) -> None:
        self._put = put
        self.is_kept = False
        self.stood: tuple[bytes, bytes] | None = None

    def keep(self, db: Connection, told: msgspec.Struct) -> None:
        """See `answers.Keep`."""
        self.stood = self._put(db, answer=accept(told))
        if self.stood is not None:
            raise error("busy", "another gateway has answered it")
        self.is_kept = True


class AnswerBook:
    """Answers given in the last 24 hours to calls with an Idempotency-Key."""

    def __init__(self, db: Database, keys: Keys, clock: Callable[[], float], *, is_shared: bool = False) -> None:
        """is_shared: whether other gateways serve from this database, too."""
        self._db = db
        self._keys = keys
        self._clock = clock
        self._is_shared = is_shared
        self._running: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def once(
        self,
        names: tuple[bytes, ...],
        content: bytes,
        answer: Callable[[], Awaitable[HttpAnswer]],
        *,
        may_claim: Callable[[], bool],
    ) -> HttpAnswer:
        """The stored answer of this call, else `answer()`, stored. Refusals pass through and leave the key free.

        names: path, caller and the header's value. content: see `content_of`. may_claim: asked where there are other
        gateways, whether they are told before it is carried out; that is two writes, which who is refused time and
        again must not have for nothing. Raises Malformed `idem-conflict`, or `malformed` for an odd key; Unavailable
        `busy` where another gateway takes long over a copy of it.
        """
        if not 1 <= len(names[-1]) <= _KEY_MAX:
            raise error("malformed", "idempotency key")
        key = key_of(names)
        body_hash = hashlib.sha256(content).digest()
        owner = os.urandom(_OWNER_BYTES)
        is_claimed = self._is_shared and may_claim()
        async with self._running.setdefault(key, asyncio.Lock()):
            stored = await (self._claim(key, owner) if is_claimed else self._find(key))
            if stored is not None:
                return self._open(key, body_hash, stored)
            act = _Act(partial(self._insert, key=key, body_hash=body_hash, owner=owner))
            try:
                with answers.opened(act.keep):
                    own = await (self._hold(key, owner, answer) if is_claimed else answer())
                stood = None if act.is_kept else await self._store(key, body_hash, own, owner)
            except ZajilError:
                stood = act.stood or await self._find_twin(key)
                if stood is None:
                    raise
            return own if stood is None else self._open(key, body_hash, stood)

    async def _store(self, key: bytes, body_hash: bytes, own: HttpAnswer, owner: bytes) -> tuple[bytes, bytes] | None:
        """As `_insert`; None too where the storage went away since: what was carried out must not be told as undone.

        `busy` would have it carried out twice. Only a copy of this call that follows all the same is.
        """
        try:
            return await self._db.write(partial(self._insert, key=key, body_hash=body_hash, answer=own, owner=owner))
        except Unavailable:
            return None

    async def _find(self, key: bytes) -> tuple[bytes, bytes] | None:
        return await self._db.read(lambda db: self._row(db, key))

    async def _find_twin(self, key: bytes) -> tuple[bytes, bytes] | None:
        """What another gateway answered to a copy while ours was carried out, and may have been refused for that.

        The twin's act and its answer are one transaction: who is refused for the one finds the other.
        """
        if not self._is_shared:
            return None
        with suppress(Unavailable):
            return await self._find(key)
        return None

    def _open(self, key: bytes, body_hash: bytes, row: tuple[bytes, bytes]) -> HttpAnswer:
        if row[0] != body_hash:
            raise error("idem-conflict")
        return msgspec.msgpack.decode(self._keys.unseal("http_idem", row[1], aad=key), type=HttpAnswer)

    def _row(self, db: Connection, key: bytes) -> tuple[bytes, bytes] | None:
        fresh = (http_idem.c.key == key) & (http_idem.c.at > self._clock() - LIFE_S)
        row = db.execute(select(http_idem.c.body_hash, http_idem.c.answer).where(fresh)).one_or_none()
        return (row[0], row[1]) if row else None

    def _insert(
        self, db: Connection, *, key: bytes, body_hash: bytes, answer: HttpAnswer, owner: bytes
    ) -> tuple[bytes, bytes] | None:
        """None once it is stored; the row that another gateway stored before."""
        if self._is_shared:
            db.execute(delete(http_claim).where(_is_of(key, owner)))
        if (row := self._row(db, key)) is not None:
            return row
        now = self._clock()
        # Without the part, which none of these has: an older version that is put back reads three fields.
        sealed = self._keys.seal("http_idem", msgspec.msgpack.encode(answer[:3]), aad=key, now_s=now)
        db.execute(delete(http_idem).where(http_idem.c.key == key))
        db.execute(insert(http_idem).values(key=key, body_hash=body_hash, answer=sealed, at=int(now)))
        return None

    # Other gateways

    async def _claim(self, key: bytes, owner: bytes) -> tuple[bytes, bytes] | None:
        """None once this call is ours to carry out; what another gateway answered to a copy. Raises `busy`."""
        until, dead = time.monotonic() + WAIT_S, None
        while True:
            found = await self._db.write_unflushed(partial(self._take, key=key, owner=owner, dead=dead))
            if found.stored is not None or found.claim is None:
                return found.stored
            dead = await self._wait_for(key, until)

    async def _wait_for(self, key: bytes, until: float) -> _Claim | None:
        """Until another gateway has answered or refused the call: None. The claim, where it says nothing any more."""
        pause, seen, seen_at = _LOOK_S, None, 0.0
        while True:
            found = await self._db.read(lambda db: self._look(db, key))
            now = time.monotonic()
            if found.stored is not None or found.claim is None:
                return None
            if found.claim != seen:
                seen, seen_at = found.claim, now
            elif now - seen_at >= LEASE_S:
                return seen
            if now >= until:
                raise error("busy", "another gateway carries it out", retry_ms=_RETRY_MS)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LOOK_MAX_S)

    async def _hold(self, key: bytes, owner: bytes, answer: Callable[[], Awaitable[HttpAnswer]]) -> HttpAnswer:
        """`answer()`, while the claim stands; it is given back where there is no answer to store."""
        beating = asyncio.create_task(self._beat(key, owner))
        try:
            return await answer()
        except (Exception, asyncio.CancelledError):
            with suppress(Unavailable):
                await self._db.write_unflushed(lambda db: db.execute(delete(http_claim).where(_is_of(key, owner))))
            raise
        finally:
            beating.cancel()

    async def _beat(self, key: bytes, owner: bytes) -> None:
        """Say that the call is being carried out, until that is cancelled."""
        while True:
            await asyncio.sleep(BEAT_S)
            said = {"beat": http_claim.c.beat + 1, "at": int(self._clock())}
            with suppress(Unavailable):
                await self._db.write_unflushed(
                    lambda db, said=said: db.execute(update(http_claim).where(_is_of(key, owner)).values(said))  # type: ignore[misc]
                )

    def _look(self, db: Connection, key: bytes) -> _Found:
        row = db.execute(select(http_claim.c.owner, http_claim.c.beat).where(http_claim.c.key == key)).one_or_none()
        return _Found(self._row(db, key), _Claim(row[0], row[1]) if row else None)

    def _take(self, db: Connection, *, key: bytes, owner: bytes, dead: _Claim | None) -> _Found:
        """What is known of the call; nothing, once it is claimed. dead: the claim that may be taken over."""
        found = self._look(db, key)
        if found.stored is not None or found.claim not in (None, dead):
            return found
        db.execute(delete(http_claim).where(http_claim.c.key == key))
        db.execute(insert(http_claim).values(key=key, owner=owner, beat=0, at=int(self._clock())))
        return _Found(None, None)


def content_of(call: HttpCall) -> bytes:
    """What copies of this call have in common: the body, and the query where there is one."""
    _, _, query = call.path.partition("?")
    return key_of((query.encode(), call.body)) if query else call.body


def key_of(names: tuple[bytes, ...]) -> bytes:
    """SHA-256 over these names, which begin and end where they do."""
    return hashlib.sha256(b"".join(len(name).to_bytes(4, "big") + name for name in names)).digest()


def _is_of(key: bytes, owner: bytes) -> ColumnElement[bool]:
    """This copy's claim, where no other gateway took it over."""
    return (http_claim.c.key == key) & (http_claim.c.owner == owner)


def delete_old_answers(db: Connection, *, now: int, limit: int) -> int:
    """Remove at most `limit` answers older than 24 hours; returns how many went."""
    old = select(http_idem.c.key).where(http_idem.c.at <= now - LIFE_S).limit(limit).scalar_subquery()
    return db.execute(delete(http_idem).where(http_idem.c.key.in_(old))).rowcount


def delete_old_claims(db: Connection, *, now: int, limit: int) -> int:
    """Remove at most `limit` claims whose gateway died and which nobody took over; returns how many went."""
    old = select(http_claim.c.key).where(http_claim.c.at <= now - CLAIM_LIFE_S).limit(limit).scalar_subquery()
    return db.execute(delete(http_claim).where(http_claim.c.key.in_(old))).rowcount
