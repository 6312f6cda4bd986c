"""A contact token counts for the account that put it: whoever was given one keeps its maker from nothing."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
_COLUMNS = "account_id, hash, kind, uses_left, expires"


def upgrade() -> None:
    """Give the table another key. SQLite has no such change: there it is made anew, and its rows go along."""
    op.drop_index("ix_contact_token_account_id", "contact_token")
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("contact_token_pkey", "contact_token", type_="primary")
        op.create_primary_key("contact_token_pkey", "contact_token", ["account_id", "hash"])
        return
    op.rename_table("contact_token", "contact_token_before")
    op.create_table(
        "contact_token",
        sa.Column("account_id", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.Column("expires", _U64, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "hash"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.execute(f"INSERT INTO contact_token ({_COLUMNS}) SELECT {_COLUMNS} FROM contact_token_before")  # noqa: S608  # our own words
    op.drop_table("contact_token_before")
