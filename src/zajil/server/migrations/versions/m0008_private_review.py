"""Reports from private chats before people: who may read them, and who has one."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Nobody has the permission before it is given, and every report is free."""
    op.add_column("mod_staff", sa.Column("private", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("mod_staff_invite", sa.Column("private", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("mod_report", sa.Column("claimed_by", sa.LargeBinary(), nullable=True))
    op.add_column("mod_report", sa.Column("claimed_until", _U64, nullable=False, server_default="0"))
