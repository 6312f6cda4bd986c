"""What transliterated texts are known by in their own letters, for a day."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the table of readings."""
    op.create_table(
        "mod_reading",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("digest", "target", "version"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("mod_reading_at", "mod_reading", ["at"])
