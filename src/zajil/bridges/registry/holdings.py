"""How many rows the bridge registry holds of one account, for its own eyes, and their end with the account."""

from __future__ import annotations

from collections.abc import Mapping

from zajil.bridges.registry import store
from zajil.bridges.registry.context import Registry
from zajil.bridges.registry.tokens import pseudonym_of
from zajil.protocol.ids import AccountId


async def count_rows(registry: Registry, account_id: AccountId) -> Mapping[str, int]:
    """By table: the rows that are of the account. Which tokens it got, if any, the server cannot tell."""
    who = pseudonym_of(registry, account_id)
    return {"bridge_asker": len(await registry.db.read(lambda db: store.count_asked(db, who, first_day=0)))}


async def forget_account(registry: Registry, account_id: AccountId) -> None:
    """Remove the rows that are of an account that ended."""
    who = pseudonym_of(registry, account_id)
    await registry.db.write(lambda db: store.forget_asker(db, who))
