"""What the verbs of the bridge registry work with: database, keys, clock, and callables for what is not theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from zajil.bridges.registry.documents import Documents
from zajil.engine.keys import Keys
from zajil.engine.limits import Limits
from zajil.engine.sql.database import Database
from zajil.protocol.ids import AccountId

DAY_S: Final = 86_400


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The bridge registry of one server.

    origin: where bridges forward to, "" where no address is set. token_age_days: how old an account must be before it
    gets tokens. created_day: when an account began. clock: Unix seconds.
    """

    db: Database
    keys: Keys
    limits: Limits
    documents: Documents
    origin: str
    app_origins: tuple[str, ...]
    token_age_days: int
    created_day: Callable[[AccountId], Awaitable[int]]
    clock: Callable[[], float]
    random: Callable[[int], bytes] = field(repr=False)

    def now(self) -> int:
        """Unix seconds."""
        return int(self.clock())

    def today(self) -> int:
        """Whole days since 1970."""
        return self.now() // DAY_S


def digest(secret: bytes) -> bytes:
    """SHA-256 of a token, credential or code: what is stored to find it by. Each has at least 100 random bits."""
    return hashlib.sha256(secret).digest()
