"""Indexes by which the most urgent item of a queue, and what a member holds, are found without a look at all items."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

STAKE = (
    "((harm + 1) * CASE"
    " WHEN reach < 1 THEN 1 WHEN reach < 4 THEN 3 WHEN reach < 16 THEN 5 WHEN reach < 64 THEN 7"
    " WHEN reach < 256 THEN 9 WHEN reach < 1024 THEN 11 WHEN reach < 4096 THEN 13 WHEN reach < 16384 THEN 15"
    " WHEN reach < 65536 THEN 17 WHEN reach < 262144 THEN 19 WHEN reach < 1048576 THEN 21"
    " WHEN reach < 4194304 THEN 23 WHEN reach < 16777216 THEN 25 WHEN reach < 67108864 THEN 27"
    " WHEN reach < 268435456 THEN 29 WHEN reach < 1073741824 THEN 31 ELSE 32 END"
    " + CASE source WHEN 'edit' THEN 1000000 ELSE 0 END)"
)


def upgrade() -> None:
    """Make them."""
    op.create_index("mod_item_stake", "mod_item", ["queue", "state", sa.text(STAKE), "opened_at", "id"])
    op.create_index(
        "mod_item_claimed",
        "mod_item",
        ["claimed_by", "state", "queue"],
        sqlite_where=sa.text("claimed_by IS NOT NULL"),
        postgresql_where=sa.text("claimed_by IS NOT NULL"),
    )
