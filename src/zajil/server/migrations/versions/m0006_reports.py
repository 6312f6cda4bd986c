"""Reports from private chats: the mark on application messages, and the moderators' table."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Messages that wait now have no mark, so they can be complained about, not proven."""
    op.add_column("message", sa.Column("frank", sa.LargeBinary(), nullable=True))
    op.create_table(
        "mod_report",
        sa.Column("n", _U64, autoincrement=True, nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_day", sa.Integer(), nullable=False),
        sa.Column("decided_day", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("n"),
        sa.UniqueConstraint("id"),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.create_index("mod_report_queue", "mod_report", ["state", "kind", "n"], unique=False)
    op.create_index("mod_report_decided", "mod_report", ["decided_day"], unique=False)
