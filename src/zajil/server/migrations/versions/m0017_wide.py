"""Columns that hold, or are compared with, numbers of 32 bits that clients choose: PostgreSQL's INTEGER has 31."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

WIDENED = (
    ("account", "last_device"),
    ("device", "device_id"),
    ("device_list", "seq"),
    ("key_package", "device_id"),
    ("mod_decision", "version"),
    ("mod_staff_key", "uses"),
    ("pub_post", "version"),
    ("pub_post_version", "version"),
    ("push", "device_id"),
    ("session_token", "device_id"),
)


def upgrade() -> None:
    """Widen them where that makes a difference: an INTEGER of SQLite has 64 bits."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, column in WIDENED:
        op.alter_column(table, column, type_=sa.BigInteger(), existing_type=sa.Integer(), existing_nullable=False)
