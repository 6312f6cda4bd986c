"""Members make registration codes: the account counts how many."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """One more counter."""
    op.add_column("account", sa.Column("invites", sa.Integer(), nullable=False, server_default="0"))
