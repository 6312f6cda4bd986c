"""The body of each operation, inside the transaction and SAVEPOINT that the engine has opened around it.

The order of the checks is that of service.md 4: idempotency, group and token, limit, roster, then changes. Raising
undoes everything. Token, epoch and roster are read in the very transaction that fans out, so nothing slips past a
Remove.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from zajil.engine.bus import Volatile
from zajil.engine.keys import Keys
from zajil.engine.limits import Limits
from zajil.engine.sql import interface as op
from zajil.engine.sql import queues
from zajil.engine.sql.batch.rosters import Rosters
from zajil.engine.sql.queues import Cap, Entry, Sql
from zajil.protocol.errors import error
from zajil.protocol.ids import GroupId, MailboxId
from zajil.protocol.limits import ROSTER_ENTRIES
from zajil.protocol.roster import NONCE_BYTES, RosterEntry, seal_roster

DAY_S = 86_400
_NOBODY = bytes(32)
HEADS: Final = "idem_head"
HEAD_BYTES: Final = 8
"""Of a request's key, in that table of a writer who is alone: it tells where the row is (`sqlite/heads.py`)."""


class Effects:
    """What one operation leaves behind for after COMMIT: new entries, frames to pass on, pushes that are due."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.volatile: list[tuple[tuple[MailboxId, ...], Volatile]] = []
        self.wakes = False
        self.doubted: frozenset[MailboxId] = frozenset()
        """What batches before were to put something into, of which nobody knows whether they took place."""


class Transaction(Effects):
    """What one operation works with, and its effects."""

    def __init__(self, sql: Sql, tools: Tools, now_ms: int) -> None:
        super().__init__()
        self.sql = sql
        self.tools = tools
        self.now_ms = now_ms

    @property
    def day(self) -> int:
        """Days since 1970."""
        return self.now_ms // 1000 // DAY_S


class Tools(NamedTuple):
    """What an engine was built with."""

    keys: Keys
    open_ref: op.RefOpener
    limits: Limits
    random: Callable[[int], bytes]
    cap: Cap
    rosters: Rosters


class GroupRow(NamedTuple):
    """What is stored of a group, as `GROUP_COLUMNS` lists it."""

    epoch: int
    token_hash: bytes
    prev_hash: bytes | None
    roster: bytes
    used_day: int


GROUP_COLUMNS: Final = "epoch, token_hash, prev_hash, roster, used_day"


def hash_deny(mailbox_id: MailboxId, serial: bytes) -> bytes:
    """The name under which a blocked reference is kept: SHA-256 of mailbox 16 B and serial 8 B."""
    return hashlib.sha256(mailbox_id + serial).digest()


def read_accepted(row: tuple[bytes, bytes] | None, body_hash: bytes) -> op.Accepted | None:
    """The answer in this row (body_hash, answer), if it is of this very request.

    Raises Malformed `idem-conflict` for another body under its key.
    """
    if row is None:
        return None
    if not hmac.compare_digest(row[0], body_hash):
        raise error("idem-conflict")
    epoch, ts = msgspec.msgpack.decode(row[1], type=tuple[int, int])
    return op.Accepted(epoch, ts, True)


def write_answer(epoch: int, now_ms: int) -> bytes:
    """The answer as `read_accepted` reads it."""
    return msgspec.msgpack.encode((epoch, now_ms))


def check_token(group: GroupRow | None, epoch: int, token: bytes) -> GroupRow:
    """The group, if this is the token of its epoch and the request is of that epoch.

    The token of the epoch before is always `stale-epoch`; anything else, and no such group, `bad-group-token`.
    """
    row = group or GroupRow(-1, _NOBODY, _NOBODY, b"", 0)
    given = hashlib.sha256(token).digest()
    is_now = hmac.compare_digest(given, row.token_hash)
    is_prev = hmac.compare_digest(given, row.prev_hash or _NOBODY)
    if group is not None and is_now and epoch == group.epoch:
        return group
    if group is not None and is_prev:
        raise error("stale-epoch", detail={"epoch": group.epoch})
    raise error("bad-group-token")


def check_member(sql: Sql, gid: GroupId, epoch: int, token: bytes) -> bool:
    """The token is that of `epoch`, the group's or the one before; whether it is the group's.

    Raises Refused `bad-group-token`. One statement.
    """
    row = sql.run("SELECT epoch, token_hash, prev_hash FROM grp WHERE gid = ?", (gid,)).fetchone()
    current, now_hash, prev_hash = row or (-1, _NOBODY, _NOBODY)
    given = hashlib.sha256(token).digest()
    is_now = hmac.compare_digest(given, now_hash) and epoch == current
    is_prev = hmac.compare_digest(given, prev_hash or _NOBODY) and epoch == current - 1
    if row is None or not (is_now or is_prev):
        raise error("bad-group-token")
    return is_now


def open_refs(tools: Tools, entries: Sequence[RosterEntry]) -> dict[bytes, op.OpenRef]:
    """Where these entries lead, by the name under which each could be denied. Raises Refused `bad-delivery-ref`."""
    opened = [tools.open_ref(entry.deliver_to) for entry in entries]
    return {hash_deny(ref.mailbox_id, ref.serial): ref for ref in opened}


def seal_new_roster(tools: Tools, key: bytes, gid: GroupId, epoch: int, entries: Sequence[RosterEntry]) -> bytes:
    """The roster of `epoch` as it rests."""
    return seal_roster(key, gid, epoch, entries, nonce=tools.random(NONCE_BYTES))


def change_roster(old: Sequence[RosterEntry], add: Sequence[RosterEntry], rm: Sequence[int]) -> tuple[RosterEntry, ...]:
    """The roster after a commit. Raises `malformed` and `too-big` as `Commit` says."""
    entries = {entry.leaf: entry for entry in old}
    for leaf in rm:
        if entries.pop(leaf, None) is None:
            raise error("malformed", "removes a leaf that is not there")
    for entry in add:
        if entry.leaf in entries:
            raise error("malformed", "adds a leaf where one is")
        entries[entry.leaf] = entry
    if len(entries) > ROSTER_ENTRIES:
        raise error("too-big", "roster")
    return tuple(entries.values())


def add_mailbox(tx: Transaction, request: op.AddMailbox) -> op.Done:
    """One statement."""
    made = tx.sql.run(
        "INSERT INTO mailbox (mailbox_id, next_seq, acked, count, bytes, gap_count, gap_seq)"
        " VALUES (?, ?, 0, 0, 0, 0, 0) ON CONFLICT DO NOTHING",
        (request.mailbox_id, request.first),
    )
    return op.Done(made.rowcount)


def lift_mailbox(tx: Transaction, request: op.LiftMailbox) -> op.Done:
    """Rows: entries numbered anew. The caller has locked the mailbox. At most 4 statements.

    All new numbers are above all old ones, so no entry meets another's on its way.
    """
    box = request.mailbox_id
    row = tx.sql.run("SELECT next_seq FROM mailbox WHERE mailbox_id = ?", (box,)).fetchone()
    if row is None:
        raise error("gone", "mailbox")
    if row[0] > request.seen:
        return op.Done(0)
    moved = tx.sql.run(
        "UPDATE mailbox_item SET seq = placed.new FROM (SELECT seq AS old, ? + row_number() OVER (ORDER BY seq) AS new"
        " FROM mailbox_item WHERE mailbox_id = ?) AS placed WHERE mailbox_id = ? AND seq = placed.old",
        (request.seen, box, box),
    ).rowcount
    newest = request.seen + moved
    tx.sql.run(
        "UPDATE mailbox SET next_seq = ?, gap_seq = CASE WHEN gap_count > 0 THEN ? ELSE 0 END WHERE mailbox_id = ?",
        (newest + 1, request.seen + 1, box),
    )
    tx.sql.run("UPDATE push_due SET seq = ? WHERE mailbox_id = ?", (newest, box))
    return op.Done(moved)


def drop_mailbox(tx: Transaction, request: op.DropMailbox) -> op.Done:
    """Rows: entries deleted."""
    return op.Done(queues.drop_entries(tx.sql, request.mailbox_id))


def add_passes(tx: Transaction, request: op.AddPasses) -> op.Done:
    """One statement."""
    rows = [(each, request.kind, tx.day) for each in request.hashes]
    tx.sql.run_many("INSERT INTO pass (hash, kind, day) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", rows)
    return op.Done(len(rows))


def change_ref(tx: Transaction, request: op.DenyRef | op.AllowRef) -> op.Done:
    """One statement."""
    name = hash_deny(request.mailbox_id, request.serial)
    if isinstance(request, op.AllowRef):
        return op.Done(tx.sql.run("DELETE FROM ref_deny WHERE hash = ?", (name,)).rowcount)
    made = tx.sql.run(
        "INSERT INTO ref_deny (hash, day) VALUES (?, ?) ON CONFLICT (hash) DO UPDATE SET day = excluded.day",
        (name, tx.day),
    )
    return op.Done(made.rowcount)


Rare = op.AddMailbox | op.LiftMailbox | op.DropMailbox | op.AddPasses | op.DenyRef | op.AllowRef | op.Expire

_EXPIRY: tuple[tuple[str, int] | tuple[str, int, int], ...] = (
    ("DELETE FROM pass WHERE hash IN (SELECT hash FROM pass WHERE day <= ? LIMIT ?) AND day <= ?", op.PASS_TTL_DAYS),
    (
        "DELETE FROM pass WHERE hash IN (SELECT hash FROM pass WHERE kind = ? AND day <= ? LIMIT ?) AND day <= ?",
        op.UPLOAD_PASS_TTL_DAYS,
        op.PASS_UPLOAD,
    ),
    (
        "DELETE FROM ref_deny WHERE hash IN (SELECT hash FROM ref_deny WHERE day <= ? LIMIT ?) AND day <= ?",
        op.DENY_TTL_DAYS,
    ),
    (
        "DELETE FROM ref_use WHERE hash IN (SELECT hash FROM ref_use WHERE day <= ? LIMIT ?) AND day <= ?",
        op.REF_USE_TTL_DAYS,
    ),
    (
        "DELETE FROM grp WHERE gid IN (SELECT gid FROM grp WHERE used_day <= ? LIMIT ?) AND used_day <= ?",
        op.GROUP_TTL_DAYS,
    ),
)
"""The age is asked twice. A row that another gateway used just now is waited for, and PostgreSQL then asks the outer
condition again of what became of it, but not the inner query: the group would go that somebody has just come back to.
"""


def expire(tx: Transaction, request: op.Expire) -> op.Done:
    """The most rows deleted from one table: `request.rows` means that there may be more."""
    most = queues.expire_messages(tx.sql, tx.now_ms // 1000, request.rows)
    return op.Done(max(most, expire_the_rest(tx, request.rows)))


def expire_the_rest(tx: Transaction, rows: int) -> int:
    """Retention of all but messages; the most rows deleted from one table."""
    most = expire_requests(tx, rows)
    for statement, keep, *kinds in _EXPIRY:
        most = max(most, tx.sql.run(statement, (*kinds, tx.day - keep, rows, tx.day - keep)).rowcount)
    return most


def expire_requests(tx: Transaction, rows: int) -> int:
    """How many were forgotten. A writer who is alone has them in the order in which they came."""
    last = tx.now_ms // 1000 - op.IDEM_TTL_S
    if not tx.sql.is_alone:
        chosen = "key IN (SELECT key FROM idem WHERE at <= ? LIMIT ?) AND at <= ?"
        return tx.sql.run(f"DELETE FROM idem WHERE {chosen}", (last, rows, last)).rowcount  # noqa: S608
    gone = tx.sql.run(
        "DELETE FROM main.idem WHERE rowid IN (SELECT rowid FROM main.idem WHERE at <= ? LIMIT ?) RETURNING key, rowid",
        (last, rows),
    ).fetchall()
    heads = [(key[:HEAD_BYTES], place) for key, place in gone]
    tx.sql.run_many(f"DELETE FROM temp.{HEADS} WHERE head = ? AND place = ?", heads)  # noqa: S608
    return len(gone)


def run(tx: Transaction, operation: Rare) -> op.Outcome:
    """Carry one operation out that is in no batch. Raises what it names."""
    match operation:
        case op.AddMailbox():
            return add_mailbox(tx, operation)
        case op.LiftMailbox():
            return lift_mailbox(tx, operation)
        case op.DropMailbox():
            return drop_mailbox(tx, operation)
        case op.AddPasses():
            return add_passes(tx, operation)
        case op.DenyRef() | op.AllowRef():
            return change_ref(tx, operation)
        case op.Expire():
            return expire(tx, operation)
