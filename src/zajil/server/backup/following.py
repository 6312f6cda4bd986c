"""Who serves a database of PostgreSQL, or judges for its servers, notices a standby that took over before it writes."""

from __future__ import annotations

import time
from collections.abc import Callable

from zajil.engine.sql.database import Database
from zajil.server.backup.rows import taken_over


def follow_standbys(database: Database, *, clock: Callable[[], float] = time.time) -> None:
    """From now on; all tables are there. Nothing to do for a file of SQLite. clock: Unix seconds."""
    if database.engine.dialect.name != "postgresql":
        return
    from zajil.engine.sql.postgres.database import PostgresDatabase
    from zajil.engine.sql.postgres.timeline import Follower

    if isinstance(database, PostgresDatabase):
        database.follower = Follower(taken_over, clock=clock)
