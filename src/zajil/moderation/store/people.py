"""Who decides, who complains, and what counts against whom."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text

from zajil.engine.sql.database import METADATA, U64, describe, index_where_set

_STAFF_KEPT = "until 180 days after the member left"
_SESSION_KEPT = "8 hours"
_NOTICE_KEPT = "180 days after its outcome"
_APPEAL_KEPT = "as long as its decision"
_STRIKE_KEPT = "90 days"
_SAMPLE_KEPT = "400 days"

staff = Table(
    "mod_staff",
    METADATA,
    Column("id", LargeBinary, primary_key=True, info=describe("identifier", "random name", "kept, never reused")),
    Column("name", Text, nullable=False, info=describe("text", "what colleagues call them", _STAFF_KEPT)),
    Column(
        "role", Text, nullable=False, info=describe("flag", "reviewer, senior, policy, admin, auditor", _STAFF_KEPT)
    ),
    Column("languages", Text, nullable=False, info=describe("flag", "what they read, spaces between", _STAFF_KEPT)),
    Column("categories", Text, nullable=False, info=describe("flag", "what they judge, empty for all", _STAFF_KEPT)),
    Column(
        "private",
        Integer,
        nullable=False,
        server_default="0",
        info=describe("flag", "1 for who may read reports from private chats", _STAFF_KEPT),
    ),
    Column("created_at", U64, nullable=False, info=describe("time", "Unix second", _STAFF_KEPT)),
    Column("revoked_at", U64, nullable=True, info=describe("time", "Unix second they left", _STAFF_KEPT)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

staff_invite = Table(
    "mod_staff_invite",
    METADATA,
    Column("hash", LargeBinary, primary_key=True, info=describe("key", "SHA-256 of an invite code", "15 minutes")),
    Column("staff_id", LargeBinary, nullable=True, info=describe("identifier", "member it is for", "15 minutes")),
    Column("role", Text, nullable=False, info=describe("flag", "role it gives", "15 minutes")),
    Column("languages", Text, nullable=False, info=describe("flag", "languages it gives", "15 minutes")),
    Column("categories", Text, nullable=False, info=describe("flag", "categories it gives", "15 minutes")),
    Column(
        "private",
        Integer,
        nullable=False,
        server_default="0",
        info=describe("flag", "1 for who may read reports from private chats", "15 minutes"),
    ),
    Column("made_by", LargeBinary, nullable=False, info=describe("identifier", "admin, or empty", "15 minutes")),
    Column("expires_at", U64, nullable=False, info=describe("time", "Unix second", "15 minutes")),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

staff_key = Table(
    "mod_staff_key",
    METADATA,
    Column("id", LargeBinary, primary_key=True, info=describe("identifier", "credential or key id", _STAFF_KEPT)),
    Column("staff_id", LargeBinary, nullable=False, index=True, info=describe("identifier", "whose", _STAFF_KEPT)),
    Column("kind", Text, nullable=False, info=describe("flag", "passkey or ed25519", _STAFF_KEPT)),
    Column("public", LargeBinary, nullable=False, info=describe("key", "public key", _STAFF_KEPT)),
    Column("label", Text, nullable=False, info=describe("text", "what its owner calls it", _STAFF_KEPT)),
    Column("uses", U64, nullable=False, info=describe("counter", "its signature counter", _STAFF_KEPT)),
    Column("created_at", U64, nullable=False, info=describe("time", "Unix second", _STAFF_KEPT)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

staff_session = Table(
    "mod_staff_session",
    METADATA,
    Column("hash", LargeBinary, primary_key=True, info=describe("key", "SHA-256 of a bearer", _SESSION_KEPT)),
    Column("staff_id", LargeBinary, nullable=False, index=True, info=describe("identifier", "whose", _SESSION_KEPT)),
    Column("key_id", LargeBinary, nullable=False, info=describe("identifier", "key that opened it", _SESSION_KEPT)),
    Column("opened_at", U64, nullable=False, info=describe("time", "Unix second", _SESSION_KEPT)),
    Column("used_at", U64, nullable=False, info=describe("time", "Unix second of its last call", _SESSION_KEPT)),
    Column("stepped_up_at", U64, nullable=False, info=describe("time", "when the key was asked again", _SESSION_KEPT)),
    Column("expires_at", U64, nullable=False, info=describe("time", "Unix second", _SESSION_KEPT)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

notice = Table(
    "mod_notice",
    METADATA,
    Column("id", LargeBinary, primary_key=True, info=describe("identifier", "random name", _NOTICE_KEPT)),
    Column("target_kind", Text, nullable=False, info=describe("flag", "post, persona, channel", _NOTICE_KEPT)),
    Column("target", LargeBinary, nullable=False, info=describe("identifier", "what it is about", _NOTICE_KEPT)),
    Column("version", Integer, nullable=False, info=describe("counter", "of a post, else 0", _NOTICE_KEPT)),
    Column("reporter", LargeBinary, nullable=False, info=describe("identifier", "persona", _NOTICE_KEPT)),
    Column("reporter_kind", Text, nullable=False, info=describe("flag", "person or bot", _NOTICE_KEPT)),
    Column("category", Text, nullable=False, info=describe("flag", "what for", _NOTICE_KEPT)),
    Column("note", Text, nullable=False, info=describe("text", "what the reporter wrote", _NOTICE_KEPT)),
    Column(
        "weight", Integer, nullable=False, info=describe("counter", "what it counts for, thousandths", _NOTICE_KEPT)
    ),
    Column(
        "state",
        Text,
        nullable=False,
        info=describe("flag", "received, in_review, acted, declined, reversed", _NOTICE_KEPT),
    ),
    Column("item_id", LargeBinary, nullable=True, info=describe("identifier", "item of the queue", _NOTICE_KEPT)),
    Column("decision_id", LargeBinary, nullable=True, info=describe("identifier", "its outcome", _NOTICE_KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", _NOTICE_KEPT)),
    Column("closed_at", U64, nullable=True, info=describe("time", "Unix second", _NOTICE_KEPT)),
    Index("mod_notice_target", "target", "version"),
    Index("mod_notice_reporter", "reporter", "at"),
    Index("mod_notice_own", "reporter", "target", "version"),
    index_where_set("mod_notice_item", "item_id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

appeal = Table(
    "mod_appeal",
    METADATA,
    Column("id", LargeBinary, primary_key=True, info=describe("identifier", "random name", _APPEAL_KEPT)),
    Column(
        "decision_id",
        LargeBinary,
        nullable=False,
        unique=True,
        info=describe("identifier", "decision appealed against", _APPEAL_KEPT),
    ),
    Column("persona", LargeBinary, nullable=False, info=describe("identifier", "who appeals", _APPEAL_KEPT)),
    Column("text", Text, nullable=False, info=describe("text", "what they say", _APPEAL_KEPT)),
    Column(
        "state", Text, nullable=False, info=describe("flag", "open, assigned, upheld, reversed, partly", _APPEAL_KEPT)
    ),
    Column("reviewer", LargeBinary, nullable=True, info=describe("identifier", "member of staff", _APPEAL_KEPT)),
    Column("answer", Text, nullable=False, info=describe("text", "what the reviewer says", _APPEAL_KEPT)),
    Column("result_id", LargeBinary, nullable=True, info=describe("identifier", "decision it led to", _APPEAL_KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", _APPEAL_KEPT)),
    Column("due_at", U64, nullable=False, info=describe("time", "when an answer is due", _APPEAL_KEPT)),
    Column("closed_at", U64, nullable=True, info=describe("time", "Unix second", _APPEAL_KEPT)),
    Index("mod_appeal_state", "state", "at"),
    Index("mod_appeal_persona", "persona", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

strike = Table(
    "mod_strike",
    METADATA,
    Column("decision_id", LargeBinary, primary_key=True, info=describe("identifier", "what it is for", _STRIKE_KEPT)),
    Column("persona", LargeBinary, nullable=False, info=describe("identifier", "whose", _STRIKE_KEPT)),
    Column("category", Text, nullable=False, info=describe("flag", "what for", _STRIKE_KEPT)),
    Column("weight", Integer, nullable=False, info=describe("counter", "1, or 3 where severe", _STRIKE_KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", _STRIKE_KEPT)),
    Column("expires_at", U64, nullable=False, info=describe("time", "Unix second", _STRIKE_KEPT)),
    Column("revoked_at", U64, nullable=True, info=describe("time", "when it was taken back", _STRIKE_KEPT)),
    Index("mod_strike_persona", "persona", "expires_at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

sample = Table(
    "mod_audit_sample",
    METADATA,
    Column("target", LargeBinary, primary_key=True, info=describe("identifier", "post, public", _SAMPLE_KEPT)),
    Column(
        "version",
        Integer,
        primary_key=True,
        autoincrement=False,
        info=describe("counter", "version of the post", _SAMPLE_KEPT),
    ),
    Column("kind", Text, nullable=False, info=describe("flag", "allowed or acted", _SAMPLE_KEPT)),
    Column(
        "decision_id", LargeBinary, nullable=True, info=describe("identifier", "decision judged blind", _SAMPLE_KEPT)
    ),
    Column("category", Text, nullable=False, info=describe("flag", "what it was acted on for", _SAMPLE_KEPT)),
    Column("lang", Text, nullable=False, info=describe("flag", "language", _SAMPLE_KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", _SAMPLE_KEPT)),
    Column("judged_by", LargeBinary, nullable=True, info=describe("identifier", "member of staff", _SAMPLE_KEPT)),
    Column("judgement", Text, nullable=False, info=describe("flag", "what they say it is", _SAMPLE_KEPT)),
    Column("judged_at", U64, nullable=True, info=describe("time", "Unix second", _SAMPLE_KEPT)),
    Index("mod_audit_sample_kind", "kind", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
