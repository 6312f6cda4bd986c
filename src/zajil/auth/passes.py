"""Passes for public personas, as the private side sees them: how many an account took, and nothing else.

The passes themselves are made elsewhere and carry no account; which persona one becomes, no table says.
"""

from __future__ import annotations

from typing import Final

from zajil.auth import store
from zajil.auth.context import Auth, CallingDevice
from zajil.protocol.errors import error

PERSONAS_MAX: Final = 3


async def count_persona_passes(auth: Auth, caller: CallingDevice, n: int) -> None:
    """Note n more passes of this account. Raises Refused `no-passes-left` where it would have had more than three.

    Called before the passes are made: a crash between the two loses passes, and never makes a fourth.
    """
    fits = await auth.db.write(lambda db: store.count_personas(db, caller.account_id, n, most=PERSONAS_MAX))
    if not fits:
        raise error("no-passes-left")
