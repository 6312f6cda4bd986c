"""Devices that are woken by push, and the queue of who is to be woken."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the tables, and the mark on a mailbox."""
    op.add_column("mailbox", sa.Column("push", _U64, nullable=False, server_default="0"))
    op.create_table(
        "push",
        sa.Column("account_id", sa.LargeBinary(), nullable=False),
        sa.Column("device_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mailbox_id", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "device_id"),
        sa.UniqueConstraint("mailbox_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "push_due",
        sa.Column("mailbox_id", sa.LargeBinary(), nullable=False),
        sa.Column("wake", _U64, autoincrement=False, nullable=False),
        sa.Column("seq", _U64, nullable=False),
        sa.Column("due", _U64, nullable=False),
        sa.Column("until", _U64, nullable=False),
        sa.Column("tries", _U64, nullable=False),
        sa.PrimaryKeyConstraint("mailbox_id", "wake"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("push_due_at", "push_due", ["due"])
