"""The second look, stages 4 and 5: which posts need one, and what is found. The worker has it beside the batch."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from zajil.moderation.pipeline.judging import Judged, wants_second_look
from zajil.moderation.pipeline.storing import Sampler
from zajil.moderation.pipeline.work import Figures, LaterStage
from zajil.moderation.policy.schema import Policy
from zajil.moderation.signals import Signal, signal

_LOG = logging.getLogger(__name__)
LOOK_S: Final = 15.0
"""How long a stage may look; longer is a failure. Two stages end well before the lease."""


def choose_aside(batch: Sequence[Judged], policy: Policy, sampler: Sampler, *, room: int) -> frozenset[int]:
    """Which posts need a second look, by place; at most so many, the first ones."""
    share = policy.defaults.audit_sample
    chosen = [
        number
        for number, each in enumerate(batch)
        if wants_second_look(
            each, policy, sampled=sampler.draws("allowed", each.post.post_id, each.post.version, share)
        )
    ]
    return frozenset(chosen[: max(0, room)])


async def look_again(
    stages: Sequence[LaterStage], batch: Sequence[Judged], figures: Figures
) -> list[tuple[Signal, ...]]:
    """Signals of the stages for each post. A stage that fails, or takes longer than 15 s, is skipped and says so."""
    found: list[tuple[Signal, ...]] = [()] * len(batch)
    for stage in stages:
        try:
            async with asyncio.timeout(LOOK_S):
                looked = await stage.look(batch)
        except Exception as cause:  # noqa: BLE001  # an optional stage: whatever fails, the cascade goes on
            _LOG.warning("stage %s was skipped: %s", stage.name, type(cause).__name__)
            figures.count_skipped(stage.name)
            looked = [(signal("skipped", stage.name),)] * len(batch)
        found = [(*before, *more) for before, more in zip(found, looked, strict=True)]
    return found
