"""The tables of the public space. No column names an account, a device, an address or a pass.

Text here is public, or waits to be: it rests as it is. `created_at` of a persona is a whole hour, so that it does not
stand beside the second in which an account took its passes.
"""

from __future__ import annotations

from sqlalchemy import DDL, BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, event
from sqlalchemy.dialects.postgresql import TSVECTOR

from zajil.engine.sql.database import METADATA, U64, ColumnClass, describe, index_where_set

_PERSONA_KEPT = "until the persona is deleted"
_CHANNEL_KEPT = "until the channel is deleted"
_MEMBER_KEPT = "until the membership ends"
_POST_KEPT = "until the post is deleted; text 90 days longer in its versions"
_VERSION_KEPT = "90 days; the newest and the shown one as long as the post"
_DAY = "24 hours"
_JUDGED = "until the post is judged"
_PERSONA = describe("identifier", "hash of the persona's public key", _PERSONA_KEPT)
_CHANNEL = describe("identifier", "random name of the channel", _CHANNEL_KEPT)
_POST = describe("identifier", "random name of the post", _POST_KEPT)

handle = Table(
    "pub_handle",
    METADATA,
    Column(
        "skeleton",
        Text,
        primary_key=True,
        info=describe("text", "what look-alikes of this handle share", "90 days after its owner is deleted"),
    ),
    Column(
        "handle",
        Text,
        nullable=False,
        unique=True,
        info=describe("text", "the handle, public", "90 days after its owner is deleted"),
    ),
    Column("owner", LargeBinary, nullable=False, info=describe("identifier", "persona or channel", "as the handle")),
    Column(
        "freed_at",
        U64,
        nullable=True,
        info=describe("time", "Unix second its owner was deleted; nobody gets it for 90 days", "90 days"),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

persona = Table(
    "pub_persona",
    METADATA,
    Column("id", LargeBinary, primary_key=True, info=describe("identifier", "hash of its key", "kept, never reused")),
    Column("key", LargeBinary, nullable=False, info=describe("key", "public key its logins verify under", "kept")),
    Column("handle", Text, nullable=False, info=describe("text", "its handle, public", _PERSONA_KEPT)),
    Column("display_name", Text, nullable=False, info=describe("text", "its name, public", _PERSONA_KEPT)),
    Column(
        "created_at", U64, nullable=False, info=describe("time", "hour of creation, for trust; public", _PERSONA_KEPT)
    ),
    Column("accepted", Integer, nullable=False, info=describe("counter", "posts moderation let stand", _PERSONA_KEPT)),
    Column("strike_until", U64, nullable=False, info=describe("time", "end of the last strike", _PERSONA_KEPT)),
    Column("limited_until", U64, nullable=False, info=describe("time", "end of a limit on posting", _PERSONA_KEPT)),
    Column("suspended_until", U64, nullable=False, info=describe("time", "end of a suspension", _PERSONA_KEPT)),
    Column("deleted", Integer, nullable=False, info=describe("flag", "1 once deleted", "kept, never reused")),
    Index("pub_persona_handle", "handle"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

spent = Table(
    "pub_spent",
    METADATA,
    Column(
        "mark",
        LargeBinary,
        primary_key=True,
        info=describe("key", "hash of a login's nonce, so that it counts once", "1 hour"),
    ),
    Column("expires", U64, nullable=False, index=True, info=describe("time", "Unix second the nonce ends", "1 hour")),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

token = Table(
    "pub_token",
    METADATA,
    Column("hash", LargeBinary, primary_key=True, info=describe("key", "SHA-256 of a login token", "1 hour")),
    Column(
        "persona_id", LargeBinary, nullable=False, index=True, info=describe("identifier", "who logged in", "1 hour")
    ),
    Column("expires", U64, nullable=False, info=describe("time", "Unix second the token ends", "1 hour")),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

channel = Table(
    "pub_channel",
    METADATA,
    Column("id", LargeBinary, primary_key=True, info=describe("identifier", "random name", "kept, never reused")),
    Column("handle", Text, nullable=False, info=describe("text", "its handle, public", _CHANNEL_KEPT)),
    Column("title", Text, nullable=False, info=describe("text", "its title, public", _CHANNEL_KEPT)),
    Column("about", Text, nullable=False, info=describe("text", "what it says of itself, public", _CHANNEL_KEPT)),
    Column("kind", Text, nullable=False, info=describe("flag", "broadcast or group", _CHANNEL_KEPT)),
    Column("lang", Text, nullable=False, info=describe("text", "language it says it has", _CHANNEL_KEPT)),
    Column("comments", Text, nullable=False, info=describe("flag", "on or off", _CHANNEL_KEPT)),
    Column("join_rule", Text, nullable=False, info=describe("flag", "open or approval", _CHANNEL_KEPT)),
    Column(
        "owner", LargeBinary, nullable=False, index=True, info=describe("identifier", "persona, public", _CHANNEL_KEPT)
    ),
    Column("state", Text, nullable=False, info=describe("flag", "open, restricted, blocked, deleted", "kept")),
    Column("category", Text, nullable=False, info=describe("flag", "why it is restricted or blocked", "as its state")),
    Column("created_at", U64, nullable=False, info=describe("time", "Unix second, public", _CHANNEL_KEPT)),
    Column("posts", Integer, nullable=False, info=describe("counter", "visible posts, public", _CHANNEL_KEPT)),
    Column("subscribers", Integer, nullable=False, info=describe("counter", "followers, public", _CHANNEL_KEPT)),
    Index("pub_channel_handle", "handle"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

member = Table(
    "pub_member",
    METADATA,
    Column("channel_id", LargeBinary, primary_key=True, info=_CHANNEL),
    Column("persona_id", LargeBinary, primary_key=True, info=_PERSONA),
    Column("role", Text, nullable=False, info=describe("flag", "owner to subscriber", _MEMBER_KEPT)),
    Column("subscribed", Integer, nullable=False, info=describe("flag", "1 while it follows", _MEMBER_KEPT)),
    Column("muted_until", U64, nullable=False, info=describe("time", "end of a mute", _MEMBER_KEPT)),
    Index("pub_member_persona", "persona_id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

post = Table(
    "pub_post",
    METADATA,
    Column("seq", U64, primary_key=True, info=describe("counter", "order of posts", _POST_KEPT)),
    Column("id", LargeBinary, nullable=False, unique=True, info=_POST),
    Column("channel_id", LargeBinary, nullable=False, info=_CHANNEL),
    Column("author", LargeBinary, nullable=False, info=describe("identifier", "persona, public", _POST_KEPT)),
    Column(
        "thread_root", LargeBinary, nullable=True, info=describe("identifier", "post that a comment is on", _POST_KEPT)
    ),
    Column("reply_to", LargeBinary, nullable=True, info=describe("identifier", "post it answers", _POST_KEPT)),
    Column("version", U64, nullable=False, info=describe("counter", "newest version", _POST_KEPT)),
    Column("state", Text, nullable=False, info=describe("flag", "state of the newest version", _POST_KEPT)),
    Column("shown", Integer, nullable=False, info=describe("counter", "version others see, 0 for none", _POST_KEPT)),
    Column("shown_as", Text, nullable=False, info=describe("flag", "how others see it", _POST_KEPT)),
    Column("announced", Integer, nullable=False, info=describe("flag", "1 once others were told of it", _POST_KEPT)),
    Column("unchecked", Integer, nullable=False, info=describe("flag", "1 when shown before it was judged", _JUDGED)),
    Column("label", Text, nullable=False, info=describe("flag", "category it is blurred for", _POST_KEPT)),
    Column("category", Text, nullable=False, info=describe("flag", "category it was acted on for", _POST_KEPT)),
    Column("decided_at", U64, nullable=True, info=describe("time", "Unix second of that", _POST_KEPT)),
    Column("human", Integer, nullable=False, info=describe("flag", "1 when a person decided that", _POST_KEPT)),
    Column("held_until", U64, nullable=True, info=describe("time", "when a hold ends, for the author", _JUDGED)),
    Column("gate_at_ms", U64, nullable=True, info=describe("time", "when it stops waiting for a verdict", _JUDGED)),
    Column("gate_opens", Integer, nullable=False, info=describe("flag", "1 when it is then shown, else held", _JUDGED)),
    Column(
        "accepted", Integer, nullable=False, info=describe("flag", "1 when its author's trust counts it", _POST_KEPT)
    ),
    Column("comments", Integer, nullable=False, info=describe("counter", "visible comments, public", _POST_KEPT)),
    Column("created_at", U64, nullable=False, info=describe("time", "Unix second, public", _POST_KEPT)),
    Column("edited_at", U64, nullable=True, info=describe("time", "Unix second of the newest version", _POST_KEPT)),
    Index("pub_post_channel", "channel_id", "thread_root", "seq"),
    Index("pub_post_thread", "thread_root", "seq"),
    Index("pub_post_author", "author", "seq"),
    index_where_set("pub_post_gate", "gate_at_ms"),
    index_where_set("pub_post_held", "held_until"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

version = Table(
    "pub_post_version",
    METADATA,
    Column("post_id", LargeBinary, primary_key=True, info=_POST),
    Column("version", U64, primary_key=True, autoincrement=False, info=describe("counter", "from 1", _VERSION_KEPT)),
    Column("text", Text, nullable=False, info=describe("text", "what the author wrote", _VERSION_KEPT)),
    Column("lang", Text, nullable=False, info=describe("text", "language the author named", _VERSION_KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second it was written", _VERSION_KEPT)),
    Column("open", Integer, nullable=False, info=describe("flag", "1 when others may read it", _VERSION_KEPT)),
    Index("pub_post_version_at", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

applied = Table(
    "pub_applied",
    METADATA,
    Column(
        "decision_id", LargeBinary, primary_key=True, info=describe("identifier", "a decision carried out", "180 days")
    ),
    Column("at", U64, nullable=False, info=describe("time", "Unix second it was carried out", "180 days")),
    Index("pub_applied_at", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

happening = Table(
    "pub_event",
    METADATA,
    Column("seq", U64, primary_key=True, info=describe("counter", "order of events", _DAY)),
    Column("name", Text, nullable=False, info=describe("flag", "kind of event", _DAY)),
    Column("channel_id", LargeBinary, nullable=True, info=describe("identifier", "where it happened", _DAY)),
    Column("post_id", LargeBinary, nullable=True, info=describe("identifier", "what it is about", _DAY)),
    Column("persona_id", LargeBinary, nullable=True, info=describe("identifier", "whom alone it is for", _DAY)),
    Column("ref", Text, nullable=False, info=describe("identifier", "notice, report or appeal it is about", _DAY)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", _DAY)),
    Index("pub_event_channel", "channel_id", "seq"),
    Index("pub_event_persona", "persona_id", "seq"),
    Index("pub_event_at", "at"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

outbox = Table(
    "pub_outbox",
    METADATA,
    Column("seq", U64, primary_key=True, info=describe("counter", "order of work", _JUDGED)),
    Column("post_id", LargeBinary, nullable=False, info=describe("identifier", "post to be judged", _JUDGED)),
    Column("version", Integer, nullable=False, info=describe("counter", "version to be judged", _JUDGED)),
    Column("early", Integer, nullable=False, info=describe("flag", "1 for authors nothing was accepted of", _JUDGED)),
    Column("lease_until_ms", U64, nullable=False, info=describe("time", "how long a worker has it", _JUDGED)),
    Column("attempts", Integer, nullable=False, info=describe("counter", "how often it was taken", _JUDGED)),
    Index("pub_outbox_early", "early", "seq"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

search = Table(
    "pub_search",
    MetaData(),
    Column("rowid", Integer, primary_key=True),
    Column("body", Text, nullable=False),
)
"""SQLite's full-text index: `rowid` is a post's seq, `body` its folded words. A virtual table, so not in METADATA."""
words = Table("pub_words", MetaData(), Column("seq", BigInteger, primary_key=True), Column("words", TSVECTOR))
"""The same of PostgreSQL: `words` are those of the post `seq`, with their places."""
CREATE_WORDS = (
    "CREATE TABLE pub_words (seq BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)",
    "CREATE INDEX pub_words_words ON pub_words USING gin (words)",
)

CREATE_SEARCH = (
    "CREATE VIRTUAL TABLE pub_search USING fts5(body, tokenize = \"unicode61 remove_diacritics 0\", prefix = '2 3')"
)
_make_search = DDL(CREATE_SEARCH).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]  # SQLAlchemy's own
event.listen(post, "after_create", _make_search)
for each in CREATE_WORDS:
    event.listen(post, "after_create", DDL(each).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]  # as above
SEARCH_COLUMNS: tuple[tuple[str, str, ColumnClass, str], ...] = (
    ("pub_search", "body", "text", "folded words of visible posts, to be searched"),
    ("pub_search_data", "id", "counter", "place of a piece of the index"),
    ("pub_search_data", "block", "text", "a piece of the index: words, and posts by number"),
    ("pub_search_idx", "segid", "counter", "part of the index"),
    ("pub_search_idx", "term", "text", "first letters of words, public"),
    ("pub_search_idx", "pgno", "counter", "page of that part"),
    ("pub_search_content", "id", "counter", "number of a post"),
    ("pub_search_content", "c0", "text", "its folded words"),
    ("pub_search_docsize", "id", "counter", "number of a post"),
    ("pub_search_docsize", "sz", "counter", "how many words it has"),
    ("pub_search_config", "k", "flag", "name of a setting of the index"),
    ("pub_search_config", "v", "counter", "its value"),
    ("pub_words", "seq", "counter", "number of a post, on PostgreSQL"),
    ("pub_words", "words", "text", "folded words of visible posts, to be searched, on PostgreSQL"),
)
"""Table, column, class and purpose of what FTS5 makes by itself: for the data inventory."""
SEARCH_KEPT = "until the post is no longer visible; pieces of the index until they are merged"
