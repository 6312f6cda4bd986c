"""The public space: personas, channels, posts, search, events, outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make the tables of the public space, and the counter of passes for personas."""
    op.add_column("account", sa.Column("personas", sa.Integer(), nullable=False, server_default="0"))
    _make_applied()
    _make_channel()
    _make_event()
    _make_handle()
    _make_member()
    _make_outbox()
    _make_persona()
    _make_post()
    _make_post_version()
    _make_token()
    if op.get_context().dialect.name == "sqlite":
        op.execute(
            'CREATE VIRTUAL TABLE pub_search USING fts5(body, tokenize = "unicode61 remove_diacritics 0", '
            "prefix = '2 3')"
        )
    else:
        op.execute("CREATE TABLE pub_words (seq BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)")
        op.execute("CREATE INDEX pub_words_words ON pub_words USING gin (words)")


def _make_applied() -> None:
    op.create_table(
        "pub_applied",
        sa.Column("decision_id", sa.LargeBinary(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("decision_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("pub_applied_at", "pub_applied", ["at"], unique=False)


def _make_channel() -> None:
    op.create_table(
        "pub_channel",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("comments", sa.Text(), nullable=False),
        sa.Column("join_rule", sa.Text(), nullable=False),
        sa.Column("owner", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("created_at", _U64, nullable=False),
        sa.Column("posts", sa.Integer(), nullable=False),
        sa.Column("subscribers", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_pub_channel_owner", "pub_channel", ["owner"], unique=False)
    op.create_index("pub_channel_handle", "pub_channel", ["handle"], unique=False)


def _make_event() -> None:
    op.create_table(
        "pub_event",
        sa.Column("seq", _U64, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.LargeBinary(), nullable=True),
        sa.Column("post_id", sa.LargeBinary(), nullable=True),
        sa.Column("persona_id", sa.LargeBinary(), nullable=True),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("pub_event_at", "pub_event", ["at"], unique=False)
    op.create_index("pub_event_channel", "pub_event", ["channel_id", "seq"], unique=False)
    op.create_index("pub_event_persona", "pub_event", ["persona_id", "seq"], unique=False)


def _make_handle() -> None:
    op.create_table(
        "pub_handle",
        sa.Column("skeleton", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("owner", sa.LargeBinary(), nullable=False),
        sa.Column("freed_at", _U64, nullable=True),
        sa.PrimaryKeyConstraint("skeleton"),
        sa.UniqueConstraint("handle"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_member() -> None:
    op.create_table(
        "pub_member",
        sa.Column("channel_id", sa.LargeBinary(), nullable=False),
        sa.Column("persona_id", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("subscribed", sa.Integer(), nullable=False),
        sa.Column("muted_until", _U64, nullable=False),
        sa.PrimaryKeyConstraint("channel_id", "persona_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("pub_member_persona", "pub_member", ["persona_id"], unique=False)


def _make_outbox() -> None:
    op.create_table(
        "pub_outbox",
        sa.Column("seq", _U64, nullable=False),
        sa.Column("post_id", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("early", sa.Integer(), nullable=False),
        sa.Column("lease_until_ms", _U64, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("pub_outbox_early", "pub_outbox", ["early", "seq"], unique=False)


def _make_persona() -> None:
    op.create_table(
        "pub_persona",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("created_at", _U64, nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("strike_until", _U64, nullable=False),
        sa.Column("limited_until", _U64, nullable=False),
        sa.Column("suspended_until", _U64, nullable=False),
        sa.Column("deleted", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("pub_persona_handle", "pub_persona", ["handle"], unique=False)


def _make_post() -> None:
    op.create_table(
        "pub_post",
        sa.Column("seq", _U64, nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("channel_id", sa.LargeBinary(), nullable=False),
        sa.Column("author", sa.LargeBinary(), nullable=False),
        sa.Column("thread_root", sa.LargeBinary(), nullable=True),
        sa.Column("reply_to", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("shown_as", sa.Text(), nullable=False),
        sa.Column("announced", sa.Integer(), nullable=False),
        sa.Column("unchecked", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("decided_at", _U64, nullable=True),
        sa.Column("human", sa.Integer(), nullable=False),
        sa.Column("held_until", _U64, nullable=True),
        sa.Column("gate_at_ms", _U64, nullable=True),
        sa.Column("gate_opens", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("comments", sa.Integer(), nullable=False),
        sa.Column("created_at", _U64, nullable=False),
        sa.Column("edited_at", _U64, nullable=True),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("pub_post_author", "pub_post", ["author", "seq"], unique=False)
    op.create_index("pub_post_channel", "pub_post", ["channel_id", "thread_root", "seq"], unique=False)
    op.create_index(
        "pub_post_gate",
        "pub_post",
        ["gate_at_ms"],
        unique=False,
        sqlite_where=sa.text("gate_at_ms IS NOT NULL"),
        postgresql_where=sa.text("gate_at_ms IS NOT NULL"),
    )
    op.create_index(
        "pub_post_held",
        "pub_post",
        ["held_until"],
        unique=False,
        sqlite_where=sa.text("held_until IS NOT NULL"),
        postgresql_where=sa.text("held_until IS NOT NULL"),
    )
    op.create_index("pub_post_thread", "pub_post", ["thread_root", "seq"], unique=False)


def _make_post_version() -> None:
    op.create_table(
        "pub_post_version",
        sa.Column("post_id", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("lang", sa.Text(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("post_id", "version"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("pub_post_version_at", "pub_post_version", ["at"], unique=False)


def _make_token() -> None:
    op.create_table(
        "pub_token",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("persona_id", sa.LargeBinary(), nullable=False),
        sa.Column("expires", _U64, nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ix_pub_token_persona_id", "pub_token", ["persona_id"], unique=False)
