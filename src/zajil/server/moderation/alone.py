"""The worker's place on a database of PostgreSQL: one at a time, whatever machines and data directories they are on.

It is an advisory lock of a session of its own, so it is free again as soon as its holder is gone, however that ended;
some seconds later where a whole machine went without a word. A session that broke, as with a restart of PostgreSQL, is
made anew. Where another worker was faster, this one ends: two would each know half of the last copies, and judge what
the other has under way. What is stored stays right meanwhile, since a version is decided once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from zajil.server.config import ConfigError

if TYPE_CHECKING:
    from zajil.engine.sql.postgres.connection import Connection

_LOG = logging.getLogger(__name__)
JUDGES: Final = 0x7A616A696D
"""The advisory lock: one more than that of writers (`engine/sql/postgres/database.py`)."""
_ALIVE: Final = "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3"
"""How soon the server of PostgreSQL notices that nobody is there any more. By itself it takes hours."""
_AWAY: Final = "the server of PostgreSQL does not answer"
LOOK_S: Final = 2.0
PATIENCE_S: Final = 30.0
"""How long its own session, which broke, may keep the lock at the server before that notices."""


@asynccontextmanager
async def alone(url: str, *, lost: Callable[[], None], look_s: float = LOOK_S) -> AsyncIterator[None]:
    """Hold the worker's place on this database; nothing to do for a file of SQLite (""), whose directory is locked.

    lost: called where another worker has it now. Raises ConfigError, at once where it is taken or no server answers,
    and at the end where it was lost.
    """
    if not url:
        yield
        return
    place = _Place(url)
    held = await asyncio.to_thread(place.take)
    if not held:
        raise ConfigError("another moderation worker runs on this database" if held is False else _AWAY)
    keeping = asyncio.create_task(_keep(place, lost, look_s))
    try:
        yield
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        await asyncio.to_thread(place.leave)
    if not keeping.cancelled():
        raise ConfigError("another moderation worker took over this database")


async def _keep(place: _Place, lost: Callable[[], None], look_s: float) -> None:
    """Look after the place; returns once it is another's."""
    gone_at: float | None = None
    while True:
        await asyncio.sleep(look_s)
        held = await asyncio.to_thread(place.take)
        if held is not False:  # ours, or nobody answers
            gone_at = None
        elif gone_at is None:
            gone_at = time.monotonic()
        elif time.monotonic() - gone_at > PATIENCE_S:
            _LOG.error("another moderation worker runs on this database: this one ends")
            lost()
            return


class _Place:
    """Everything here blocks."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: Connection | None = None

    def take(self) -> bool | None:
        """Whether this is the worker's place now: False where another has it, None where the server does not answer."""
        import psycopg

        from zajil.engine.sql.postgres.connection import connect

        try:
            if self._session is not None:
                self._session.execute("SELECT 1")
                return True
            session = connect(self._url)
            session.execute(_ALIVE)
            row = session.execute("SELECT pg_try_advisory_lock(%s)", (JUDGES,)).fetchone()
            if row is None or not row[0]:
                session.close()
                return False
            self._session = session
        except psycopg.OperationalError:
            self.leave()
            return None
        return True

    def leave(self) -> None:
        """It is free."""
        if self._session is not None:
            self._session.close()
            self._session = None
