"""A fresh database begins as a copy of the first one that all migrations made.

They are most of what a start of the server costs, and hundreds of tests start one. From the copy on everything is as
ever, the call of the migrations too; one to an earlier revision gets no copy.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from zajil.engine.sql.database import Database
from zajil.engine.sql.sqlite.database import SQLiteDatabase


class Migrate(Protocol):
    """As `schema.migrate`."""

    def __call__(self, database: Database, revision: str = "head", /) -> None: ...


def copying(migrate: Migrate, first: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> Migrate:
    """Migrations that begin with a copy of what `first` holds, and put their result there where it is empty."""
    turn = threading.Lock()

    def is_empty(lying: sqlite3.Connection) -> bool:
        return lying.execute("SELECT 1 FROM sqlite_schema").fetchone() is None

    def migrate_copy(opened: Database, revision: str = "head") -> None:
        if not isinstance(opened, SQLiteDatabase):
            migrate(opened, revision)
            return
        with turn, opened.engine.connect() as connection, first() as made:
            lying = connection.connection.driver_connection
            assert isinstance(lying, sqlite3.Connection)
            fresh = revision == "head" and is_empty(lying)
            if fresh and not is_empty(made):
                made.backup(lying)
        migrate(opened, revision)
        with turn, opened.engine.connect() as connection, first() as made:
            lying = connection.connection.driver_connection
            assert isinstance(lying, sqlite3.Connection)
            if fresh and is_empty(made):
                lying.backup(made)

    return migrate_copy
