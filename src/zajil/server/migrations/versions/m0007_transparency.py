"""Transparency reports that are final."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the table of final reports."""
    op.create_table(
        "mod_published",
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("month"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
