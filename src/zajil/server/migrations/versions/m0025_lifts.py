"""When staff let a suspended rule or list entry count again: what was reversed before suspends it no more."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add the column."""
    kind = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
    op.add_column("mod_suspension", sa.Column("lifted_at", kind, server_default="0", nullable=False))
