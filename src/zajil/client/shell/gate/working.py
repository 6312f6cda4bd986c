"""The proof of work of a registration: in a thread of its own, with progress, and not without an end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Final

from zajil.protocol.errors import error
from zajil.protocol.gate.wire import WorkChallenge, WorkProof
from zajil.protocol.gate.work import solve

OnWork = Callable[[float], None]
"""Gets the share of the work that is done, 0 to 1. It seldom comes to 1: the solution lies anywhere."""
PATIENCE_S: Final = 120.0
ATTEMPTS: Final = 3
"""Further challenges for one registration: a load that rises meanwhile makes the server ask for a dearer one."""


def tell_nobody(_: float) -> None:
    """For who does not show it."""


async def solve_challenge(
    challenge: WorkChallenge | None, on_work: OnWork, *, patience_s: float = PATIENCE_S
) -> WorkProof:
    """The solution. on_work: called in this loop. Cancelled, the thread ends within some attempts.

    Raises HomeError `work-unfinished` after that time, or where the server asks for what this version does not do.
    """
    if challenge is None:
        raise error("work-unfinished", "the server gave no challenge")
    loop = asyncio.get_running_loop()
    over = threading.Event()
    until = time.monotonic() + patience_s

    def tell(share: float) -> None:
        if not over.is_set():
            loop.call_soon_threadsafe(on_work, share)

    try:
        return await asyncio.to_thread(
            solve, challenge, tell=tell, stopped=lambda: over.is_set() or time.monotonic() > until
        )
    finally:
        over.set()
