"""What has outlived its purpose goes: messages, requests, passes, blocks, groups, key packages, claims."""

from __future__ import annotations

from typing import Final

from zajil.delivery import store
from zajil.delivery.context import Delivery

ROWS: Final = 1000
"""Most rows of one table in one transaction, so that nobody waits long behind this job."""


async def run_often(delivery: Delivery) -> None:
    """Delete signals of calls that nobody came for: they live a minute, so they do not wait for the hourly run."""
    while (await delivery.engine.expire(rows=ROWS)).rows >= ROWS:
        pass


async def run(delivery: Delivery) -> None:
    """Delete everything expired, in short transactions, then empty the write-ahead log: it keeps old rows."""
    await run_often(delivery)
    now = delivery.now()
    while await delivery.db.write(lambda connection: store.expire_rows(connection, now=now, rows=ROWS)) >= ROWS:
        pass
    await delivery.db.empty_log()
