"""The first schema: accounts, devices, groups, mailboxes and what keeps retries harmless."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_U64 = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def upgrade() -> None:
    """Make every table."""
    _make_account()
    _make_claim()
    _make_contact_token()
    _make_device()
    _make_device_list()
    _make_grp()
    _make_http_idem()
    _make_idem()
    _make_invite_code()
    _make_key_package()
    _make_link()
    _make_mailbox()
    _make_mailbox_item()
    _make_message()
    _make_pass()
    _make_ref_deny()
    _make_session_token()


def _make_account() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("created_day", sa.Integer(), nullable=False),
        sa.Column("last_device", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_claim() -> None:
    op.create_table(
        "claim",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("claim_at", "claim", ["at"], unique=False)


def _make_contact_token() -> None:
    op.create_table(
        "contact_token",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.Column("expires", _U64, nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_contact_token_account_id"), "contact_token", ["account_id"], unique=False)


def _make_device() -> None:
    op.create_table(
        "device",
        sa.Column("account_id", sa.LargeBinary(), nullable=False),
        sa.Column("device_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sig_pub", sa.LargeBinary(), nullable=False),
        sa.Column("mailbox_id", sa.LargeBinary(), nullable=False),
        sa.Column("last_day", sa.Integer(), nullable=False),
        sa.Column("revoked", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "device_id"),
        sa.UniqueConstraint("mailbox_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_device_list() -> None:
    op.create_table(
        "device_list",
        sa.Column("account_id", sa.LargeBinary(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("object", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "seq"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_grp() -> None:
    op.create_table(
        "grp",
        sa.Column("gid", sa.LargeBinary(), nullable=False),
        sa.Column("epoch", _U64, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("prev_hash", sa.LargeBinary(), nullable=True),
        sa.Column("roster", sa.LargeBinary(), nullable=False),
        sa.Column("used_day", _U64, nullable=False),
        sa.PrimaryKeyConstraint("gid"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("grp_used", "grp", ["used_day"], unique=False)


def _make_http_idem() -> None:
    op.create_table(
        "http_idem",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("http_idem_at", "http_idem", ["at"], unique=False)


def _make_idem() -> None:
    op.create_table(
        "idem",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("at", _U64, nullable=False),
        sa.PrimaryKeyConstraint("key"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("idem_at", "idem", ["at"], unique=False)


def _make_invite_code() -> None:
    op.create_table(
        "invite_code",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_key_package() -> None:
    op.create_table(
        "key_package",
        sa.Column("id", _U64, nullable=False),
        sa.Column("account_id", sa.LargeBinary(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("suite", sa.Integer(), nullable=False),
        sa.Column("last_resort", sa.Integer(), nullable=False),
        sa.Column("expires", _U64, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        sqlite_strict=True,
    )
    op.create_index("key_package_device", "key_package", ["account_id", "device_id", "suite"], unique=False)
    op.create_index("key_package_expires", "key_package", ["expires"], unique=False)


def _make_link() -> None:
    op.create_table(
        "link",
        sa.Column("addr", sa.LargeBinary(), nullable=False),
        sa.Column("offer", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("expires", _U64, nullable=False),
        sa.PrimaryKeyConstraint("addr"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_mailbox() -> None:
    op.create_table(
        "mailbox",
        sa.Column("mailbox_id", sa.LargeBinary(), nullable=False),
        sa.Column("next_seq", _U64, nullable=False),
        sa.Column("acked", _U64, nullable=False),
        sa.Column("count", _U64, nullable=False),
        sa.Column("bytes", _U64, nullable=False),
        sa.Column("gap_count", _U64, nullable=False),
        sa.Column("gap_seq", _U64, nullable=False),
        sa.PrimaryKeyConstraint("mailbox_id"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _make_mailbox_item() -> None:
    op.create_table(
        "mailbox_item",
        sa.Column("mailbox_id", sa.LargeBinary(), nullable=False),
        sa.Column("seq", _U64, autoincrement=False, nullable=False),
        sa.Column("message_id", sa.LargeBinary(), nullable=False),
        sa.Column("size", _U64, nullable=False),
        sa.Column("via", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("mailbox_id", "seq"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("mailbox_item_message", "mailbox_item", ["message_id"], unique=False)


def _make_message() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("kind", _U64, nullable=False),
        sa.Column("epoch", _U64, nullable=False),
        sa.Column("ts", _U64, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("refs", _U64, nullable=False),
        sa.Column("expires", _U64, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("message_expires", "message", ["expires"], unique=False)


def _make_pass() -> None:
    op.create_table(
        "pass",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("kind", _U64, nullable=False),
        sa.Column("day", _U64, nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("pass_day", "pass", ["day"], unique=False)


def _make_ref_deny() -> None:
    op.create_table(
        "ref_deny",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("day", _U64, nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("ref_deny_day", "ref_deny", ["day"], unique=False)


def _make_session_token() -> None:
    op.create_table(
        "session_token",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.LargeBinary(), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("expires", _U64, nullable=False),
        sa.PrimaryKeyConstraint("hash"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("session_token_device", "session_token", ["account_id", "device_id"], unique=False)
