"""Inclusion proofs for notices, from a tree that is kept and grows with the log."""

from __future__ import annotations

import threading

from sqlalchemy import Connection

from zajil.moderation.decide.orders import encode_record
from zajil.moderation.store import log
from zajil.moderation.store.decisions import DecisionRow
from zajil.protocol.control import B16, B32, Blob
from zajil.protocol.public.redress import Proof
from zajil.protocol.tlog.tree import MerkleTree


class ProofBook:
    """One per process. Reads each leaf of the log once."""

    def __init__(self) -> None:
        self._tree = MerkleTree()
        self._lock = threading.Lock()

    def find_proof(self, db: Connection, row: DecisionRow) -> Proof | None:
        """That the log has this decision; None until a signed head covers it."""
        note = log.find_checkpoint(db, covering=row.entry + 1)
        entry = log.find_entry(db, row.entry)
        if note is None or entry is None:
            return None
        with self._lock:
            for leaf in log.read_leaves(db, note.size, first=self._tree.size):
                self._tree.append(leaf)
            path = self._tree.inclusion_proof(row.entry, note.size)
        return Proof(
            entry=Blob(entry),
            path=tuple(B32(each) for each in path),
            checkpoint=note.note.decode(),
            record=Blob(encode_record(row)),
            salt=B16(row.salt),
        )
