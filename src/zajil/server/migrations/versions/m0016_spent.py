"""What counts once: nonces of logins and proofs of work, which were kept in memory before."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the tables."""
    for name in ("spent", "pub_spent"):
        op.create_table(
            name,
            sa.Column("mark", sa.LargeBinary(), nullable=False),
            sa.Column("expires", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False),
            sa.PrimaryKeyConstraint("mark"),
            sqlite_strict=True,
            sqlite_with_rowid=False,
        )
        op.create_index(f"ix_{name}_expires", name, ["expires"])
