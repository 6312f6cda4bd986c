"""A Core statement that is compiled once, for the few that run so often that SQLAlchemy costs ten times what they do.

`make bench B=moderation_latency` pays for it: at 300 posts a second, looking up each call's token by SQLAlchemy was
15 % of what the server's interpreter did.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects import postgresql, sqlite

_POSTGRES = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy types it so


class Prepared:
    """A SELECT of named columns as the driver takes it: bound values by name, rows as they are stored."""

    def __init__(self, statement: Select[Any]) -> None:  # Any: of whatever columns
        compiled = statement.compile(dialect=sqlite.dialect(paramstyle="named"))
        self._statement = statement
        self.for_sqlite = str(compiled)
        self.constants = {name: value for name, value in compiled.params.items() if value is not None}

    @cached_property
    def for_postgres(self) -> bytes:
        """The same in the words of psycopg."""
        return str(self._statement.compile(dialect=_POSTGRES)).encode()
