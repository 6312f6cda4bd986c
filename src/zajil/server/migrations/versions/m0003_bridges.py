"""Bridges, the tokens that open them, and the signed documents that name them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the tables of the bridge registry."""
    _make_bridge()
    _make_bridge_code()
    _make_bridge_token()
    _make_bridge_of_token()
    _make_bridge_asker()
    _make_reach_document()


def _make_bridge() -> None:
    op.create_table(
        "bridge",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("dir", sa.Text(), nullable=False),
        sa.Column("public", sa.Integer(), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credential"),
        sa.UniqueConstraint("host", "port"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_bridge_code() -> None:
    op.create_table(
        "bridge_code",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires", _U64, nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_bridge_token() -> None:
    op.create_table(
        "bridge_token",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("public", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("hash"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_bridge_of_token() -> None:
    op.create_table(
        "bridge_of_token",
        sa.Column("token_id", sa.LargeBinary(), nullable=False),
        sa.Column("bridge_id", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("token_id", "bridge_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("bridge_of_token_bridge", "bridge_of_token", ["bridge_id"], unique=False)


def _make_bridge_asker() -> None:
    op.create_table(
        "bridge_asker",
        sa.Column("who", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("who", "day"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("bridge_asker_day", "bridge_asker", ["day"], unique=False)


def _make_reach_document() -> None:
    op.create_table(
        "reach_document",
        sa.Column("kind", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "version"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
