"""Requests lie in SQLite's file in the order in which they came; their keys, which are random, name no place."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Make the table anew there, with what it holds. PostgreSQL finds a request by its key as ever."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.create_table(
        "idem_as_came",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.Integer(), nullable=False),
        sqlite_strict=True,
    )
    op.execute(
        "INSERT INTO idem_as_came (key, body_hash, answer, at) SELECT key, body_hash, answer, at FROM idem ORDER BY at"
    )
    op.drop_table("idem")
    op.rename_table("idem_as_came", "idem")
    op.create_index("idem_at", "idem", ["at"], unique=False)
