"""The tables of the bridge registry. None of them holds an account: who was given a token is not kept."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from zajil.engine.sql.database import METADATA, U64, describe

_REMOVED = "until the operator removes the bridge"
_UNBOUND = "until every bridge it opens is removed"
_BRIDGE = describe("identifier", "random name of a bridge", _REMOVED)
_TOKEN = describe("identifier", "random name of a token", _UNBOUND)

bridge = Table(
    "bridge",
    METADATA,
    Column("id", LargeBinary, primary_key=True, info=_BRIDGE),
    Column("host", Text, nullable=False, info=describe("identifier", "public host name of the bridge", _REMOVED)),
    Column("port", Integer, nullable=False, info=describe("identifier", "its TCP port", _REMOVED)),
    Column("dir", Text, nullable=False, info=describe("identifier", "first part of its secret paths", _REMOVED)),
    Column("public", Integer, nullable=False, info=describe("flag", "1 when the signed list names it", _REMOVED)),
    Column(
        "credential",
        LargeBinary,
        nullable=False,
        unique=True,
        info=describe("key", "SHA-256 of what the bridge proves itself with", _REMOVED),
    ),
    Column("day", Integer, nullable=False, info=describe("time", "day it joined", _REMOVED)),
    UniqueConstraint("host", "port"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

bridge_code = Table(
    "bridge_code",
    METADATA,
    Column("hash", LargeBinary, primary_key=True, info=describe("key", "SHA-256 of a code to join with", "7 days")),
    Column("expires", U64, nullable=False, info=describe("time", "Unix second the code ends", "7 days")),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

bridge_token = Table(
    "bridge_token",
    METADATA,
    Column("id", LargeBinary, primary_key=True, info=_TOKEN),
    Column(
        "hash",
        LargeBinary,
        nullable=False,
        unique=True,
        info=describe("key", "SHA-256 of the token, to find it by", _UNBOUND),
    ),
    Column(
        "token",
        LargeBinary,
        nullable=False,
        info=describe("ciphertext", "the token, sealed under a key of the day; bridges fetch it", _UNBOUND),
    ),
    Column("public", Integer, nullable=False, info=describe("flag", "1 when it stands in the signed list", _UNBOUND)),
    Column("day", Integer, nullable=False, info=describe("time", "day it was made", _UNBOUND)),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

bridge_of_token = Table(
    "bridge_of_token",
    METADATA,
    Column("token_id", LargeBinary, primary_key=True, info=_TOKEN),
    Column("bridge_id", LargeBinary, primary_key=True, info=_BRIDGE),
    Index("bridge_of_token_bridge", "bridge_id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

bridge_asker = Table(
    "bridge_asker",
    METADATA,
    Column(
        "who",
        LargeBinary,
        primary_key=True,
        info=describe("identifier", "keyed hash of an account that asked for tokens, beside none of them", "7 days"),
    ),
    Column(
        "day",
        Integer,
        primary_key=True,
        autoincrement=False,
        info=describe("time", "day it asked", "7 days"),
    ),
    Column("count", Integer, nullable=False, info=describe("counter", "tokens it got on that day", "7 days")),
    Index("bridge_asker_day", "day"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

reach_document = Table(
    "reach_document",
    METADATA,
    Column(
        "kind", Integer, primary_key=True, autoincrement=False, info=describe("flag", "0 root, 1 list", "kept, public")
    ),
    Column(
        "version",
        Integer,
        primary_key=True,
        autoincrement=False,
        info=describe("counter", "number of the document", "roots kept, the newest list; public"),
    ),
    Column(
        "envelope",
        LargeBinary,
        nullable=False,
        info=describe("key", "the signed document: keys, host names, public bridges", "as its number; public"),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
