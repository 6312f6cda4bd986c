"""The tables of every service on PostgreSQL: the same that SQLite has, and wide enough for what they hold."""

from __future__ import annotations

from contextlib import closing

import pytest
from sqlalchemy import inspect
from tests.postgres import Postgres

from zajil.engine.sql.postgres.database import PostgresDatabase
from zajil.server.schema import all_tables, migrate

pytestmark = pytest.mark.scale


def test_all_tables_can_be_made_there_and_lose_no_bits_and_no_condition(postgres: Postgres) -> None:
    with postgres.database() as url, closing(PostgresDatabase(url)) as database:
        migrate(database)
        found = inspect(database.engine)
        assert set(found.get_table_names()) == {*all_tables().tables, "alembic_version", "pub_words"}
        narrow = []
        for table in all_tables().tables.values():
            kinds = {column["name"]: str(column["type"]) for column in found.get_columns(table.name)}
            assert set(kinds.values()) <= {"BIGINT", "INTEGER", "BYTEA", "TEXT"}, table.name
            for column in table.columns:
                counts_up = column is table.autoincrement_column
                words = set(column.info["purpose"].split())
                clock = column.info["class"] == "time" and not words & {"day", "month", "month,"}
                if (counts_up or clock) and kinds[column.name] != "BIGINT":
                    narrow.append(f"{table.name}.{column.name}: {column.info['purpose']}")
            told = {index["name"]: index for index in found.get_indexes(table.name)}
            for index in table.indexes:
                condition = index.dialect_options["sqlite"]["where"]
                there = told[index.name].get("dialect_options", {}).get("postgresql_where")
                assert there == (None if condition is None else f"({condition})"), index.name
        assert not narrow, "\n".join(narrow)
