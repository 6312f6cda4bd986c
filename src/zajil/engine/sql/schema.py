"""The tables of the mailbox engine: what its transactions touch, and nothing that names a person.

There is no sender column, no member table and no address. A row of `grp` holds its members only sealed under a key
that members have; a row of `mailbox_item` points to a message whose group lies inside its sealed body.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table

from zajil.engine.sql.database import METADATA, U64, describe

_UNTIL_ACK = "last acknowledgement, or 30 days"
_WITH_DEVICE = "until the device is revoked"
_UNUSED = "90 days without use"

grp = Table(
    "grp",
    METADATA,
    Column("gid", LargeBinary, primary_key=True, info=describe("identifier", "group, named by its creator", _UNUSED)),
    Column("epoch", U64, nullable=False, info=describe("counter", "orders commits: one for each epoch", _UNUSED)),
    Column(
        "token_hash",
        LargeBinary,
        nullable=False,
        info=describe("key", "SHA-256 of the epoch's token: lets members send without a name", _UNUSED),
    ),
    Column(
        "prev_hash",
        LargeBinary,
        nullable=True,
        info=describe("key", "the same of the epoch before: tells a late member apart from an outsider", _UNUSED),
    ),
    Column(
        "roster",
        LargeBinary,
        nullable=False,
        info=describe("ciphertext", "where to deliver, sealed under a key of the members, padded", _UNUSED),
    ),
    Column("used_day", U64, nullable=False, info=describe("time", "last day in use, to drop dead groups", _UNUSED)),
    Index("grp_used", "used_day"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

message = Table(
    "message",
    METADATA,
    Column(
        "id",
        LargeBinary,
        primary_key=True,
        info=describe("identifier", "one stored body: its time and 80 random bits", _UNTIL_ACK),
    ),
    Column("kind", U64, nullable=False, info=describe("counter", "commit, application, welcome, notice", _UNTIL_ACK)),
    Column("epoch", U64, nullable=False, info=describe("counter", "epoch of its group", _UNTIL_ACK)),
    Column("ts", U64, nullable=False, info=describe("time", "Unix ms of acceptance, shown to receivers", _UNTIL_ACK)),
    Column(
        "body",
        LargeBinary,
        nullable=False,
        info=describe("ciphertext", "MLS ciphertext and group id, sealed again under a key of the day", _UNTIL_ACK),
    ),
    Column(
        "frank",
        LargeBinary,
        nullable=True,
        info=describe("key", "mark that lets a receiver prove the message later; none on commits", _UNTIL_ACK),
    ),
    Column("refs", U64, nullable=False, info=describe("counter", "mailboxes that still point here", _UNTIL_ACK)),
    Column(
        "expires",
        U64,
        nullable=False,
        info=describe("time", "Unix second of deletion; a minute away for a call's signal", _UNTIL_ACK),
    ),
    Index("message_expires", "expires"),
    sqlite_strict=True,
)

mailbox = Table(
    "mailbox",
    METADATA,
    Column(
        "mailbox_id", LargeBinary, primary_key=True, info=describe("identifier", "queue of one device", _WITH_DEVICE)
    ),
    Column("next_seq", U64, nullable=False, info=describe("counter", "number of the next entry", _WITH_DEVICE)),
    Column("acked", U64, nullable=False, info=describe("counter", "highest acknowledged number", _WITH_DEVICE)),
    Column("count", U64, nullable=False, info=describe("counter", "entries waiting, for the cap", _WITH_DEVICE)),
    Column("bytes", U64, nullable=False, info=describe("counter", "bytes waiting, for the cap", _WITH_DEVICE)),
    Column("gap_count", U64, nullable=False, info=describe("counter", "entries lost to the cap", "next ack past it")),
    Column("gap_seq", U64, nullable=False, info=describe("counter", "number all of them precede", "next ack past it")),
    Column(
        "push",
        U64,
        nullable=False,
        server_default="0",
        info=describe("flag", "1 while its device is to be woken by push", _WITH_DEVICE),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

mailbox_item = Table(
    "mailbox_item",
    METADATA,
    Column("mailbox_id", LargeBinary, primary_key=True, info=describe("identifier", "whose queue", _UNTIL_ACK)),
    Column(
        "seq",
        U64,
        primary_key=True,
        autoincrement=False,
        info=describe("counter", "place in the queue, without gaps", _UNTIL_ACK),
    ),
    Column("message_id", LargeBinary, nullable=False, info=describe("identifier", "the stored body", _UNTIL_ACK)),
    Column("size", U64, nullable=False, info=describe("counter", "bytes of the body, for the cap", _UNTIL_ACK)),
    Column(
        "via",
        LargeBinary,
        nullable=True,
        info=describe("identifier", "serial of the reference it came through, for eviction and blocking", _UNTIL_ACK),
    ),
    Index("mailbox_item_message", "message_id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

_UNTIL_WOKEN = "until it is woken or has fetched, at most 28 days; a call's minute"
push_due = Table(
    "push_due",
    METADATA,
    Column(
        "mailbox_id", LargeBinary, primary_key=True, info=describe("identifier", "which device to wake", _UNTIL_WOKEN)
    ),
    Column(
        "wake",
        U64,
        primary_key=True,
        autoincrement=False,
        info=describe("counter", "1 for messages, however many; 2 for a call that rings", _UNTIL_WOKEN),
    ),
    Column(
        "seq",
        U64,
        nullable=False,
        info=describe("counter", "newest entry that it is to be woken for", _UNTIL_WOKEN),
    ),
    Column("due", U64, nullable=False, info=describe("time", "Unix ms of the next try", _UNTIL_WOKEN)),
    Column("until", U64, nullable=False, info=describe("time", "Unix second it is given up", _UNTIL_WOKEN)),
    Column("tries", U64, nullable=False, info=describe("counter", "tries so far", _UNTIL_WOKEN)),
    Index("push_due_at", "due"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

idem = Table(
    "idem",
    METADATA,
    Column(
        "key", LargeBinary, primary_key=True, info=describe("identifier", "SHA-256 of group and request id", "24 hours")
    ),
    Column(
        "body_hash", LargeBinary, nullable=False, info=describe("key", "SHA-256 of the accepted request", "24 hours")
    ),
    Column("answer", LargeBinary, nullable=False, info=describe("counter", "epoch and time of acceptance", "24 hours")),
    Column("at", U64, nullable=False, info=describe("time", "Unix second of acceptance", "24 hours")),
    Index("idem_at", "at"),
    sqlite_strict=True,
)
# In SQLite's file they lie as they came; who writes it knows by heart where (`sqlite/heads.py`).
idem.primary_key.ddl_if(dialect="postgresql")

_PASS_KEPT = "30 days; of attachments 2 days"  # noqa: S105  # words

one_time_pass = Table(
    "pass",
    METADATA,
    Column(
        "hash",
        LargeBinary,
        primary_key=True,
        info=describe("key", "SHA-256 of a pass; whose it is, is not kept", _PASS_KEPT),
    ),
    Column(
        "kind",
        U64,
        nullable=False,
        info=describe(
            "counter", "what it is good for: 1 one group, 2 one persona, 3 four MiB of an attachment", _PASS_KEPT
        ),
    ),
    Column("day", U64, nullable=False, info=describe("time", "day of issue", _PASS_KEPT)),
    Index("pass_day", "day"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

_REF_USE = "90 days after it was last used"

ref_use = Table(
    "ref_use",
    METADATA,
    Column(
        "hash",
        LargeBinary,
        primary_key=True,
        info=describe("key", "SHA-256 of mailbox and serial of a stranger's reference", _REF_USE),
    ),
    Column("day", U64, nullable=False, info=describe("time", "day of its last use", _REF_USE)),
    Column("handshakes", U64, nullable=False, info=describe("counter", "Welcomes and commits that passed", _REF_USE)),
    Column("bytes", U64, nullable=False, info=describe("counter", "bytes of those", _REF_USE)),
    Column("messages", U64, nullable=False, info=describe("counter", "messages that passed, one", _REF_USE)),
    Index("ref_use_day", "day"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

ref_deny = Table(
    "ref_deny",
    METADATA,
    Column(
        "hash", LargeBinary, primary_key=True, info=describe("key", "SHA-256 of mailbox and reference serial", "1 year")
    ),
    Column("day", U64, nullable=False, info=describe("time", "day of blocking", "1 year")),
    Index("ref_deny_day", "day"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
