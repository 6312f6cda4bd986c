"""What was not told yet lies in one table, of measures and of reports."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Make the table anew, with what lies in both; that is little, as each row goes once it is told."""
    bind = op.get_bind()
    both = (
        "SELECT measure_id AS about, undone AS kind, NULL AS outcome, tries FROM mod_untold",
        "SELECT report_id AS about, 2 AS kind, outcome, tries FROM mod_untold_outcome",
    )
    rows = [dict(row) for query in both for row in bind.execute(sa.text(query)).mappings()]
    op.drop_table("mod_untold_outcome")
    op.drop_table("mod_untold")
    table = op.create_table(
        "mod_untold",
        sa.Column("about", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.LargeBinary(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("about", "kind"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    if rows:
        op.bulk_insert(table, rows)
