"""Passes for public personas, as the private side sees them: how many an account took, and nothing else.

The passes themselves are made elsewhere and carry no account; which persona one becomes, no table says.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.auth import store
from zajil.auth.context import CallingDevice
from zajil.protocol.errors import error

PERSONAS_MAX: Final = 3


def count_persona_passes(db: Connection, caller: CallingDevice, n: int) -> None:
    """Note n more passes of this account, in the transaction that makes them.

    Raises Refused `no-passes-left` where it would have had more than three.
    """
    if not store.count_personas(db, caller.account_id, n, most=PERSONAS_MAX):
        raise error("no-passes-left")
