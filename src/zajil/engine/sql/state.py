"""What a server remembers of its own running, in the database so that several servers and later starts know it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Table, Text

from zajil.engine.sql.database import METADATA, describe

TIMELINE: Final = "timeline"
"""Which server of PostgreSQL was written to last, as `postgres.timeline.History` writes it."""
RETENTION: Final = "retention"
"""Unix second of the last run of retention, see `clockguard`."""
DOUBTED: Final = "doubted"
"""Seconds that servers have waited for a clock that they doubt."""
_KEPT: Final = "kept, each replaced by the next"

server_state = Table(
    "server_state",
    METADATA,
    Column("name", Text, primary_key=True, info=describe("flag", "which of the facts", _KEPT)),
    Column(
        "value",
        Text,
        nullable=False,
        info=describe(
            "counter",
            "second of the last run of retention, seconds of doubt about the clock, which server of PostgreSQL, on"
            " which timeline, was written to last",
            _KEPT,
        ),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

SET: Final = (
    "INSERT INTO server_state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
