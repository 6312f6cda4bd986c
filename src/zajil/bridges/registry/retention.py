"""What has outlived its purpose goes: codes to join with, and who asked for tokens a week ago."""

from __future__ import annotations

from typing import Final

from zajil.bridges.registry import store
from zajil.bridges.registry.context import Registry
from zajil.bridges.registry.tokens import first_asked_day

ROWS: Final = 1000


async def run(registry: Registry) -> None:
    """Delete everything expired, in short transactions."""
    now, first_day = registry.now(), first_asked_day(registry)
    while (
        await registry.db.write(lambda db: store.delete_expired(db, now=now, first_asked_day=first_day, limit=ROWS))
        >= ROWS
    ):
        pass
