"""Whether an export of the log is whole: every entry, in its order, as it was signed.

What is checked: each entry's one encoding; numbers without a gap; each `prev`; times that do not go back; every
checkpoint's signature by the log's key and its root over exactly that many entries; that the last one covers all. So
any flipped byte, any entry dropped, doubled or moved is found. An export that ends early, at a genuine older
checkpoint, is whole in itself: only someone who remembers a later one (`trusted`) can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from zajil.moderation.audit.entries import GENESIS, check_record, entry_hash, parse_entry
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.tlog.checkpoint import Checkpoint, NoteKey, open_checkpoint
from zajil.protocol.tlog.tree import EMPTY, check_inclusion, leaf_hash

FAULTS: Final = {
    "entry-unreadable": "An entry is not in its one encoding.",
    "entry-number": "An entry is missing, doubled or moved.",
    "entry-chain": "An entry does not name the one in front of it.",
    "entry-time": "An entry is older than the one in front of it.",
    "checkpoint-signature": "A checkpoint is not signed by the log's key.",
    "checkpoint-order": "A checkpoint covers fewer entries than the one before, or more than there are.",
    "checkpoint-root": "A checkpoint is over other entries.",
    "uncovered": "Entries at the end are covered by no checkpoint.",
    "behind": "The log is shorter than a checkpoint that was seen, or holds other entries.",
}


class Verified(NamedTuple):
    """What was proven: a log of so many entries with this root, under so many checkpoints."""

    size: int
    root: bytes
    checkpoints: int


def check_log(
    entries: Iterable[bytes],
    notes: Sequence[bytes],
    *,
    keys: Sequence[NoteKey],
    origin: str,
    trusted: Checkpoint | None = None,
) -> Verified:
    """Replay a whole log. entries: their bytes in order; read once. notes: all checkpoints, oldest first.

    keys: the log's, from elsewhere than the export. trusted: the newest checkpoint that was seen before, if any.
    Raises Malformed `bad-signature` with detail {fault: of FAULTS, n: where}.
    """
    checkpoints = [_open(note, keys, origin, number) for number, note in enumerate(notes)]
    _check_order(checkpoints)
    wanted = {mark.size for mark in checkpoints} | ({trusted.size} if trusted is not None else set())
    frontier, last_hash, last_at = EMPTY, GENESIS, 0
    roots = {0: EMPTY.root()}
    for number, data in enumerate(entries):
        last_at = _check_entry(data, number, last_hash, last_at)
        last_hash = entry_hash(data)
        frontier = frontier.append(leaf_hash(data))
        if frontier.size in wanted:
            roots[frontier.size] = frontier.root()
    if trusted is not None and roots.get(trusted.size) != trusted.root:
        raise _fault("behind", trusted.size)
    for number, mark in enumerate(checkpoints):
        if mark.size > frontier.size:
            raise _fault("checkpoint-order", number)
        if roots[mark.size] != mark.root:
            raise _fault("checkpoint-root", number)
    if frontier.size > (checkpoints[-1].size if checkpoints else 0):
        raise _fault("uncovered", frontier.size - 1)
    return Verified(frontier.size, frontier.root(), len(checkpoints))


class Receipt(NamedTuple):
    """What a notice carries: the entry of its decision, where it stands in the log, and a signed head over it."""

    entry: bytes
    proof: tuple[bytes, ...]
    note: bytes


def check_receipt(receipt: Receipt, *, salt: bytes, record: bytes, keys: Sequence[NoteKey], origin: str) -> int:
    """The number of the entry that logged this record. Raises Malformed where anything does not fit."""
    entry = parse_entry(receipt.entry)
    check_record(entry, salt, record)
    head = open_checkpoint(receipt.note, keys, origin=origin)
    check_inclusion(leaf_hash(receipt.entry), receipt.proof, index=entry.n, size=head.size, root=head.root)
    return entry.n


def _check_entry(data: bytes, number: int, last_hash: bytes, last_at: int) -> int:
    """The entry's time; raises where it does not follow."""
    try:
        entry = parse_entry(data)
    except ZajilError:
        raise _fault("entry-unreadable", number) from None
    if entry.n != number:
        raise _fault("entry-number", number)
    if entry.prev != last_hash:
        raise _fault("entry-chain", number)
    if entry.at < last_at:
        raise _fault("entry-time", number)
    return entry.at


def _open(note: bytes, keys: Sequence[NoteKey], origin: str, number: int) -> Checkpoint:
    try:
        return open_checkpoint(note, keys, origin=origin)
    except ZajilError:
        raise _fault("checkpoint-signature", number) from None


def _check_order(checkpoints: Sequence[Checkpoint]) -> None:
    for number, (one, other) in enumerate(pairwise(checkpoints), 1):
        if one.size > other.size:
            raise _fault("checkpoint-order", number)


def _fault(fault: str, n: int) -> ZajilError:
    return error("bad-signature", f"audit log: {fault} at {n}", detail={"fault": fault, "n": n})
