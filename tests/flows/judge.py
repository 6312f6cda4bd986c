"""Moderation of a running server, from beside it: takes what waits and decides, by the outbox as workers do."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from zajil.channels import outbox
from zajil.channels.context import Channels
from zajil.channels.identity.challenge import PersonaChallenges
from zajil.engine.limits import Limits
from zajil.moderation.normalise.folding import fold_search
from zajil.protocol.public.posts import Effect, PostDecision
from zajil.server.schema import open_database


def judge(data: Path, effect: Effect = "allow", *, category: str = "") -> int:
    """Decide alike about everything that waits; how much it was."""
    database = open_database(data)
    try:
        space = Channels(
            db=database,
            limits=Limits({}),
            challenges=PersonaChallenges(bytes(32), os.urandom),
            origin="",
            clock=time.time,
            spend_pass=lambda _db, _pass: False,
            fold=fold_search,
            record_decision=lambda _db, _decision: None,
            gate_timeout_s=2,
            gate_hold_s=60,
            waiting_max=0,
            random=os.urandom,
        )
        return asyncio.run(_decide(space, effect, category))
    finally:
        database.close()


async def _decide(space: Channels, effect: Effect, category: str) -> int:
    jobs = await outbox.claim(space, limit=512, lease_s=30, now=time.time())
    decisions = [
        PostDecision(
            decision_id=os.urandom(32),
            post_id=job.post.post_id,
            version=job.post.version,
            effect=effect,
            category=category,
            at=int(time.time()),
        )
        for job in jobs
    ]
    await outbox.apply_decisions(space, decisions)
    return await outbox.finish(space, [job.seq for job in jobs])
