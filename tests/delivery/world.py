"""Groups and devices as a server sees them: frames with real headers, AADs, tokens, rosters and references.

The bodies are not MLS ciphertext: the server owns no MLS code, so it cannot tell. Everything it does read is real.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zajil.delivery import commit as commit_verb
from zajil.delivery import create as create_verb
from zajil.delivery import send as send_verb
from zajil.delivery.refs import RefBook
from zajil.engine.bus import MemoryBus
from zajil.engine.keys import Keys
from zajil.engine.limits import DEFAULTS, Limit, Limits
from zajil.engine.sql import interface as op
from zajil.engine.sql.queues import Cap
from zajil.engine.sql.sqlite.database import SQLiteDatabase
from zajil.engine.sql.sqlite.engine import SQLiteMailboxEngine
from zajil.engine.sql.writer import Parts, QueuedMailboxEngine
from zajil.protocol import frames
from zajil.protocol.chat.aad import ApplicationAad, CommitAad, hash_refs, parse_aad
from zajil.protocol.ids import GroupId, MailboxId, Mid
from zajil.protocol.mlsheader import parse_header

if TYPE_CHECKING:
    import psycopg

IMPLEMENTATIONS = ("sqlite", "postgres")
T0_MS = 1_800_000_000_000
NO_LIMITS = {name: Limit(1e9, 1e-9) for name in DEFAULTS}


def vector(data: bytes) -> bytes:
    size = len(data)
    if size < 1 << 6:
        return bytes([size]) + data
    if size < 1 << 14:
        return (size | 0x4000).to_bytes(2, "big") + data
    return (size | 0x80000000).to_bytes(4, "big") + data


def private_message(gid: bytes, epoch: int, content_type: int, aad: bytes, payload: bytes) -> bytes:
    """An MLSMessage with a PrivateMessage header (RFC 9420 section 6.3) and opaque rest."""
    head = bytes((0, 1, 0, 2)) + vector(gid) + epoch.to_bytes(8, "big") + bytes([content_type]) + vector(aad)
    return head + vector(b"sender data") + vector(payload)


class Server:
    """Keys, references and an engine, on a file or a database of PostgreSQL whose tables exist. Driven synchronously
    unless `engine.start()` is called.
    """

    database: SQLiteDatabase
    """Of the file, where it is one."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: int = 0,
        cap: Cap | None = None,
        limits: dict[str, Limit] | None = None,
        url: str | None = None,
    ) -> None:
        self.url = url
        self._looking: psycopg.Connection[tuple[int, ...]] | None = None
        self.rng = random.Random(seed)
        self.path = folder / "zajil.db"
        self.keys = Keys.create(self.rng.randbytes)
        self.refs = RefBook(self.keys, random=self.rng.randbytes)
        self.cap = cap or Cap(op.MAILBOX_ENTRIES_MAX, op.MAILBOX_BYTES_MAX)
        self.limits = NO_LIMITS if limits is None else limits
        self.now_ms = T0_MS
        self.bus = MemoryBus()
        if url is None:
            self.database = SQLiteDatabase.open(self.path)
            self.database.create_tables()
        self.engine = self.make_engine()

    def parts(self) -> Parts:
        """What an engine of it is made with."""
        return Parts(
            keys=self.keys,
            open_ref=self.refs.open_ref,
            bus=self.bus,
            limits=Limits(self.limits),
            clock=lambda: self.now_ms / 1000,
            random=self.rng.randbytes,
            cap=self.cap,
        )

    def make_engine(self) -> QueuedMailboxEngine:
        parts = self.parts()
        if self.url is None:
            return SQLiteMailboxEngine(self.database, parts)
        from zajil.engine.sql.postgres.engine import PostgresMailboxEngine  # not at the top: few need its driver

        return PostgresMailboxEngine(self.url, parts)

    def crash(self) -> None:
        """What a kill leaves: the file. A new engine opens it."""
        self.engine.abandon()
        self.engine = self.make_engine()

    def close(self) -> None:
        self.engine.abandon()
        if self.url is None:
            self.database.close()
        if self._looking is not None:
            self._looking.close()

    def run(self, *operations: op.Operation) -> list[op.Outcome | Exception]:
        return self.engine.apply(operations, now_ms=self.now_ms)

    def do(self, operation: op.Operation) -> op.Outcome:
        (outcome,) = self.run(operation)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def mailbox(self) -> MailboxId:
        box = MailboxId(self.rng.randbytes(16))
        self.do(op.AddMailbox(mailbox_id=box))
        return box

    def new_pass(self) -> bytes:
        token = self.rng.randbytes(32)
        self.do(op.AddPasses(hashes=(hashlib.sha256(token).digest(),), kind=op.PASS_GROUP))
        return token

    def queue(self, box: MailboxId, after: int = 0, n: int = 1000) -> tuple[frames.Msg, ...]:
        return self.engine.read_now(box, after, n=n)

    def mark(self, frame: frames.Send) -> bytes:
        """The mark of this message where it is taken now."""
        aad = parse_aad(parse_header(frame.body).authenticated_data)
        assert isinstance(aad, ApplicationAad)
        return self.keys.frank(aad.tag, frame.gid, self.now_ms)

    def create(self, frame: frames.Create) -> op.Outcome:
        return self.do(create_verb.prepare(frame))

    def commit(self, frame: frames.Commit) -> op.Outcome:
        return self.do(commit_verb.prepare(frame))

    def send(self, frame: frames.Send) -> op.Outcome:
        return self.do(send_verb.prepare(frame))

    def look(self, statement: str) -> tuple[int, ...]:
        """The only row of this SELECT, as another connection sees it."""
        if self.url is None:
            with self.database.engine.connect() as connection:
                return tuple(map(int, connection.exec_driver_sql(statement).one()))
        import psycopg

        if self._looking is None:
            self._looking = psycopg.connect(self.url, autocommit=True)
        (row,) = self._looking.execute(statement.encode()).fetchall()
        return tuple(map(int, row))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Another work has the database: the writer waits."""
        if self.url is None:
            with self.database.turn:
                yield
            return
        import psycopg

        with psycopg.connect(self.url) as holding:
            holding.execute("LOCK TABLE mailbox, idem")
            yield

    def count(self, table: str) -> int:
        return self.look(f"SELECT COUNT(*) FROM {table}")[0]


class Group:
    """What the members of a group share: gid, epoch, tokens, roster key, and who sits on which leaf."""

    def __init__(self, server: Server, *boxes: MailboxId) -> None:
        self.server = server
        self.rng = server.rng
        self.gid = GroupId(self.rng.randbytes(16))
        self.roster_key = self.rng.randbytes(32)
        self.epoch = 0
        self.tokens = [self.rng.randbytes(32)]
        self.leaves: dict[int, MailboxId] = {0: boxes[0]}
        self.refs: dict[int, bytes] = {0: server.refs.make_ref(boxes[0])}
        self.creation = self.create_frame()
        server.create(self.creation)
        if len(boxes) > 1:
            self.founding = self.add(*boxes[1:])

    @property
    def token(self) -> bytes:
        return self.tokens[-1]

    def mid(self) -> Mid:
        return Mid(self.rng.randbytes(16))

    def create_frame(self) -> frames.Create:
        token_hash = hashlib.sha256(self.token).digest()
        add = (frames.AddedLeaf(0, self.refs[0]),)
        return frames.Create(1, self.mid(), self.gid, self.server.new_pass(), self.roster_key, token_hash, add)

    def send_frame(
        self, payload: bytes = b"text", *, flags: int = 0, epoch: int | None = None, ttl: int = 0
    ) -> frames.Send:
        at = self.epoch if epoch is None else epoch
        body = private_message(self.gid, at, 1, ApplicationAad(self.rng.randbytes(32)).encode(), payload)
        return frames.Send(1, self.mid(), self.gid, self.token, self.roster_key, flags, ttl, body)

    def commit_frame(
        self,
        add: Sequence[tuple[int, bytes]] = (),
        rm: Sequence[int] = (),
        *,
        rotate: bool = False,
        welcome: bytes | None = None,
        next_token: bytes | None = None,
        payload: bytes = b"path",
    ) -> frames.Commit:
        token = next_token or self.rng.randbytes(32)
        key = self.rng.randbytes(32) if rotate else None
        aad = CommitAad(tuple(leaf for leaf, _ in add), tuple(rm), rotate, hash_refs([ref for _, ref in add]))
        body = private_message(self.gid, self.epoch, 3, aad.encode(), payload + token)
        self.pending = token
        return frames.Commit(
            1,
            self.mid(),
            self.gid,
            self.token,
            self.epoch,
            self.roster_key,
            key,
            hashlib.sha256(token).digest(),
            tuple(frames.AddedLeaf(leaf, ref) for leaf, ref in add),
            tuple(rm),
            body,
            welcome,
        )

    def applied(self, frame: frames.Commit, token: bytes) -> None:
        """What every member does at the echo of a commit that won."""
        self.epoch += 1
        self.tokens.append(token)
        self.roster_key = frame.new_roster_key or self.roster_key
        for leaf in frame.rm:
            del self.leaves[leaf], self.refs[leaf]
        for added in frame.add:
            self.refs[added.leaf] = added.deliver_to
            self.leaves[added.leaf] = self.server.refs.open_ref(added.deliver_to).mailbox_id

    def add(self, *boxes: MailboxId) -> frames.Commit:
        free = [leaf for leaf in range(len(self.leaves) + len(boxes)) if leaf not in self.leaves]
        add = [(leaf, self.server.refs.make_ref(box)) for leaf, box in zip(free, boxes, strict=False)]
        self.last_welcome = b"welcome" + self.rng.randbytes(8)
        frame = self.commit_frame(add, welcome=self.last_welcome)
        self.server.commit(frame)
        self.applied(frame, self.pending)
        return frame

    def remove(self, leaf: int) -> frames.Commit:
        frame = self.commit_frame(rm=[leaf], rotate=True)
        self.server.commit(frame)
        self.applied(frame, self.pending)
        return frame
