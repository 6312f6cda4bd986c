"""Private reports: who nears the cap, acts by the day, months as published, and measures against accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "mod_complainant",
        sa.Column("who", sa.LargeBinary(), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("who"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mod_private_act",
        sa.Column("n", _U64, autoincrement=True, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("staff_id", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.create_index("mod_private_act_day", "mod_private_act", ["day"])
    op.create_table(
        "mod_private_month",
        sa.Column("month", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("month"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mod_measure",
        sa.Column("n", _U64, autoincrement=True, nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("report_id", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("proposed_by", sa.LargeBinary(), nullable=False),
        sa.Column("decided_by", sa.LargeBinary(), nullable=True),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
        sa.UniqueConstraint("id"),
        sqlite_strict=True,
        sqlite_autoincrement=True,
    )
    op.create_index("mod_measure_report", "mod_measure", ["report_id"])
    op.create_index("mod_measure_state", "mod_measure", ["state", "day"])
    op.create_index("mod_notice_own", "mod_notice", ["reporter", "target", "version"])
    op.create_table(
        "account_measure",
        sa.Column("account_id", sa.LargeBinary(), nullable=False),
        sa.Column("until", _U64, nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
