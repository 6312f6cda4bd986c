"""Changes of lists, policies and staff, each with the salt of its hash in the log."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "mod_audit_record",
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("n"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("mod_audit_record_kind", "mod_audit_record", ["kind", "at"])
