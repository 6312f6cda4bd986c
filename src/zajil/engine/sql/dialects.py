"""What SQLAlchemy has for one database alone, for both of ours."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

__all__ = ["greatest", "upsert"]  # SQLite takes PostgreSQL's ON CONFLICT word for word, but not the other way round


class greatest(GenericFunction[int]):  # noqa: N801  # named and used as a function of SQL
    """The largest of its arguments, none of which is NULL."""

    type = BigInteger()
    inherit_cache = True


@compiles(greatest, "sqlite")
def _greatest_of_sqlite(element: greatest, compiler: SQLCompiler, **words: Any) -> str:  # Any: SQLAlchemy's own
    return f"max({compiler.process(element.clauses, **words)})"
