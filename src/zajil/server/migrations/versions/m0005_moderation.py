"""Moderation: verdicts, decisions, the queue, clusters, lists, policies, staff, notices, appeals, the log."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the tables of moderation."""
    _make_appeal()
    _make_audit_entry()
    _make_audit_head()
    _make_audit_sample()
    _make_change()
    _make_checkpoint()
    _make_cluster()
    _make_cluster_member()
    _make_decision()
    _make_handover()
    _make_item()
    _make_match_text()
    _make_match_url()
    _make_notice()
    _make_policy()
    _make_spread()
    _make_staff()
    _make_staff_invite()
    _make_staff_key()
    _make_staff_session()
    _make_strike()
    _make_suspension()
    _make_tally()
    _make_verdict()


def _make_appeal() -> None:
    op.create_table(
        "mod_appeal",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("decision_id", sa.LargeBinary(), nullable=False),
        sa.Column("persona", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reviewer", sa.LargeBinary(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("result_id", sa.LargeBinary(), nullable=True),
        sa.Column("at", _U64, nullable=False),
        sa.Column("due_at", _U64, nullable=False),
        sa.Column("closed_at", _U64, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("decision_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("mod_appeal_persona", "mod_appeal", ["persona", "at"], unique=False)
    op.create_index("mod_appeal_state", "mod_appeal", ["state", "at"], unique=False)


def _make_audit_entry() -> None:
    op.create_table(
        "mod_audit_entry",
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("n"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_audit_head() -> None:
    op.create_table(
        "mod_audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_audit_sample() -> None:
    op.create_table(
        "mod_audit_sample",
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.LargeBinary(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.Column("judged_by", sa.LargeBinary(), nullable=True),
        sa.Column("judgement", sa.Text(), nullable=False),
        sa.Column("judged_at", _U64, nullable=True),
        sa.PrimaryKeyConstraint("target", "version"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("mod_audit_sample_kind", "mod_audit_sample", ["kind", "at"], unique=False)


def _make_change() -> None:
    op.create_table(
        "mod_change",
        sa.Column("seq", _U64, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("mod_change_at", "mod_change", ["at"], unique=False)


def _make_checkpoint() -> None:
    op.create_table(
        "mod_checkpoint",
        sa.Column("size", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("size"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_cluster() -> None:
    op.create_table(
        "mod_cluster",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("campaign", sa.Integer(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("sub", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.LargeBinary(), nullable=True),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.Column("grams", sa.LargeBinary(), nullable=True),
        sa.Column("entities", sa.LargeBinary(), nullable=True),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("mod_cluster_state", "mod_cluster", ["state", "at"], unique=False)


def _make_cluster_member() -> None:
    op.create_table(
        "mod_cluster_member",
        sa.Column("cluster_id", sa.Text(), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("author", sa.LargeBinary(), nullable=False),
        sa.Column("channel_id", sa.LargeBinary(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("settled", sa.Integer(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("cluster_id", "target", "version"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("mod_cluster_member_target", "mod_cluster_member", ["target", "version"], unique=False)


def _make_decision() -> None:
    op.create_table(
        "mod_decision",
        sa.Column("seq", _U64, nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("target_kind", sa.Text(), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.LargeBinary(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("sub", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("actor", sa.LargeBinary(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("scores", sa.LargeBinary(), nullable=False),
        sa.Column("supersedes", sa.LargeBinary(), nullable=True),
        sa.Column("basis", sa.LargeBinary(), nullable=True),
        sa.Column("automated", sa.Text(), nullable=False),
        sa.Column("hold_until", _U64, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("sor", sa.LargeBinary(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("key"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("mod_decision_at", "mod_decision", ["at"], unique=False)
    op.create_index("mod_decision_author", "mod_decision", ["author", "seq"], unique=False)
    op.create_index(
        "mod_decision_basis",
        "mod_decision",
        ["basis"],
        unique=False,
        sqlite_where=sa.text("basis IS NOT NULL"),
        postgresql_where=sa.text("basis IS NOT NULL"),
    )
    op.create_index(
        "mod_decision_supersedes",
        "mod_decision",
        ["supersedes"],
        unique=False,
        sqlite_where=sa.text("supersedes IS NOT NULL"),
        postgresql_where=sa.text("supersedes IS NOT NULL"),
    )
    op.create_index("mod_decision_target", "mod_decision", ["target", "version", "seq"], unique=False)


def _make_handover() -> None:
    op.create_table(
        "mod_handover",
        sa.Column("seq", _U64, nullable=False),
        sa.Column("decision_id", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("decision_id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )


def _make_item() -> None:
    op.create_table(
        "mod_item",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("target_kind", sa.Text(), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cluster_id", sa.Text(), nullable=True),
        sa.Column("channel_id", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.LargeBinary(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("sub", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("harm", sa.Integer(), nullable=False),
        sa.Column("reach", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("claimed_by", sa.LargeBinary(), nullable=True),
        sa.Column("claimed_until", _U64, nullable=False),
        sa.Column("decision_id", sa.LargeBinary(), nullable=True),
        sa.Column("opened_at", _U64, nullable=False),
        sa.Column("closed_at", _U64, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(
        "mod_item_cluster",
        "mod_item",
        ["cluster_id"],
        unique=False,
        sqlite_where=sa.text("cluster_id IS NOT NULL"),
        postgresql_where=sa.text("cluster_id IS NOT NULL"),
    )
    op.create_index("mod_item_open", "mod_item", ["queue", "state", "opened_at"], unique=False)
    op.create_index("mod_item_target", "mod_item", ["target", "version"], unique=False)


def _make_match_text() -> None:
    op.create_table(
        "mod_match_text",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("sub", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.LargeBinary(), nullable=True),
        sa.Column("human", sa.Integer(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.Column("expires_at", _U64, nullable=True),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(
        "mod_match_text_decision",
        "mod_match_text",
        ["decision_id"],
        unique=False,
        sqlite_where=sa.text("decision_id IS NOT NULL"),
        postgresql_where=sa.text("decision_id IS NOT NULL"),
    )


def _make_match_url() -> None:
    op.create_table(
        "mod_match_url",
        sa.Column("list", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("human", sa.Integer(), nullable=False),
        sa.Column("expires_at", _U64, nullable=True),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("list", "value"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_notice() -> None:
    op.create_table(
        "mod_notice",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("target_kind", sa.Text(), nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reporter", sa.LargeBinary(), nullable=False),
        sa.Column("reporter_kind", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("item_id", sa.LargeBinary(), nullable=True),
        sa.Column("decision_id", sa.LargeBinary(), nullable=True),
        sa.Column("at", _U64, nullable=False),
        sa.Column("closed_at", _U64, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(
        "mod_notice_item",
        "mod_notice",
        ["item_id"],
        unique=False,
        sqlite_where=sa.text("item_id IS NOT NULL"),
        postgresql_where=sa.text("item_id IS NOT NULL"),
    )
    op.create_index("mod_notice_reporter", "mod_notice", ["reporter", "at"], unique=False)
    op.create_index("mod_notice_target", "mod_notice", ["target", "version"], unique=False)


def _make_policy() -> None:
    op.create_table(
        "mod_policy",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("files", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("replay", sa.LargeBinary(), nullable=True),
        sa.Column("replayed_at", _U64, nullable=True),
        sa.Column("agreed_by", sa.LargeBinary(), nullable=False),
        sa.Column("activated_at", _U64, nullable=True),
        sa.PrimaryKeyConstraint("ref"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_spread() -> None:
    op.create_table(
        "mod_spread",
        sa.Column("decision_id", sa.LargeBinary(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("decision_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_staff() -> None:
    op.create_table(
        "mod_staff",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("languages", sa.Text(), nullable=False),
        sa.Column("categories", sa.Text(), nullable=False),
        sa.Column("created_at", _U64, nullable=False),
        sa.Column("revoked_at", _U64, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_staff_invite() -> None:
    op.create_table(
        "mod_staff_invite",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.LargeBinary(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("languages", sa.Text(), nullable=False),
        sa.Column("categories", sa.Text(), nullable=False),
        sa.Column("made_by", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_staff_key() -> None:
    op.create_table(
        "mod_staff_key",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("created_at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_mod_staff_key_staff_id"), "mod_staff_key", ["staff_id"], unique=False)


def _make_staff_session() -> None:
    op.create_table(
        "mod_staff_session",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", _U64, nullable=False),
        sa.Column("used_at", _U64, nullable=False),
        sa.Column("stepped_up_at", _U64, nullable=False),
        sa.Column("expires_at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_mod_staff_session_staff_id"), "mod_staff_session", ["staff_id"], unique=False)


def _make_strike() -> None:
    op.create_table(
        "mod_strike",
        sa.Column("decision_id", sa.LargeBinary(), nullable=False),
        sa.Column("persona", sa.LargeBinary(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.Column("expires_at", _U64, nullable=False),
        sa.Column("revoked_at", _U64, nullable=True),
        sa.PrimaryKeyConstraint("decision_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("mod_strike_persona", "mod_strike", ["persona", "expires_at"], unique=False)


def _make_suspension() -> None:
    op.create_table(
        "mod_suspension",
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("what", "ref"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_tally() -> None:
    op.create_table(
        "mod_tally",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "lang", "effect"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_verdict() -> None:
    op.create_table(
        "mod_verdict",
        sa.Column("seq", _U64, nullable=False),
        sa.Column("target", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.LargeBinary(), nullable=False),
        sa.Column("standing", sa.LargeBinary(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("signals", sa.LargeBinary(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("signature", sa.LargeBinary(), nullable=True),
        sa.Column("stale", sa.Integer(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("mod_verdict_at", "mod_verdict", ["at"], unique=False)
    op.create_index(
        "mod_verdict_digest",
        "mod_verdict",
        ["digest"],
        unique=False,
        sqlite_where=sa.text("digest IS NOT NULL"),
        postgresql_where=sa.text("digest IS NOT NULL"),
    )
    op.create_index("mod_verdict_target", "mod_verdict", ["target", "version"], unique=True)
