"""The gate: what becomes of a post whose verdict does not come in time. Driven by the clock it is given.

Established authors are shown unchecked, others are held for people. Either way its work stays in the outbox.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.channels import publishing
from zajil.channels.context import Channels
from zajil.channels.rules import states
from zajil.channels.store import posts

_AT_ONCE: Final = 100


async def release_due(space: Channels) -> int:
    """Let every post go on whose time is over; how many there were."""
    now_ms, count = space.now_ms(), 0
    while await space.db.read(lambda db: posts.gate_due(db, now_ms=now_ms, limit=1)):
        moved, topics = await space.db.write(lambda db: _release(space, db, now_ms))
        space.wakeups.wake(topics)
        count += moved
    return count


def _release(space: Channels, db: Connection, now_ms: int) -> tuple[int, set[bytes]]:
    due = posts.gate_due(db, now_ms=now_ms, limit=_AT_ONCE)
    settlement = publishing.Settlement(space)
    for row in due:
        settlement.add(row, states.pass_gate(row.now))
    return len(due), settlement.write(db)
