"""What moderation does by the clock beside judging: signed checkpoints, and forgetting what has outlived its time."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from zajil.moderation.audit.log import sign_due
from zajil.moderation.decide.confirm import REVERSED_WITHIN_S
from zajil.moderation.decide.decide import Decisions
from zajil.moderation.store import matches, verdicts
from zajil.moderation.store.log import SQLAuditRows
from zajil.moderation.store.transparency import changes

AT_ONCE: Final = 1000
_DAY_S: Final = 86_400


async def sign_checkpoint(moderation: Decisions, key: Ed25519PrivateKey, *, origin: str) -> bytes | None:
    """Sign the log's head if that is due: after 1,000 entries, or 10 minutes after the first unsigned one."""
    now = moderation.clock()

    def is_due(db: Connection) -> bool:
        due_at = SQLAuditRows(db, now=now).find_head().checkpoint_due_at()
        return due_at is not None and now >= due_at

    if not await moderation.db.read(is_due):
        return None
    return await moderation.db.write(lambda db: sign_due(SQLAuditRows(db, now=now), key, origin=origin, now=now))


async def forget(moderation: Decisions) -> int:
    """Drop verdicts, signatures, clusters, changes and their records whose time is over; how many rows."""
    count = 0
    while True:
        now = moderation.now()

        def write(db: Connection, now: int = now) -> int:
            gone = verdicts.forget(db, now=now, limit=AT_ONCE)
            gone += changes.forget_changes(db, now=now, limit=AT_ONCE)
            gone += matches.forget_changes(db, before=now - _DAY_S, limit=AT_ONCE)
            gone += matches.forget_lifts(db, before=now - REVERSED_WITHIN_S)
            return gone + matches.forget_clusters(db, before=now - 7 * _DAY_S, limit=AT_ONCE)

        gone = await moderation.db.write(write)
        count += gone
        if gone < AT_ONCE:
            return count
