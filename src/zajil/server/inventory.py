"""`zajil data-inventory`: every table and column, what it is, why it is kept, until when, and how many rows there are.

The texts are `Column.info`, written beside each column. `python -m zajil.server.inventory` prints
`docs/operate/data.md`, so a column without an entry, or a page that lags behind, fails the build.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
from sqlalchemy import Connection, MetaData, func, inspect, select
from sqlalchemy import table as sql_table

from zajil.channels.store.tables import SEARCH_COLUMNS, SEARCH_KEPT
from zajil.engine.sql.database import ColumnClass
from zajil.server.schema import all_tables, find_database, has_database


class InventoryRow(msgspec.Struct, frozen=True):
    """One column. rows: of its table, None without a database."""

    table: str
    column: str
    kind: ColumnClass
    purpose: str
    retention: str
    rows: int | None = None


_SEARCH = tuple(InventoryRow(*each, SEARCH_KEPT) for each in SEARCH_COLUMNS)
# Alembic's own table holds one row: the number of the newest migration.
_ALEMBIC = InventoryRow("alembic_version", "version_num", "counter", "which schema this database has", "kept")


def collect(data: Path | None = None) -> list[InventoryRow]:
    """Every column of every table, by table. data: a data directory, for row counts.

    Raises ValueError naming a column of the code or of the database that has no entry.
    """
    described = sorted([*_described(all_tables()), _ALEMBIC, *_SEARCH], key=lambda row: row.table)
    if data is None or not has_database(data):
        return described
    database = find_database(data)
    try:
        return database.read_sync(lambda db: _counted(db, described))
    finally:
        database.close()


def _described(tables: MetaData) -> list[InventoryRow]:
    rows = []
    for table in sorted(tables.tables.values(), key=lambda each: each.name):
        for column in table.columns:
            info = column.info
            if not {"class", "purpose", "retention"} <= info.keys():
                raise ValueError(f"{table.name}.{column.name} has no entry in the data inventory")
            rows.append(
                InventoryRow(str(table.name), str(column.name), info["class"], info["purpose"], info["retention"])
            )
    return rows


def _counted(db: Connection, described: list[InventoryRow]) -> list[InventoryRow]:
    inspector = inspect(db)
    known = {(row.table, row.column) for row in described}
    counts: dict[str, int] = {}
    for name in inspector.get_table_names():
        for column in inspector.get_columns(name):
            if (name, column["name"]) not in known:
                raise ValueError(f"{name}.{column['name']} is in the database but not in the data inventory")
        counts[name] = db.execute(select(func.count()).select_from(sql_table(name))).scalar_one()
    return [msgspec.structs.replace(row, rows=counts.get(row.table)) for row in described]


def render() -> str:
    """`docs/operate/data.md`."""
    lines = [
        "# What the server stores",
        "",
        "Written by `python -m zajil.server.inventory` from the definition of every column; `zajil data-inventory`",
        "prints the same with the row counts of a running server. Besides the database the data directory holds the",
        "key files (`zajil.key`, `reach.key`, `moderation.key`, `push.key`, `moderators.sealed` and `moderators.pub`,",
        "mode 0600), `server_name`, empty lock files, the operator's `zajil.toml`, `Caddyfile` and secret files where",
        "there are such, the time of the last backup, `relay` of a relay that it runs, and in `attachments` the",
        "ciphertext of files.",
        "",
        "In the private space there is no column for a message's sender, for membership, for a person's name, an",
        "address or an IP. Tables beginning with `pub_` are the public space: what personas write there is public,",
        "and stands in clear (class `text`). Nothing joins a persona to an account, and no address is in either space.",
        "Tables beginning with `mod_` are moderation's: what was found and decided about that, and who decides.",
        "",
        "| Table | Column | Class | What it is for | Kept |",
        "|---|---|---|---|---|",
    ]
    lines += [f"| `{r.table}` | `{r.column}` | {r.kind} | {r.purpose} | {r.retention} |" for r in collect()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
