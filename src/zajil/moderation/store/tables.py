"""What was found, decided and remembered: verdicts, decisions, the queue, clusters, match lists, policies.

Who decides and who complains stands in `people`, the log in `log`. No column names an account, a device or an address;
authors are personas. Texts of posts stay in the public space: here are their hashes.

An `allow` of the pipeline is a verdict and no decision: nothing was done to anybody. Decisions are never changed and
never deleted before their time; what ends one is another that supersedes it. Source: design/moderation.md 11.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, text

from zajil.engine.sql.database import METADATA, U64, describe, index_where_set

_VERDICT_KEPT = "30 days, 90 where something was done"
_DAY = "24 hours"
_DECISION_KEPT = "to the end of its appeal and 30 days"
_ITEM_KEPT = "as long as its decision"
_CLUSTER_KEPT = "7 days after its last copy; judged ones until the judgement is taken back"
_LIST_KEPT = "until it is taken off or expires"
_POLICY_KEPT = "kept: decisions name it"
_COUNT_KEPT = "kept: a number"
_POST = describe("identifier", "post, public", _VERDICT_KEPT)

verdict = Table(
    "mod_verdict",
    METADATA,
    Column("seq", U64, primary_key=True, info=describe("counter", "order of verdicts", _VERDICT_KEPT)),
    Column("target", LargeBinary, nullable=False, info=_POST),
    Column("version", Integer, nullable=False, info=describe("counter", "version of the post", _VERDICT_KEPT)),
    Column("channel_id", LargeBinary, nullable=False, info=describe("identifier", "channel, public", _VERDICT_KEPT)),
    Column("author", LargeBinary, nullable=False, info=describe("identifier", "persona, public", _VERDICT_KEPT)),
    Column(
        "standing",
        LargeBinary,
        nullable=False,
        info=describe("flag", "the author's trust and role then", _VERDICT_KEPT),
    ),
    Column("policy", Text, nullable=False, info=describe("identifier", "policy that decided", _VERDICT_KEPT)),
    Column("model", Text, nullable=False, info=describe("identifier", "model that scored", _VERDICT_KEPT)),
    Column("lang", Text, nullable=False, info=describe("flag", "language found", _VERDICT_KEPT)),
    Column("effect", Text, nullable=False, info=describe("flag", "what was done", _VERDICT_KEPT)),
    Column(
        "signals", LargeBinary, nullable=False, info=describe("counter", "matches, rules and scores", _VERDICT_KEPT)
    ),
    Column("stage", Integer, nullable=False, info=describe("counter", "last stage that ran", _VERDICT_KEPT)),
    Column("digest", LargeBinary, nullable=True, info=describe("identifier", "hash of the normalised text", _DAY)),
    Column("signature", LargeBinary, nullable=True, info=describe("identifier", "MinHash of the text", _DAY)),
    Column(
        "stale", Integer, nullable=False, info=describe("flag", "1 while it waits to be judged anew", _VERDICT_KEPT)
    ),
    Column("at", U64, nullable=False, info=describe("time", "Unix second of the verdict", _VERDICT_KEPT)),
    Index("mod_verdict_target", "target", "version", unique=True),
    index_where_set("mod_verdict_digest", "digest"),
    Index("mod_verdict_at", "at"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

reading = Table(
    "mod_reading",
    METADATA,
    Column(
        "digest",
        LargeBinary,
        primary_key=True,
        info=describe("identifier", "hash of a transliterated text in its own letters", _DAY),
    ),
    Column("target", LargeBinary, primary_key=True, info=describe("identifier", "post, public", _DAY)),
    Column(
        "version",
        Integer,
        primary_key=True,
        autoincrement=False,
        info=describe("counter", "version of the post", _DAY),
    ),
    Column("at", U64, nullable=False, info=describe("time", "Unix second of the verdict", _DAY)),
    Index("mod_reading_at", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

decision = Table(
    "mod_decision",
    METADATA,
    Column("seq", U64, primary_key=True, info=describe("counter", "order of decisions", _DECISION_KEPT)),
    Column(
        "id", LargeBinary, nullable=False, unique=True, info=describe("identifier", "first half of key", _DECISION_KEPT)
    ),
    Column(
        "key",
        LargeBinary,
        nullable=False,
        unique=True,
        info=describe("identifier", "what makes it happen once", _DECISION_KEPT),
    ),
    Column(
        "target_kind", Text, nullable=False, info=describe("flag", "post, persona, channel, cluster", _DECISION_KEPT)
    ),
    Column("target", LargeBinary, nullable=False, info=describe("identifier", "what it is about", _DECISION_KEPT)),
    Column("version", U64, nullable=False, info=describe("counter", "of a post, else 0", _DECISION_KEPT)),
    Column("channel_id", LargeBinary, nullable=False, info=describe("identifier", "channel, public", _DECISION_KEPT)),
    Column("author", LargeBinary, nullable=False, info=describe("identifier", "whom it meets", _DECISION_KEPT)),
    Column("action", Text, nullable=False, info=describe("flag", "what is done", _DECISION_KEPT)),
    Column("category", Text, nullable=False, info=describe("flag", "what for", _DECISION_KEPT)),
    Column("sub", Text, nullable=False, info=describe("flag", "what for, nearer", _DECISION_KEPT)),
    Column("lang", Text, nullable=False, info=describe("flag", "language of the post", _DECISION_KEPT)),
    Column(
        "source", Text, nullable=False, info=describe("flag", "match, rule, score, notice, person ...", _DECISION_KEPT)
    ),
    Column("because", Text, nullable=False, info=describe("flag", "rule, threshold or row", _DECISION_KEPT)),
    Column(
        "actor", LargeBinary, nullable=False, info=describe("identifier", "member of staff, or empty", _DECISION_KEPT)
    ),
    Column("policy", Text, nullable=False, info=describe("identifier", "policy it stands on", _DECISION_KEPT)),
    Column("model", Text, nullable=False, info=describe("identifier", "model that scored, or empty", _DECISION_KEPT)),
    Column("scores", LargeBinary, nullable=False, info=describe("counter", "scores by head", _DECISION_KEPT)),
    Column(
        "supersedes", LargeBinary, nullable=True, info=describe("identifier", "decision that it ends", _DECISION_KEPT)
    ),
    Column(
        "basis",
        LargeBinary,
        nullable=True,
        info=describe("identifier", "decision that it follows from", _DECISION_KEPT),
    ),
    Column("automated", Text, nullable=False, info=describe("flag", "fully, partially or not", _DECISION_KEPT)),
    Column("hold_until", U64, nullable=True, info=describe("time", "when a hold ends", _DECISION_KEPT)),
    Column("note", Text, nullable=False, info=describe("text", "what the reviewer wrote", _DECISION_KEPT)),
    Column("sor", LargeBinary, nullable=True, info=describe("text", "statement of reasons", _DECISION_KEPT)),
    Column("salt", LargeBinary, nullable=False, info=describe("key", "salt of its hash in the log", _DECISION_KEPT)),
    Column("entry", Integer, nullable=False, info=describe("counter", "its entry in the log", _DECISION_KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", _DECISION_KEPT)),
    Index("mod_decision_target", "target", "version", "seq"),
    Index("mod_decision_author", "author", "seq"),
    index_where_set("mod_decision_supersedes", "supersedes"),
    index_where_set("mod_decision_basis", "basis"),
    Index("mod_decision_at", "at"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

handover = Table(
    "mod_handover",
    METADATA,
    Column(
        "seq",
        U64,
        primary_key=True,
        info=describe("counter", "order of decisions to carry out", "until it is done"),
    ),
    Column(
        "decision_id",
        LargeBinary,
        nullable=False,
        unique=True,
        info=describe("identifier", "decision that the public space has not carried out yet", "until it is done"),
    ),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

spread = Table(
    "mod_spread",
    METADATA,
    Column(
        "decision_id",
        LargeBinary,
        primary_key=True,
        info=describe("identifier", "decision that its copies have yet to follow", "until they do"),
    ),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", "until they do")),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

_CLAIMED: Final = text("claimed_by IS NOT NULL")
EDITED: Final = 1_000_000
"""Above every stake: added where a post was edited after a report."""
_REACH: Final = " ".join(f"WHEN reach < {2**power} THEN {power + 1}" for power in range(0, 31, 2))
STAKE: Final = f"((harm + 1) * CASE {_REACH} ELSE 32 END + CASE source WHEN 'edit' THEN {EDITED} ELSE 0 END)"
"""What is at stake where an item waits, as an index has it: harm and one, times the bit length of its reach."""

item = Table(
    "mod_item",
    METADATA,
    Column("id", LargeBinary, primary_key=True, info=describe("identifier", "of what it is about", _ITEM_KEPT)),
    Column("queue", Text, nullable=False, info=describe("flag", "main, escalate, error, senior ...", _ITEM_KEPT)),
    Column("target_kind", Text, nullable=False, info=describe("flag", "post, cluster, persona, channel", _ITEM_KEPT)),
    Column("target", LargeBinary, nullable=False, info=describe("identifier", "what to look at", _ITEM_KEPT)),
    Column("version", Integer, nullable=False, info=describe("counter", "of a post, else 0", _ITEM_KEPT)),
    Column("cluster_id", Text, nullable=True, info=describe("identifier", "copies it stands for", _ITEM_KEPT)),
    Column("channel_id", LargeBinary, nullable=False, info=describe("identifier", "channel, public", _ITEM_KEPT)),
    Column("author", LargeBinary, nullable=False, info=describe("identifier", "persona, public", _ITEM_KEPT)),
    Column("category", Text, nullable=False, info=describe("flag", "what it may be", _ITEM_KEPT)),
    Column("sub", Text, nullable=False, info=describe("flag", "what it may be, nearer", _ITEM_KEPT)),
    Column("lang", Text, nullable=False, info=describe("flag", "language of the post", _ITEM_KEPT)),
    Column("source", Text, nullable=False, info=describe("flag", "who asks: model, rule, people ...", _ITEM_KEPT)),
    Column("effect", Text, nullable=False, info=describe("flag", "what was done until a person looks", _ITEM_KEPT)),
    Column("harm", Integer, nullable=False, info=describe("counter", "expected harm, 0 to 1000", _ITEM_KEPT)),
    Column("reach", Integer, nullable=False, info=describe("counter", "followers, or copies", _ITEM_KEPT)),
    Column("state", Text, nullable=False, info=describe("flag", "open or done", _ITEM_KEPT)),
    Column("claimed_by", LargeBinary, nullable=True, info=describe("identifier", "member of staff", "10 minutes")),
    Column("claimed_until", U64, nullable=False, info=describe("time", "end of the claim", "10 minutes")),
    Column(
        "decision_id", LargeBinary, nullable=True, info=describe("identifier", "decision that closed it", _ITEM_KEPT)
    ),
    Column("opened_at", U64, nullable=False, info=describe("time", "Unix second", _ITEM_KEPT)),
    Column("closed_at", U64, nullable=True, info=describe("time", "Unix second", _ITEM_KEPT)),
    Index("mod_item_open", "queue", "state", "opened_at"),
    Index("mod_item_stake", "queue", "state", text(STAKE), "opened_at", "id"),
    Index("mod_item_claimed", "claimed_by", "state", "queue", sqlite_where=_CLAIMED, postgresql_where=_CLAIMED),
    Index("mod_item_target", "target", "version"),
    index_where_set("mod_item_cluster", "cluster_id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

cluster = Table(
    "mod_cluster",
    METADATA,
    Column("id", Text, primary_key=True, info=describe("identifier", "first post version of its kind", _CLUSTER_KEPT)),
    Column("state", Text, nullable=False, info=describe("flag", "open, confirmed or cleared", _CLUSTER_KEPT)),
    Column("campaign", Integer, nullable=False, info=describe("flag", "1 once it is one", _CLUSTER_KEPT)),
    Column("category", Text, nullable=False, info=describe("flag", "what it was judged to be", _CLUSTER_KEPT)),
    Column("sub", Text, nullable=False, info=describe("flag", "what it was judged to be, nearer", _CLUSTER_KEPT)),
    Column(
        "decision_id", LargeBinary, nullable=True, info=describe("identifier", "decision that judged it", _CLUSTER_KEPT)
    ),
    Column("copies", Integer, nullable=False, info=describe("counter", "copies seen", _CLUSTER_KEPT)),
    Column("length", Integer, nullable=False, info=describe("counter", "characters of the first text", _CLUSTER_KEPT)),
    Column("signature", LargeBinary, nullable=True, info=describe("identifier", "MinHash of it", _CLUSTER_KEPT)),
    Column(
        "grams",
        LargeBinary,
        nullable=True,
        info=describe("identifier", "hashes of its 5-character windows", _CLUSTER_KEPT),
    ),
    Column("entities", LargeBinary, nullable=True, info=describe("text", "addresses in a judged text", _CLUSTER_KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second of the last copy", _CLUSTER_KEPT)),
    Index("mod_cluster_state", "state", "at"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

member = Table(
    "mod_cluster_member",
    METADATA,
    Column("cluster_id", Text, primary_key=True, info=describe("identifier", "cluster", _CLUSTER_KEPT)),
    Column("target", LargeBinary, primary_key=True, info=describe("identifier", "post, public", _CLUSTER_KEPT)),
    Column(
        "version",
        Integer,
        primary_key=True,
        autoincrement=False,
        info=describe("counter", "version of the post", _CLUSTER_KEPT),
    ),
    Column("author", LargeBinary, nullable=False, info=describe("identifier", "persona, public", _CLUSTER_KEPT)),
    Column("channel_id", LargeBinary, nullable=False, info=describe("identifier", "channel, public", _CLUSTER_KEPT)),
    Column("lang", Text, nullable=False, info=describe("flag", "language found", _CLUSTER_KEPT)),
    Column(
        "settled",
        Integer,
        nullable=False,
        info=describe("flag", "1 once the cluster's judgement met it", _CLUSTER_KEPT),
    ),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", _CLUSTER_KEPT)),
    Index("mod_cluster_member_target", "target", "version"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

match_text = Table(
    "mod_match_text",
    METADATA,
    Column("digest", LargeBinary, primary_key=True, info=describe("identifier", "hash of a judged text", _LIST_KEPT)),
    Column("category", Text, nullable=False, info=describe("flag", "what it was judged to be", _LIST_KEPT)),
    Column("sub", Text, nullable=False, info=describe("flag", "what it was judged to be, nearer", _LIST_KEPT)),
    Column("source", Text, nullable=False, info=describe("identifier", "decision, or name of a list", _LIST_KEPT)),
    Column("decision_id", LargeBinary, nullable=True, info=describe("identifier", "decision it is of", _LIST_KEPT)),
    Column("human", Integer, nullable=False, info=describe("flag", "1 when a person judged it", _LIST_KEPT)),
    Column("length", Integer, nullable=False, info=describe("counter", "characters of the text", _LIST_KEPT)),
    Column("expires_at", U64, nullable=True, info=describe("time", "end, if any", _LIST_KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", _LIST_KEPT)),
    index_where_set("mod_match_text_decision", "decision_id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

match_url = Table(
    "mod_match_url",
    METADATA,
    Column("list", Text, primary_key=True, info=describe("flag", "url, host, domain, phone, wallet", _LIST_KEPT)),
    Column("value", Text, primary_key=True, info=describe("text", "a listed address", _LIST_KEPT)),
    Column("category", Text, nullable=False, info=describe("flag", "what it serves", _LIST_KEPT)),
    Column("source", Text, nullable=False, info=describe("identifier", "who listed it", _LIST_KEPT)),
    Column("human", Integer, nullable=False, info=describe("flag", "1 when a person judged it", _LIST_KEPT)),
    Column("expires_at", U64, nullable=True, info=describe("time", "end, if any", _LIST_KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", _LIST_KEPT)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

change = Table(
    "mod_change",
    METADATA,
    Column("seq", U64, primary_key=True, info=describe("counter", "order of changes", _DAY)),
    Column("what", Text, nullable=False, info=describe("flag", "text, url, cluster, policy, rule", _DAY)),
    Column("ref", Text, nullable=False, info=describe("identifier", "which one; matchers read it again", _DAY)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second", _DAY)),
    Index("mod_change_at", "at"),
    sqlite_strict=True,
    sqlite_autoincrement=True,
)

suspension = Table(
    "mod_suspension",
    METADATA,
    Column("what", Text, primary_key=True, info=describe("flag", "rule, or list entry", _LIST_KEPT)),
    Column("ref", Text, primary_key=True, info=describe("identifier", "which one", _LIST_KEPT)),
    Column("at", U64, nullable=False, info=describe("time", "Unix second its decisions were reversed", _LIST_KEPT)),
    Column(
        "lifted_at",
        U64,
        nullable=False,
        server_default="0",
        info=describe("time", "Unix second since which it counts again, 0 while it does not", "a day after it"),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

policy = Table(
    "mod_policy",
    METADATA,
    Column("ref", Text, primary_key=True, info=describe("identifier", "version and hash", _POLICY_KEPT)),
    Column("version", Integer, nullable=False, info=describe("counter", "version", _POLICY_KEPT)),
    Column("files", LargeBinary, nullable=False, info=describe("flag", "the policy's own files", _POLICY_KEPT)),
    Column("state", Text, nullable=False, info=describe("flag", "candidate, active or retired", _POLICY_KEPT)),
    Column("replay", LargeBinary, nullable=True, info=describe("counter", "report of its replay", _POLICY_KEPT)),
    Column("replayed_at", U64, nullable=True, info=describe("time", "Unix second", _POLICY_KEPT)),
    Column("agreed_by", LargeBinary, nullable=False, info=describe("identifier", "admins who agreed", _POLICY_KEPT)),
    Column("activated_at", U64, nullable=True, info=describe("time", "Unix second", _POLICY_KEPT)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

tally = Table(
    "mod_tally",
    METADATA,
    Column("day", Integer, primary_key=True, autoincrement=False, info=describe("time", "UTC day", _COUNT_KEPT)),
    Column("lang", Text, primary_key=True, info=describe("flag", "language", _COUNT_KEPT)),
    Column("effect", Text, primary_key=True, info=describe("flag", "what was done", _COUNT_KEPT)),
    Column("posts", Integer, nullable=False, info=describe("counter", "post versions judged first", _COUNT_KEPT)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
