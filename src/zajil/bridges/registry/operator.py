"""What the operator does with bridges, on the data directory, also while the server runs. Synchronous."""

from __future__ import annotations

import os
import secrets
from typing import Final, NamedTuple

from sqlalchemy import Connection

from zajil.bridges.registry import store
from zajil.bridges.registry.context import digest
from zajil.bridges.registry.tokens import TOKENS_PER_BRIDGE, add_token, make_bundle
from zajil.engine.keys import Keys
from zajil.engine.sql.database import Database
from zajil.protocol.codes import CODE_BYTES, plain_code, spell_code
from zajil.protocol.errors import error
from zajil.protocol.reach.endpoints import TOKEN_BYTES, TOKEN_ID_BYTES, PrivateBridges
from zajil.protocol.reach.signed import step_root

CODE_LIFE_S: Final = 7 * 86_400
PUBLIC_MAX: Final = 16
"""Most public bridges: the signed list has room for them beside the origin and its fronts."""


class KnownBridge(NamedTuple):
    """A bridge as the operator sees it. day: days since 1970. tokens: how many open it."""

    id: bytes
    host: str
    port: int
    dir: str
    public: bool
    day: int
    tokens: int


def invite_bridge(db: Database, *, now: float) -> str:
    """A code that one bridge may join with, within 7 days."""
    code = spell_code(os.urandom(CODE_BYTES))
    db.write_sync(
        lambda connection: store.insert_code(connection, digest_of_code(code), expires=int(now) + CODE_LIFE_S)
    )
    return code


def digest_of_code(code: str) -> bytes:
    """What is stored of a code to join with, however a person typed it."""
    return digest(plain_code(code))


def list_bridges(db: Database) -> list[KnownBridge]:
    """Every bridge that joined, oldest first."""

    def read(connection: Connection) -> list[KnownBridge]:
        counts = store.count_tokens(connection)
        return [
            KnownBridge(row.id, row.host, row.port, row.dir, bool(row.public), row.day, counts.get(row.id, 0))
            for row in store.all_bridges(connection)
        ]

    return db.read_sync(read)


def publish_bridge(db: Database, keys: Keys, bridge_id: bytes, *, now: float) -> None:
    """Have the signed list name this bridge, with a token of its own. There is no way back but removing it.

    Raises Refused `gone` (no such bridge), Limited `quota` (too many are public).
    """

    def write(connection: Connection) -> None:
        row = store.find_bridge(connection, bridge_id)
        if row is None:
            raise error("gone", "bridge")
        if row.public:
            return
        if store.count_public(connection) >= PUBLIC_MAX:
            raise error("quota", "public bridges")
        store.set_public(connection, bridge_id)
        token_id, token = secrets.token_bytes(TOKEN_ID_BYTES), secrets.token_bytes(TOKEN_BYTES)
        add_token(connection, keys, token_id, token, public=True, now=int(now), bridge_ids=[bridge_id])

    db.write_sync(write)


def remove_bridge(db: Database, bridge_id: bytes) -> None:
    """Forget a bridge and every token that opens nothing else. Raises Refused `gone`."""
    if not db.write_sync(lambda connection: store.delete_bridge(connection, bridge_id)):
        raise error("gone", "bridge")


def bundle_for_invite(db: Database, keys: Keys, *, now: float) -> PrivateBridges | None:
    """Private bridges for a guest who may not reach the server directly, under a fresh token.

    None where there are none, or no root yet that they could be checked against.
    """

    def write(connection: Connection) -> PrivateBridges | None:
        root = None
        for envelope in store.roots(connection):
            root = step_root(root, envelope)
        if root is None or not store.private_bridges(connection, tokens_below=TOKENS_PER_BRIDGE):
            return None
        return make_bundle(connection, keys, root_hash=root.hash, now=int(now))

    return db.write_sync(write)
