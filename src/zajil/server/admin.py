"""What `zajil admin` does. It works on the data directory, also while a server runs on it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection

from zajil.auth import invites
from zajil.auth.names import store as names
from zajil.auth.secrets import DAY_S, INVITE_LIFE_DAYS
from zajil.bridges.registry import operator
from zajil.bridges.registry import store as bridge_store
from zajil.delivery.push import store as push_store
from zajil.engine.keys import FILE_NAME, KeyKind, Keys, rotate
from zajil.engine.moderationkeys import FILE_NAME as LOG_KEY_FILE
from zajil.engine.moderationkeys import ModerationKeys
from zajil.engine.pushkeys import FILE_NAME as PUSH_KEY_FILE
from zajil.engine.sql import marks
from zajil.engine.sql.database import Database
from zajil.moderation.audit.entries import SALT_BYTES, hash_record, make_pseudonym
from zajil.moderation.audit.log import Draft, record, sign_now
from zajil.moderation.store import log
from zajil.moderation.store.transparency.changes import log_change
from zajil.protocol.contacts.usernames import username_key
from zajil.protocol.errors import error
from zajil.protocol.identity.links import ContactLink, encode_contact_link
from zajil.protocol.ids import AccountId, encode_b64
from zajil.protocol.reach.endpoints import PrivateBridges
from zajil.protocol.tlog.checkpoint import NoteKey
from zajil.protocol.tlog.tree import MerkleTree
from zajil.server.accounting.disclosure import (
    Document,
    LogProof,
    encode_disclosed,
    is_known,
    make_document,
    read_account,
)
from zajil.server.config import load_settings
from zajil.server.schema import has_database, hold_data, open_database

OPERATOR: Final = b"operator"
"""Who acts on the data folder, in the log: as `zajil moderation lists` has it."""


def create_invite(data: Path, uses: int) -> str:
    """A fresh registration code for `uses` people, good for 30 days. Raises ValueError unless 1..10,000 uses."""
    database = open_database(data)
    try:
        return invites.create_invite(database, uses=uses, now=time.time())
    finally:
        database.close()


def bridges_for_guest(data: Path) -> PrivateBridges | None:
    """Private bridges under a fresh token, for a guest's link; None where there are none. Raises KeyFileError."""
    database = open_database(data)
    try:
        if not database.read_sync(bridge_store.roots):
            return None  # no server has run here yet, so no bridge has joined
        return operator.bundle_for_invite(database, load_keys(data, database), now=time.time())
    finally:
        database.close()


def invite_bridge(data: Path) -> tuple[str, int]:
    """A code that one bridge joins with, and the Unix second it ends."""
    database = open_database(data)
    try:
        now = time.time()
        return operator.invite_bridge(database, now=now), int(now) + operator.CODE_LIFE_S
    finally:
        database.close()


def list_bridges(data: Path) -> list[operator.KnownBridge]:
    """Every bridge that joined, oldest first."""
    database = open_database(data)
    try:
        return operator.list_bridges(database)
    finally:
        database.close()


def publish_bridge(data: Path, bridge_id: bytes) -> None:
    """Have the signed list name a bridge. Raises Refused `gone`, Limited `quota`, KeyFileError."""
    database = open_database(data)
    try:
        operator.publish_bridge(database, load_keys(data, database), bridge_id, now=time.time())
    finally:
        database.close()


def remove_bridge(data: Path, bridge_id: bytes) -> None:
    """Forget a bridge. Raises Refused `gone`."""
    database = open_database(data)
    try:
        operator.remove_bridge(database, bridge_id)
    finally:
        database.close()


def forget_push(data: Path) -> int:
    """No device is woken by push any more until it asks anew, and the next start makes a new key; how many were.

    Raises ConfigError while a server runs here: it holds the key; KeyFileError where `zajil.key` is missing or not that
    of the database, which then is not this directory's.
    """

    def forget(db: Connection) -> int:
        marks.forget(db, PUSH_KEY_FILE)
        return push_store.drop_all(db)

    with hold_data(data):
        database = open_database(data)
        try:
            marks.check_keys(database, data / FILE_NAME)
            forgotten = database.write_sync(forget)
        finally:
            database.close()
        (data / PUSH_KEY_FILE).unlink(missing_ok=True)
    return forgotten


def reserve_name(data: Path, name: str, *, now: float | None = None) -> bool:
    """Nobody may have this username, nor one that looks like it; False where it was kept back before.

    name: as `parse_username` gives it. Only its key is stored, and that it was reserved is logged. Raises Conflict
    `handle-taken` where somebody uses it, ConfigError, KeyFileError.
    """

    def reserve(db: Connection, key: bytes) -> bool:
        if names.is_reserved(db, key):
            return False
        if not names.reserve(db, key):
            raise error("handle-taken")
        return True

    return _change_name(data, name, "reserve", reserve, now=now)


def release_name(data: Path, name: str, *, now: float | None = None) -> bool:
    """A username that was kept back is kept back no more; False where it was not. Raises ConfigError, KeyFileError."""
    return _change_name(data, name, "release", names.end_reservation, now=now)


def _change_name(
    data: Path, name: str, verb: str, change: Callable[[Connection, bytes], bool], *, now: float | None
) -> bool:
    at = int(time.time() if now is None else now)
    settings = load_settings(data)
    key = username_key(name, settings.server_name)
    database = open_database(data)
    try:
        signing = load_log_keys(data, database)

        def write(db: Connection) -> bool:
            if not change(db, key):
                return False
            actor = make_pseudonym(signing.pseudonym, OPERATOR)
            log_change(
                db, "list", f"{verb} username {encode_b64(key)}", salt=os.urandom(SALT_BYTES), now=at, pseudonym=actor
            )
            sign_now(log.SQLAuditRows(db, now=at), signing.log, origin=f"{settings.server_name}/moderation")
            return True

        return database.write_sync(write)
    finally:
        database.close()


def load_keys(data: Path, database: Database) -> Keys:
    """Those of the database: others would find nothing, and seal what nobody can open. Raises KeyFileError."""
    keys = Keys.load(data / FILE_NAME)
    marks.compare(database.read_sync(marks.read_marks), marks.marks_of_keys(keys))
    return keys


def load_log_keys(data: Path, database: Database) -> ModerationKeys:
    """The keys of the log, which may begin with what an operator does; a lost key beside a log is never replaced."""
    with marks.unmade(data / LOG_KEY_FILE):
        keys = ModerationKeys.load(data / LOG_KEY_FILE, create=database.read_sync(log.count_entries) == 0)
        return database.read_sync(lambda db: marks.check_log(db, keys))


def link_of_invite(data: Path, code: str, *, front: str | None = None, bridges: PrivateBridges | None = None) -> str:
    """The invite to this server as a link: its page takes the code out of it.

    front: what it begins with; None for the setting, and without one the address this server listens on, which is good
    on this machine only. bridges: ways for a guest whom the server cannot be reached by directly. Raises ConfigError.
    """
    settings = load_settings(data, front=front)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    front = settings.front or f"http://{host}:{settings.port}"
    expires = int(time.time()) + INVITE_LIFE_DAYS * DAY_S
    return encode_contact_link(ContactLink(settings.server_name, expires, code=code, front=front, bridges=bridges))


def rotate_key(data: Path, kind: KeyKind) -> int:
    """A new key of this kind, for the server's next start; its id.

    Raises ConfigError (it runs, or its database does not answer), KeyFileError (also where the file is not that of the
    database).
    """
    with hold_data(data):
        if not has_database(data):  # none was used with any key yet
            return rotate(data / FILE_NAME, kind)
        database = open_database(data)
        try:
            marks.claim(database, marks.marks_of_keys(Keys.load(data / FILE_NAME)))
            number = rotate(data / FILE_NAME, kind)
            # An end in between is harmless: the next start finds a file with more keys, and writes the same.
            marks.claim(database, marks.marks_of_keys(Keys.load(data / FILE_NAME)))
            return number
        finally:
            database.close()


def disclose(data: Path, account_id: AccountId, *, reference: str, now: float | None = None) -> Document | None:
    """Everything stored of this account, logged as a disclosure; None, and nothing logged, where there is none.

    reference: of the request; it lies in the document, and in the log's salted hash alone. Raises KeyFileError.
    """
    at = int(time.time() if now is None else now)
    settings = load_settings(data)
    database = open_database(data)
    try:
        keys = load_keys(data, database)
        if not database.read_sync(lambda db: is_known(db, account_id)):
            return None
        signing = load_log_keys(data, database).log
        origin = f"{settings.server_name}/moderation"

        def write(db: Connection) -> Document | None:
            tables = read_account(db, account_id, keys)
            if tables is None:
                return None
            document = make_document(
                tables, server=settings.server_name, account_id=account_id, reference=reference, at=at
            )
            salt = os.urandom(SALT_BYTES)
            draft = Draft("disclosure", hash_record(salt, encode_disclosed(document)))
            rows = log.SQLAuditRows(db, now=at)
            (n,) = record(rows, [draft], now=at)
            note = sign_now(rows, signing, origin=origin)
            path = MerkleTree(log.read_leaves(db, n + 1)).inclusion_proof(n)
            proof = LogProof(
                n=n,
                entry=encode_b64(log.find_entry(db, n) or b""),
                path=tuple(encode_b64(each) for each in path),
                checkpoint=note.decode(),
                key=NoteKey(origin, signing.public_key().public_bytes_raw()).text(),
            )
            return msgspec.structs.replace(document, salt=encode_b64(salt), proof=proof)

        return database.write_sync(write)
    finally:
        database.close()
