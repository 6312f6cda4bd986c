"""What the pipeline decides reaches people: an item with its evidence, a notice with reasons, and an appeal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from tests.moderation.people.desk import Desk
from tests.moderation.pipeline.square import FRAUD

from zajil.protocol.ids import encode_b64
from zajil.protocol.review import api, routes
from zajil.server.config import ModerationSettings, Settings

PATIENCE_S = 30.0


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The server judges posts itself, in a thread."""
    inside = ModerationSettings(enabled=True, worker="inside", processes=0)
    return msgspec.structs.replace(settings, moderation=inside)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await holds():  # noqa: ASYNC110  # what is waited for has no event to wait on
            await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_a_programs_hold_is_explained_reviewed_and_appealed(desk: Desk) -> None:
    author, reviewer, senior = await desk.author(), await desk.member(), await desk.member("senior")
    channel = await desk.channel(author)
    post = await desk.post(author, channel, FRAUD)

    async def is_held() -> bool:
        return (await desk.read(post, author)).state == "held"

    await until(is_held)
    item = await desk.take(reviewer)
    assert (item.source, item.effect) == ("rule", "hold")
    seen = await desk.ask(routes.READ_ITEM, api.Item, by=reviewer, item=encode_b64(item.item_id))
    rules = [each for each in seen.evidence if each.name == "rule"]
    assert rules
    assert any(each.phrases for each in rules)
    assert any(each.name == "entity" for each in seen.evidence)
    assert [(each.action, each.human) for each in seen.about] == [("hold", False)]
    (told,) = await desk.notices(author)
    assert (told.action, told.automated, told.until) == ("hold", True, int(desk.clock()) + 1800)
    assert told.statement is not None
    assert told.statement.automated_decision == "AUTOMATED_DECISION_FULLY"
    assert (await desk.standing(author)).points == 0

    appeal = await desk.appeal(author, told.decision_id)
    await desk.decide_item(reviewer, item.item_id, "remove", "fraud")
    # The hold gave way to a person's removal: the appeal goes on against that, and that person may not judge it.
    (open_one,) = (await desk.ask(routes.APPEALS, api.Appeals, by=senior)).appeals
    assert (open_one.appeal_id, open_one.action) == (appeal.appeal_id, "remove")
    verdict = api.DecideAppeal("reversed", "It was a joke.")
    name = encode_b64(appeal.appeal_id)
    await desk.ask(routes.DECIDE_APPEAL, api.Decided, verdict, by=senior, appeal=name)
    assert (await desk.read(post)).state == "visible"
    assert (await desk.standing(author)).points == 0
