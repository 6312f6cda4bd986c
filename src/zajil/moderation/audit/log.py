"""The log's head, and how it moves: pure. `record` puts it to a store inside the caller's transaction.

A head is all that is needed to append: the count, the last hash and time, and the tree's right edge. A checkpoint is
due at 1,000 entries since the last one, or when the first of them is 10 minutes old; without new entries none is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zajil.moderation.audit.entries import GENESIS, Entry, Kind, encode_entry, entry_hash
from zajil.protocol.tlog.checkpoint import Checkpoint, sign_checkpoint
from zajil.protocol.tlog.tree import Frontier, leaf_hash

CHECKPOINT_ENTRIES: Final = 1_000
CHECKPOINT_AFTER_S: Final = 600


class Draft(NamedTuple):
    """What a caller knows of an entry; the log adds number, time and chain. Fields as in `Entry`."""

    kind: Kind
    decision_hash: bytes
    policy: str = ""
    model: str = ""
    actor_pseudonym: bytes = b""


class LogHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the log stands. size: entries. signed_size: of the newest checkpoint.

    unsigned_since: time of the first entry no checkpoint covers, None where all are covered.
    """

    size: int = 0
    last_hash: bytes = GENESIS
    last_at: int = 0
    peaks: tuple[bytes, ...] = ()
    signed_size: int = 0
    unsigned_since: int | None = None

    @property
    def root(self) -> bytes:
        """The tree's root over all entries."""
        return Frontier(self.size, self.peaks).root()

    def checkpoint_due_at(self) -> float | None:
        """When the next checkpoint is due: Unix seconds, 0 for at once, None while nothing is unsigned."""
        if self.unsigned_since is None:
            return None
        if self.size - self.signed_size >= CHECKPOINT_ENTRIES:
            return 0
        return self.unsigned_since + CHECKPOINT_AFTER_S


class Appended(NamedTuple):
    """An entry as the store keeps it. leaf: its hash in the tree."""

    n: int
    data: bytes
    leaf: bytes


def append(head: LogHead, draft: Draft, *, now: float) -> tuple[LogHead, Appended]:
    """The head with one more entry, and that entry. now: Unix seconds; times in the log never go back."""
    at = max(int(now), head.last_at)
    data = encode_entry(
        Entry(
            n=head.size,
            at=at,
            kind=draft.kind,
            decision_hash=draft.decision_hash,
            policy=draft.policy,
            model=draft.model,
            actor_pseudonym=draft.actor_pseudonym,
            prev=head.last_hash,
        )
    )
    leaf = leaf_hash(data)
    frontier = Frontier(head.size, head.peaks).append(leaf)
    moved = msgspec.structs.replace(
        head,
        size=frontier.size,
        last_hash=entry_hash(data),
        last_at=at,
        peaks=frontier.peaks,
        unsigned_since=at if head.unsigned_since is None else head.unsigned_since,
    )
    return moved, Appended(frontier.size - 1, data, leaf)


def sign(head: LogHead, key: Ed25519PrivateKey, *, origin: str) -> tuple[LogHead, bytes]:
    """The head with everything signed, and the signed note. origin: `<host>/moderation`."""
    note = sign_checkpoint(Checkpoint(origin, head.size, head.root), key)
    return msgspec.structs.replace(head, signed_size=head.size, unsigned_since=None), note


class AuditRows(Protocol):
    """The log's rows, inside one open transaction; `moderation/store.py` and the tests have one each.

    Of all transactions that read the head, at most one commits at a time: SQLite's single writer, or a row lock.
    """

    def find_head(self) -> LogHead:
        """The stored head; a new one in an empty store."""

    def write_head(self, head: LogHead) -> None:
        """Put a head in the place of the stored one."""

    def insert_entries(self, entries: Sequence[Appended]) -> None:
        """Add entries; their numbers follow the stored ones."""

    def insert_checkpoint(self, size: int, note: bytes) -> None:
        """Add a signed note over the first `size` entries."""


def record(rows: AuditRows, drafts: Iterable[Draft], *, now: float) -> tuple[int, ...]:
    """Append entries in the transaction of what they are about; returns their numbers."""
    head = rows.find_head()
    added = []
    for draft in drafts:
        head, entry = append(head, draft, now=now)
        added.append(entry)
    if added:
        rows.insert_entries(added)
        rows.write_head(head)
    return tuple(entry.n for entry in added)


def sign_due(rows: AuditRows, key: Ed25519PrivateKey, *, origin: str, now: float) -> bytes | None:
    """Sign a checkpoint if one is due; returns the note to publish."""
    due_at = rows.find_head().checkpoint_due_at()
    return sign_now(rows, key, origin=origin) if due_at is not None and now >= due_at else None


def sign_now(rows: AuditRows, key: Ed25519PrivateKey, *, origin: str) -> bytes:
    """Sign a checkpoint over all entries, as an export ends with."""
    head, note = sign(rows.find_head(), key, origin=origin)
    rows.insert_checkpoint(head.size, note)
    rows.write_head(head)
    return note
