"""Which outcomes of reports their reporters were not told yet."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "mod_untold_outcome",
        sa.Column("report_id", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("report_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
