"""What `zajil admin delete-account` does: an account ends that its owner cannot end, as after a restore of a backup.

An owner deletes an account by a signed list without devices, and keeps no key. A server that came back from an older
backup knows the account again, and a device of it that was away would log in as ever; nobody but the operator can say
no. It leaves what the owner's deletion leaves, without the signed list, and is an entry of the audit log, whose salt
is told to nobody but the operator: who has it can prove which account it was, and nobody else finds out.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal, NamedTuple

from sqlalchemy import Connection

from zajil.auth.holdings import end_account as end_holdings
from zajil.bridges.registry import store as bridge_store
from zajil.moderation.audit.entries import SALT_BYTES, hash_record, make_pseudonym
from zajil.moderation.audit.log import Draft, record, sign_now
from zajil.moderation.store import log
from zajil.protocol.ids import AccountId, encode_b64
from zajil.server.accounting.disclosure import is_known
from zajil.server.admin import OPERATOR, load_keys, load_log_keys
from zajil.server.config import load_settings
from zajil.server.schema import open_database


class Ended(NamedTuple):
    """The end of an account in the log. n: its entry there. salt: of what the entry's hash is over."""

    n: int
    salt: bytes


def end_account(data: Path, account_id: AccountId, *, now: float | None = None) -> Ended | Literal["unknown", "before"]:
    """End this account; nothing is changed or logged where it is unknown, or was deleted before.

    now: Unix seconds. Raises ConfigError, KeyFileError.
    """
    at = int(time.time() if now is None else now)
    settings = load_settings(data)
    database = open_database(data)
    try:
        keys = load_keys(data, database)
        if not database.read_sync(lambda db: is_known(db, account_id)):
            return "unknown"
        signing = load_log_keys(data, database)

        def write(db: Connection) -> Ended | Literal["before"]:
            if not end_holdings(db, account_id, now=at):
                return "before"
            bridge_store.forget_asker(db, keys.pseudonym("bridge_asker", account_id))
            salt = os.urandom(SALT_BYTES)
            actor = make_pseudonym(signing.pseudonym, OPERATOR)
            digest = hash_record(salt, f"end account {encode_b64(account_id)}".encode())
            rows = log.SQLAuditRows(db, now=at)
            (n,) = record(rows, [Draft("account", digest, actor_pseudonym=actor)], now=at)
            sign_now(rows, signing.log, origin=f"{settings.server_name}/moderation")
            return Ended(n, salt)

        return database.write_sync(write)
    finally:
        database.close()
