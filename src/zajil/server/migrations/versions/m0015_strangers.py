"""Contact requests, what strangers' references let through, and usernames by their keys."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "contact_pair",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("contact_pair_day", "contact_pair", ["day"])
    op.create_table(
        "ref_use",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("day", _U64, nullable=False),
        sa.Column("handshakes", _U64, nullable=False),
        sa.Column("bytes", _U64, nullable=False),
        sa.Column("messages", _U64, nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ref_use_day", "ref_use", ["day"])
    op.create_table(
        "username",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("until", _U64, nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_username_account_id", "username", ["account_id"])
