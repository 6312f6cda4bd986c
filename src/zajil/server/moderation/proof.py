"""`zajil moderation log verify`: whether the log is whole, and whether log and database tell the same."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from zajil.engine.moderationkeys import FILE_NAME, ModerationKeys
from zajil.moderation.audit.entries import check_record, entry_hash, make_pseudonym, parse_entry
from zajil.moderation.audit.export import encode_export, parse_export
from zajil.moderation.audit.log import LogHead, sign_now
from zajil.moderation.audit.verify import check_log
from zajil.moderation.decide.orders import encode_record
from zajil.moderation.store import decisions, log
from zajil.moderation.store.log import SQLAuditRows
from zajil.moderation.store.transparency.changes import read_changes
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.tlog.checkpoint import Checkpoint, NoteKey, open_checkpoint
from zajil.protocol.tlog.tree import Frontier, leaf_hash
from zajil.server.config import load_settings
from zajil.server.moderation.steering import opened

_DECIDING: Final = ("decision", "appeal")


class LogReport(NamedTuple):
    """What was proven. size: entries. unsigned: those since the last checkpoint. root: hex, over all of them.

    decisions: rows whose entry is in the log with their very record; erased: entries whose row outlived its time.
    changes: of lists, policies and staff, in the same way.
    """

    origin: str
    key: str
    size: int
    unsigned: int
    checkpoints: int
    root: str
    decisions: int
    erased: int
    changes: int = 0


def verify_stored(data: Path, *, trusted: bytes | None = None) -> LogReport:
    """Check chain, tree, signatures, and every stored decision against its entry.

    trusted: a checkpoint somebody kept. Raises Malformed `bad-signature` with detail {fault, n}, KeyFileError.
    """
    keys = ModerationKeys.load(data / FILE_NAME)
    origin = origin_of(data)
    with opened(data) as database:
        return database.read_sync(lambda db: _verify(db, keys, origin, trusted))


def verify_export(file: bytes, *, key: NoteKey, origin: str, trusted: bytes | None = None) -> LogReport:
    """Check an exported log, with a key that comes from elsewhere. Raises as `verify_stored`."""
    parts = parse_export(file)
    seen = open_checkpoint(trusted, [key], origin=origin) if trusted is not None else None
    found = check_log(parts.entries, parts.notes, keys=[key], origin=origin, trusted=seen)
    return LogReport(origin, key.text(), found.size, 0, found.checkpoints, found.root.hex(), 0, 0)


def export_log(data: Path, *, now: float) -> bytes:
    """The whole log as a file that `verify_export` reads; its head is signed first.

    Only that is written. A log of years takes a while to read, during which a server on it goes on writing; what it
    adds meanwhile is not in the file.
    """
    key = ModerationKeys.load(data / FILE_NAME).log
    origin = origin_of(data)

    def sign(db: Connection) -> None:
        if log.count_entries(db):
            sign_now(SQLAuditRows(db, now=now), key, origin=origin)

    def read(db: Connection) -> bytes:
        notes = [(note.size, note.note) for note in log.read_checkpoints(db)]
        signed = notes[-1][0] if notes else 0
        return b"".join(encode_export(islice(log.read_entries(db), signed), notes))

    with opened(data) as database:
        database.write_sync(sign)
        return database.read_sync(read)


def origin_of(data: Path) -> str:
    """How this server's log is called: `<server name>/moderation`."""
    return f"{load_settings(data).server_name}/moderation"


def public_key(data: Path) -> NoteKey:
    """The key that outsiders check this log with."""
    return _note_key(ModerationKeys.load(data / FILE_NAME).log, origin_of(data))


def _note_key(key: Ed25519PrivateKey, origin: str) -> NoteKey:
    return NoteKey(origin, key.public_key().public_bytes_raw())


def _verify(db: Connection, own: ModerationKeys, origin: str, trusted: bytes | None) -> LogReport:
    notes = log.read_checkpoints(db)
    signed = notes[-1].size if notes else 0
    keys = [_note_key(own.log, origin)]
    seen: Checkpoint | None = open_checkpoint(trusted, keys, origin=origin) if trusted is not None else None
    entries = log.read_entries(db)
    found = check_log(islice(entries, signed), [note.note for note in notes], keys=keys, origin=origin, trusted=seen)
    head = SQLAuditRows(db, now=0).find_head()
    unsigned = _check_tail(db, found.size, head)
    kept, logged = _check_decisions(db, own.pseudonym)
    return LogReport(
        origin=origin,
        key=keys[0].text(),
        size=head.size,
        unsigned=unsigned,
        checkpoints=found.checkpoints,
        root=head.root.hex(),
        decisions=kept,
        erased=logged - kept,
        changes=_check_changes(db),
    )


def _check_tail(db: Connection, signed: int, head: LogHead) -> int:
    """The entries that no checkpoint covers yet: they chain on, and end where the head says. How many there are."""
    frontier, last = Frontier(0, ()), bytes(32)
    for number, data in enumerate(log.read_entries(db)):
        if number >= signed:
            try:
                entry = parse_entry(data)
            except ZajilError:
                raise _fault("entry-unreadable", number) from None
            if entry.n != number:
                raise _fault("entry-number", number)
            if entry.prev != last:
                raise _fault("entry-chain", number)
        frontier, last = frontier.append(leaf_hash(data)), entry_hash(data)
    if frontier.size != head.size or (head.size and (last != head.last_hash or frontier.root() != head.root)):
        raise _fault("uncovered", frontier.size)
    return frontier.size - signed


def _check_decisions(db: Connection, pseudonym_key: bytes) -> tuple[int, int]:
    """How many decisions are stored, each with its entry and by whom it names, and how many entries are about some."""
    kept = 0
    for row in decisions.every_decision(db):
        data = log.find_entry(db, row.entry)
        if data is None:
            raise _fault("uncovered", row.entry)
        entry = parse_entry(data)
        check_record(entry, row.salt, encode_record(row))
        if entry.actor_pseudonym != (make_pseudonym(pseudonym_key, row.actor) if row.actor else b""):
            raise _fault("actor", row.entry)
        kept += 1
    return kept, sum(parse_entry(data).kind in _DECIDING for data in log.read_entries(db))


def _check_changes(db: Connection) -> int:
    """How many changes of lists, policies and staff are kept, each with its entry."""
    kept = 0
    for row in read_changes(db):
        data = log.find_entry(db, row.n)
        if data is None:
            raise _fault("uncovered", row.n)
        entry = parse_entry(data)
        if entry.kind != row.kind:
            raise _fault("entry-unreadable", row.n)
        check_record(entry, row.salt, row.record.encode())
        kept += 1
    return kept


def _fault(fault: str, n: int) -> ZajilError:
    return error("bad-signature", f"audit log: {fault} at {n}", detail={"fault": fault, "n": n})
