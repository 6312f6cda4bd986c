"""The tables of the Authentication Service. Each column says what it is, why it is kept and until when.

No name, phone number, e-mail address, password, IP address or exact time of use is stored. Tokens and codes are kept
as SHA-256 only. Days are whole days since 1970, so they do not tell when somebody was awake.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table

from zajil.engine.sql.database import METADATA, U64, describe

_ACCOUNT = describe("identifier", "whose row this is: a hash of the first account key", "until the account is deleted")
_DEVICE = describe("identifier", "number of the device within its account", "until the device is revoked")

account = Table(
    "account",
    METADATA,
    Column("id", LargeBinary, primary_key=True, info=_ACCOUNT),
    Column(
        "state",
        Integer,
        nullable=False,
        info=describe("flag", "0 active, 1 suspended, 2 deleted (tombstone)", "kept, so that an id is never reused"),
    ),
    Column(
        "created_day",
        Integer,
        nullable=False,
        info=describe("time", "day of registration, for limits of young accounts", "until the account is deleted"),
    ),
    Column(
        "last_device",
        U64,
        nullable=False,
        info=describe(
            "counter", "highest device number ever used, so that none is used twice", "until the account is deleted"
        ),
    ),
    Column(
        "invites",
        Integer,
        nullable=False,
        server_default="0",
        info=describe(
            "counter",
            "registration codes this member made; who came with them is not kept",
            "until the account is deleted",
        ),
    ),
    Column(
        "personas",
        Integer,
        nullable=False,
        server_default="0",
        info=describe(
            "counter",
            "passes for public personas this account took, three at most; which personas came of them is not kept",
            "until the account is deleted",
        ),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

account_measure = Table(
    "account_measure",
    METADATA,
    Column("account_id", LargeBinary, primary_key=True, info=_ACCOUNT),
    Column(
        "until",
        U64,
        nullable=False,
        info=describe("time", "Unix second at which the suspension ends, 0 for never", "until it ends or is undone"),
    ),
    Column(
        "statement",
        LargeBinary,
        nullable=False,
        info=describe("ciphertext", "why it was suspended, told to it when it logs in", "until it ends or is undone"),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

device = Table(
    "device",
    METADATA,
    Column("account_id", LargeBinary, primary_key=True, info=_ACCOUNT),
    Column("device_id", U64, primary_key=True, autoincrement=False, info=_DEVICE),
    Column(
        "sig_pub",
        LargeBinary,
        nullable=False,
        info=describe("key", "public key that a login of this device must verify under", "until the device is revoked"),
    ),
    Column(
        "mailbox_id",
        LargeBinary,
        nullable=False,
        unique=True,
        info=describe("identifier", "random name of the device's mailbox", "until the device is revoked"),
    ),
    Column(
        "last_day",
        Integer,
        nullable=False,
        info=describe("time", "last day with a login, to find devices long gone", "until the device is revoked"),
    ),
    Column(
        "revoked",
        Integer,
        nullable=False,
        info=describe("flag", "1 while mailbox and key packages of a revoked device are being removed", "seconds"),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

device_list = Table(
    "device_list",
    METADATA,
    Column("account_id", LargeBinary, primary_key=True, info=_ACCOUNT),
    Column(
        "seq",
        U64,
        primary_key=True,
        autoincrement=False,
        info=describe("counter", "version of the list, from 1", "kept, so that forks can be shown"),
    ),
    Column(
        "hash",
        LargeBinary,
        nullable=False,
        info=describe("key", "SHA-256 of the list, named by its successor", "kept, so that forks can be shown"),
    ),
    Column(
        "object",
        LargeBinary,
        nullable=False,
        info=describe(
            "key",
            "the signed list: device numbers, public keys, days added",
            "kept, so that forks can be shown; after deletion the last, empty one, none where the operator did it",
        ),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

session_token = Table(
    "session_token",
    METADATA,
    Column("hash", LargeBinary, primary_key=True, info=describe("key", "SHA-256 of a login token", "1 hour")),
    Column("account_id", LargeBinary, nullable=False, info=describe("identifier", "who logged in", "1 hour")),
    Column("device_id", U64, nullable=False, info=describe("identifier", "with which device", "1 hour")),
    Column("expires", U64, nullable=False, info=describe("time", "Unix second the token ends", "1 hour")),
    Index("session_token_device", "account_id", "device_id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

spent = Table(
    "spent",
    METADATA,
    Column(
        "mark",
        LargeBinary,
        primary_key=True,
        info=describe("key", "hash of a login's nonce or a proof of work, so that it counts once", "an hour after it"),
    ),
    Column(
        "expires",
        U64,
        nullable=False,
        index=True,
        info=describe("time", "Unix second from which it would be refused anyway", "an hour after it"),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

_LINK = (
    "until its end; used up or withdrawn too, so that no device brings it back to a restored server, unless the account"
    " has 1,000 others"
)
contact_token = Table(
    "contact_token",
    METADATA,
    Column("account_id", LargeBinary, primary_key=True, info=_ACCOUNT),
    Column("hash", LargeBinary, primary_key=True, info=describe("key", "SHA-256 of a contact token", _LINK)),
    Column("kind", Integer, nullable=False, info=describe("flag", "0 profile, 1 invite", _LINK)),
    Column(
        "uses_left",
        Integer,
        nullable=False,
        info=describe("counter", "claims it still allows", _LINK),
    ),
    Column("expires", U64, nullable=False, info=describe("time", "Unix second the token ends", _LINK)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

_NAME = "until released; then 90 days, so that nobody else takes it at once; reserved: until the operator frees it"
username = Table(
    "username",
    METADATA,
    Column(
        "key",
        LargeBinary,
        primary_key=True,
        info=describe("identifier", "slow hash of a username, see usernames", _NAME),
    ),
    Column("account_id", LargeBinary, nullable=False, index=True, info=_ACCOUNT),
    Column("state", Integer, nullable=False, info=describe("flag", "0 in use, 1 released, 2 reserved", _NAME)),
    Column("until", U64, nullable=False, info=describe("time", "Unix second a released name is free", _NAME)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

invite_code = Table(
    "invite_code",
    METADATA,
    Column("hash", LargeBinary, primary_key=True, info=describe("key", "SHA-256 of a registration code", "30 days")),
    Column("day", Integer, nullable=False, info=describe("time", "day it was made", "30 days")),
    Column("uses", Integer, nullable=False, info=describe("counter", "registrations it still allows", "30 days")),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

link = Table(
    "link",
    METADATA,
    Column(
        "addr",
        LargeBinary,
        primary_key=True,
        info=describe("identifier", "random address of one device linking", "120 s"),
    ),
    Column(
        "offer", LargeBinary, nullable=False, info=describe("key", "public keys and name the new device shows", "120 s")
    ),
    Column(
        "answer",
        LargeBinary,
        nullable=True,
        info=describe("ciphertext", "sealed to the new device by the old one", "120 s"),
    ),
    Column("expires", U64, nullable=False, info=describe("time", "Unix second the rows end", "120 s")),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
