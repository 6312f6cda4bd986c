"""Attachments: ciphertext announced with one-time passes, uploaded in pieces, fetched by whoever has the id.

Theory of operation. A row holds size, hash, the hash of the upload secret and whether it is whole; no account, no
device, no chat, no address. The bytes are a blob, and its length is the only truth about how much came. Each piece is
on the disk before it is answered. The last one has the whole hashed, and only then does the row say `done`: a kill
between the two leaves a full blob without the mark, and whoever asks for the offset, sends an empty piece there or
fetches it has it set. What is not whole is never given out. Files go before their rows, so a kill there leaves a row
that the next run removes; a file without a row (a database put back from a copy) is swept. An upload that is over is
looked at once more: the copy may be older than its last piece, and its bytes in a bucket that a living server has too.
Then its row is closed before its bytes go, so that no other server says of it that it is whole. So is the row of one
with other bytes than announced: a kill leaves one that is over at once, and the next run has the rest.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import Connection

from zajil.delivery import store
from zajil.delivery.context import Delivery
from zajil.delivery.store import StoredAttachment
from zajil.engine.blobs import BlobPart, Blobs
from zajil.engine.blobthreads import BlobThreads
from zajil.engine.sql import answers
from zajil.engine.sql.interface import PASS_UPLOAD, UPLOAD_PASS_TTL_DAYS
from zajil.protocol.attachments import (
    KEPT_S,
    PIECE_MAX_BYTES,
    UNFINISHED_S,
    AddAttachment,
    AddedAttachment,
    Piece,
    UploadOffset,
    check_announcement,
    tell_range,
)
from zajil.protocol.errors import Malformed, Refused, Unavailable, error
from zajil.protocol.ids import B16, B32

_DAY_S: Final = 86_400
_HOUR_S: Final = 3600
_ROWS: Final = 200
"""Deleted in one transaction; each takes its file with it."""
_FAILING_S: Final = 20.0
"""So long what cannot be deleted may take of a run."""
_OPENED_BYTES: Final = 1 << 16
"""From here on a piece is cheaper to send from its file than to read."""
_SELF: Final = b""
"""No prefix: what the server does by itself, one after the other."""
_LOG = logging.getLogger(__name__)


class OpenPiece(NamedTuple):
    """A `Piece` that was not read yet. part: whoever gets it closes it."""

    part: BlobPart
    start: int
    whole_bytes: int

    @property
    def content_range(self) -> str:
        """As `tell_range`."""
        return tell_range(self.start, len(self.part), whole_bytes=self.whole_bytes)


class _Deleting:
    """What one run deletes: one that does not go is left for the next run, and holds up nothing behind it.

    Where it is their place that does not answer, each takes long to fail, and the run ends soon.
    """

    def __init__(self) -> None:
        self.stuck = 0
        self._failing_s = 0.0

    async def attempt(self, deletion: Coroutine[None, None, None]) -> None:
        """Raises what the deletion did once all that failed took too long."""
        began = time.monotonic()
        try:
            await deletion
        except (Unavailable, OSError) as fault:
            self.stuck += 1
            self._failing_s += time.monotonic() - began
            _LOG.warning("an attachment could not be deleted: %s", type(fault).__name__)
            if self._failing_s > _FAILING_S:
                raise


class Attachments:
    """Every attachment of one server."""

    def __init__(self, delivery: Delivery, blobs: Blobs) -> None:
        self._delivery = delivery
        self._blobs = blobs
        self._threads = BlobThreads()
        self._locks: dict[bytes, asyncio.Lock] = {}
        self._waiting: Counter[bytes] = Counter()

    async def close(self) -> None:
        """Return when nothing is written any more; what has not begun is refused."""
        await asyncio.to_thread(self._threads.close)

    async def check(self, request: AddAttachment) -> None:
        """Raises as `add` does for a size that is none and for passes that are no good; none is spent."""
        check_announcement(request)
        spent, first_day = _hashes(request), self._first_day()
        if not await self._delivery.db.read(
            lambda db: store.has_passes(db, spent, kind=PASS_UPLOAD, first_day=first_day)
        ):
            raise error("pass-spent")

    async def add(self, request: AddAttachment) -> AddedAttachment:
        """A new upload, for passes worth its size.

        Raises Malformed for a size that is none and for passes of another number, Refused `pass-spent` where one of
        them is no good, Unavailable `storage-full` where there is no room now; none of them is spent then.
        """
        check_announcement(request)
        delivery, now = self._delivery, self._delivery.now()
        made = AddedAttachment(B16(delivery.random(16)), B32(delivery.random(32)))
        row = StoredAttachment(
            id=bytes(made.id),
            size=request.size,
            sha256=bytes(request.sha256),
            upload_hash=hashlib.sha256(made.secret).digest(),
            done=False,
            expires=_round_up(now + UNFINISHED_S, _HOUR_S),
        )
        spent, first_day, keep = _hashes(request), self._first_day(), answers.keeper()

        def write(db: Connection) -> None:
            if not store.spend_passes(db, spent, kind=PASS_UPLOAD, first_day=first_day):
                raise error("pass-spent")
            # Nothing is reserved, or announcing alone would fill the disk. Who has no passes hears nothing of the room.
            self._blobs.check_room(row.size)
            store.add_attachment(db, row)
            keep(db, made)

        await delivery.db.write(write)
        return made

    def _first_day(self) -> int:
        """Of the passes that are good now."""
        return self._delivery.now() // _DAY_S - UPLOAD_PASS_TTL_DAYS + 1

    async def check_upload(self, attachment_id: bytes, secret: bytes, *, prefix: bytes) -> None:
        """Raises Refused `gone` for an id or secret that is none. prefix: as of `offset`."""
        await self._find_own(attachment_id, secret, prefix)

    async def offset(self, attachment_id: bytes, secret: bytes, *, prefix: bytes) -> UploadOffset:
        """How much is stored. prefix: of the address that asks, here and below.

        Raises Refused `gone` for an id or secret that is none, Malformed `hash-mismatch`.
        """
        async with self._alone(attachment_id):
            row = await self._find_own(attachment_id, secret, prefix)
            return UploadOffset(await self._settle(row, prefix))

    async def put(
        self, attachment_id: bytes, secret: bytes, *, offset: int, data: bytes, prefix: bytes
    ) -> UploadOffset:
        """Store a piece, durably; how much is stored then. Empty at the end: have the whole checked again.

        Raises what `offset` raises, Conflict `wrong-offset` with detail `offset`, Malformed for bytes beyond the size,
        Unavailable `storage-full`.
        """
        if len(data) > PIECE_MAX_BYTES:
            raise error("too-big")
        async with self._alone(attachment_id):
            row = await self._find_own(attachment_id, secret, prefix)
            if offset + len(data) > row.size:
                raise error("malformed", "bytes beyond the announced size")
            if row.done:
                raise error("wrong-offset", detail={"offset": row.size})
            append = partial(self._blobs.append, row.id, offset, data)
            size = await _to_the_end(self._threads.run(append, prefix=prefix))
            return UploadOffset(await self._settle(row, prefix) if size == row.size else size)

    async def read(self, attachment_id: bytes, *, start: int, length: int, prefix: bytes) -> Piece:
        """A piece of a whole attachment. Raises Refused `gone`, Malformed for a start beyond its end."""
        row = await self._find_whole(attachment_id, prefix)
        return await self._read(row, start, _fit(row, start, length), prefix)

    async def open(self, attachment_id: bytes, *, start: int, length: int, prefix: bytes) -> OpenPiece | Piece:
        """As `read`; a large piece that is at hand is not read, but told where it is."""
        row = await self._find_whole(attachment_id, prefix)
        length = _fit(row, start, length)
        if length >= _OPENED_BYTES and (part := self._blobs.find_part(row.id, start, length)) is not None:
            return OpenPiece(part, start, row.size)
        return await self._read(row, start, length, prefix)

    async def _read(self, row: StoredAttachment, start: int, length: int, prefix: bytes) -> Piece:
        data = await self._threads.run(partial(self._blobs.read, row.id, start, length), prefix=prefix)
        if len(data) != length:
            raise error("gone")
        return Piece(data, start, row.size)

    async def _find_whole(self, attachment_id: bytes, prefix: bytes) -> StoredAttachment:
        """The attachment of this id. Raises Refused `gone` for one that is not whole, is over, or never was.

        One whose bytes are all there without the mark is checked now: its client may have heard that it is whole, from
        a database that was put back since.
        """
        row = await self._find_current(attachment_id)
        if row.done:
            return row
        if await self._threads.run(partial(self._blobs.size, row.id), prefix=prefix) < row.size:
            raise error("gone")
        async with self._alone(attachment_id):
            row = await self._find_current(attachment_id)
            try:
                size = await self._settle(row, prefix)
            except Malformed:
                raise error("gone") from None
        if size < row.size:
            raise error("gone")
        return row

    async def _find_current(self, attachment_id: bytes) -> StoredAttachment:
        row = await store.peek_attachment(self._delivery.db, attachment_id)
        if row is None or row.expires <= self._delivery.now():
            raise error("gone")
        return row

    async def run_retention(self) -> None:
        """Delete what has expired, and files that no row knows; later, where their place does not answer now."""
        with suppress(Unavailable, OSError):
            await self._run_retention(self._delivery.now(), _Deleting())

    async def _run_retention(self, now: int, deleting: _Deleting) -> None:
        # Those that do not go stay the oldest: they are passed over.
        while names := await self._delivery.db.read(
            lambda db: store.old_attachments(db, now=now, rows=_ROWS, after=deleting.stuck)
        ):
            for name in names:
                await deleting.attempt(self._expire(name, now))
        names = await self._threads.run(lambda: list(self._blobs.idle_names()), prefix=_SELF)
        for at in range(0, len(names), _ROWS):
            await self._sweep(names[at : at + _ROWS], deleting)

    async def _sweep(self, names: Sequence[bytes], deleting: _Deleting) -> None:
        """Delete those of these files that no row knows. A row is there before its file, so a new one has one."""
        known = await self._delivery.db.read(lambda db: store.known_attachments(db, names))
        for name in names:
            if name not in known:
                await deleting.attempt(self._delete_alone(name))

    async def _delete_alone(self, name: bytes) -> None:
        async with self._alone(name):
            await self._threads.run(partial(self._blobs.delete, name), prefix=_SELF)

    async def _expire(self, name: bytes, now: int) -> None:
        """Delete one that was found to be over, unless it became whole meanwhile."""
        async with self._alone(name):
            row = await store.peek_attachment(self._delivery.db, name)
            if row is None or row.expires > now:
                return
            # In a copy of the database from before it was whole: a server that lives, or lived, gave it out since.
            longest = _round_up(row.expires + KEPT_S, _DAY_S)
            if not row.done and row.upload_hash != store.CLOSED and longest > now:
                try:
                    if await self._settle(row, _SELF, until=longest) == row.size:
                        return
                except (Malformed, Refused):
                    return
            # A lock of this process alone: its last piece may come at another server now.
            if not await self._delivery.db.write(lambda db: store.close_attachment(db, name, now=now)):
                return
            await self._threads.run(partial(self._blobs.delete, name), prefix=_SELF)
            await self._delivery.db.write(lambda db: store.drop_attachment(db, name))

    async def _find_own(self, attachment_id: bytes, secret: bytes, prefix: bytes) -> StoredAttachment:
        """The upload of this id and secret; every other one looks like none."""
        row = await store.peek_attachment(self._delivery.db, attachment_id)
        held = row.upload_hash if row is not None else bytes(32)
        right = hmac.compare_digest(held, hashlib.sha256(secret).digest())
        if row is None or not right or row.expires <= self._delivery.now():
            raise error("gone")
        if row.done and await self._threads.run(partial(self._blobs.size, row.id), prefix=prefix) < row.size:
            raise error("gone", "its file is missing")
        return row

    async def _settle(self, row: StoredAttachment, prefix: bytes, *, until: int | None = None) -> int:
        """Bytes that are stored; a whole one is checked and marked on the way. Raises Malformed `hash-mismatch`.

        Raises Refused `gone` where another server found it to be over meanwhile.
        until: Unix second to which a whole one is kept, None for as long as one of now.
        """
        size = await self._threads.run(partial(self._blobs.size, row.id), prefix=prefix)
        if row.done or size < row.size:
            return size
        found = await self._threads.run(partial(self._blobs.sha256, row.id), prefix=prefix)
        if not hmac.compare_digest(found, row.sha256):
            return await self._refuse(row, prefix)
        until = _round_up(self._delivery.now() + KEPT_S, _DAY_S) if until is None else until
        if not await self._delivery.db.write(lambda db: store.finish_attachment(db, row.id, expires=until)):
            raise error("gone")
        return size

    async def _refuse(self, row: StoredAttachment, prefix: bytes) -> int:
        """Raises Malformed `hash-mismatch` once it is gone; Refused `gone` where another server found that first.

        Returns its size, and leaves it alone, where another one read it right and marked it meanwhile.
        """
        over = self._delivery.now() // _HOUR_S * _HOUR_S
        if not await self._delivery.db.write(lambda db: store.refuse_attachment(db, row.id, expires=over)):
            current = await store.peek_attachment(self._delivery.db, row.id)
            if current is None or not current.done:
                raise error("gone")
            return row.size
        await self._threads.run(partial(self._blobs.delete, row.id), prefix=prefix)
        await self._delivery.db.write(lambda db: store.drop_attachment(db, row.id))
        raise error("hash-mismatch")

    @asynccontextmanager
    async def _alone(self, name: bytes) -> AsyncIterator[None]:
        """Nobody else in this process changes this attachment meanwhile."""
        lock = self._locks.setdefault(name, asyncio.Lock())
        self._waiting[name] += 1
        try:
            async with lock:
                yield
        finally:
            self._waiting[name] -= 1
            if not self._waiting[name]:
                del self._waiting[name], self._locks[name]


def _hashes(request: AddAttachment) -> list[bytes]:
    """By which passes are known."""
    return [hashlib.sha256(each).digest() for each in request.passes]


def _fit(row: StoredAttachment, start: int, length: int) -> int:
    """How much of so many bytes from there on one answer brings. Raises Malformed for a start beyond the end."""
    if start >= row.size:
        raise error("malformed", "a range beyond the end")
    return min(length, row.size - start, PIECE_MAX_BYTES)


def _round_up(at: int, step_s: int) -> int:
    """The end of the hour or day: a row tells no exact time."""
    return -(-at // step_s) * step_s


async def _to_the_end(work: Coroutine[None, None, int]) -> int:
    """The result of work in a thread. Whoever is cancelled waits for it all the same: the lock may not go before it."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise
