"""Which measures their accounts were not told yet."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "mod_untold",
        sa.Column("measure_id", sa.LargeBinary(), nullable=False),
        sa.Column("undone", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("measure_id", "undone"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
