"""Tokens that open private bridges: members get a few a week to pass on, and the operator's invites carry one.

A token is bound to up to three random private bridges when it is made, and never to others: a censor who collects
tokens learns of bridges only as fast as he gets tokens. Which account asked is counted, apart from any token.
"""

from __future__ import annotations

import math
import secrets
from typing import Final

from sqlalchemy import Connection

from zajil.bridges.registry import store
from zajil.bridges.registry.context import DAY_S, Registry, digest
from zajil.engine.keys import Keys
from zajil.engine.sql import answers
from zajil.protocol import control
from zajil.protocol.errors import error
from zajil.protocol.ids import AccountId
from zajil.protocol.reach.endpoints import PRIVATE_BRIDGES, TOKEN_BYTES, TOKEN_ID_BYTES, PrivateBridges

TOKENS_PER_BRIDGE: Final = 5000
"""A bridge keeps all its tokens in memory and fetches them in one answer; one with so many gets no more."""
_TABLE: Final = "bridge_token"


async def issue(registry: Registry, account_id: AccountId) -> control.IssuedBundle:
    """A fresh token for somebody this account knows. Raises too-young, quota, gone (no private bridge)."""
    today = registry.today()
    age = today - await registry.created_day(account_id)
    if age < registry.token_age_days:
        raise error("too-young", detail={"days": registry.token_age_days - age})
    who = pseudonym_of(registry, account_id)
    root_hash = (await registry.documents.current()).root.hash
    keep = answers.keeper()

    def write(db: Connection) -> control.IssuedBundle:
        left = _check_quota(registry, store.count_asked(db, who, first_day=first_asked_day(registry)))
        made = make_bundle(db, registry.keys, root_hash=root_hash, now=registry.now())
        store.note_asked(db, who, day=today)
        addresses = tuple(control.BridgeAddress(*each) for each in made.bridges)
        issued = control.IssuedBundle(
            control.B32(made.root_hash), control.B8(made.token_id), control.B32(made.token), addresses, left - 1
        )
        keep(db, issued)
        return issued

    return await registry.db.write(write)


def pseudonym_of(registry: Registry, account_id: AccountId) -> bytes:
    """What stands for an account where tokens are counted."""
    return registry.keys.pseudonym("bridge_asker", account_id)


def first_asked_day(registry: Registry) -> int:
    """Tokens given before this day do not count any more."""
    rate = registry.limits.rate("bridge_tokens")
    return registry.today() - max(1, math.ceil(rate.burst * rate.every_s / DAY_S)) + 1


def _check_quota(registry: Registry, asked: list[tuple[int, int]]) -> int:
    """How many tokens are left, at least one. Raises Limited `quota` with the time until one is."""
    burst = int(registry.limits.rate("bridge_tokens").burst)
    left = burst - sum(count for _, count in asked)
    if left > 0:
        return left
    oldest = asked[0][0] if asked else registry.today()
    free_at = (oldest + registry.today() - first_asked_day(registry) + 1) * DAY_S
    wait_ms = max(1, free_at - registry.now()) * 1000
    raise error("quota", "bridge tokens", retry_ms=min(wait_ms, (1 << 32) - 1))


def make_bundle(db: Connection, keys: Keys, *, root_hash: bytes, now: int) -> PrivateBridges:
    """A fresh private token and the bridges it opens, stored. Raises Refused `gone` without any."""
    candidates = store.private_bridges(db, tokens_below=TOKENS_PER_BRIDGE)
    if not candidates:
        raise error("gone", "private bridges")
    chosen = secrets.SystemRandom().sample(candidates, min(PRIVATE_BRIDGES, len(candidates)))
    token_id, token = secrets.token_bytes(TOKEN_ID_BYTES), secrets.token_bytes(TOKEN_BYTES)
    add_token(db, keys, token_id, token, public=False, now=now, bridge_ids=[row.id for row in chosen])
    return PrivateBridges(root_hash, token_id, token, tuple((row.host, row.port, row.dir) for row in chosen))


def add_token(
    db: Connection, keys: Keys, token_id: bytes, token: bytes, *, public: bool, now: int, bridge_ids: list[bytes]
) -> None:
    """Store a token, sealed, with the bridges it opens."""
    sealed = keys.seal(_TABLE, token, aad=token_id, now_s=now)
    row = store.TokenRow(token_id, sealed, int(public))
    store.insert_token(db, row, digest=digest(token), day=now // DAY_S, bridge_ids=bridge_ids)


def open_token(keys: Keys, row: store.TokenRow) -> bytes:
    """The token of a row."""
    return keys.unseal(_TABLE, row.token, aad=row.id)


async def check_token(registry: Registry, token: bytes) -> bytes:
    """The id of a private token. Raises AuthError `token-expired`, also when nothing is left that it opens."""
    found = await registry.db.read(lambda db: store.find_private_token(db, digest(token)))
    if found is None:
        raise error("token-expired")
    return found


async def bundle(registry: Registry, token_id: bytes) -> control.BridgeBundle:
    """The bridges that a token opens, as they are now."""
    rows = await registry.db.read(lambda db: store.bridges_of(db, token_id))
    root = (await registry.documents.current()).root
    return control.BridgeBundle(
        control.B32(root.hash), tuple(control.BridgeAddress(row.host, row.port, row.dir) for row in rows)
    )
