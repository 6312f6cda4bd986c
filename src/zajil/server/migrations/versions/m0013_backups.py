"""Encrypted backups under a recovery key; whose they are is not kept."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "backup",
        sa.Column("locator", sa.LargeBinary(), nullable=False),
        sa.Column("auth_pub", sa.LargeBinary(), nullable=False),
        sa.Column("version", _U64, nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.Column("sig", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("locator"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("backup_day", "backup", ["day"])
