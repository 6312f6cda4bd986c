"""Which key files and which name the database was used with; the next start writes them."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "key_mark",
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("file", "mark"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
