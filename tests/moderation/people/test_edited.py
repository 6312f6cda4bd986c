"""Editing keeps nothing up: what a reported post says now is held with the decision about what it said."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from tests.channels.world import Author
from tests.moderation.people.desk import Desk, Member
from tests.moderation.people.test_story import counters

from zajil.moderation.decide.decide import decide
from zajil.moderation.decide.orders import Order, order_key
from zajil.moderation.store.decisions import Act
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.public import redress
from zajil.protocol.public import routes as public
from zajil.protocol.public.api import EditPost
from zajil.protocol.review import api, routes

FIRST = (
    "Send five hundred to the wallet below by Friday and one thousand comes back to you within the hour. "
    "It is guaranteed by the bank that my brother runs, hundreds of people were paid already, ask any of them."
)
SECOND = FIRST.replace("Friday", "Saturday")
OTHER = "The choir meets in the old school on Tuesday evening, bring your own music stands please"


@dataclass
class Edited:
    """A reported post that its author edited, its item with a reviewer."""

    desk: Desk
    author: Author
    reporter: Author
    reviewer: Member
    post: str = ""
    item: bytes = b""

    async def edit(self, text: str, version: int) -> None:
        await self.desk.call(public.EDIT_POST, EditPost(text, version), auth=self.author.auth, post=self.post)

    async def decide(self, action: api.ItemAction = "remove", **more: object) -> api.Decided:
        return await self.desk.decide_item(self.reviewer, self.item, action, "fraud", **more)

    async def undo(self) -> None:
        await self.desk.ask(routes.UNDO, api.Decided, by=self.reviewer, item=encode_b64(self.item))

    async def open_items(self) -> list[tuple[int, str, str]]:
        found = await self.desk.ask(routes.LIST_ITEMS, api.Items, by=self.reviewer, queue="main")
        return [(each.version, each.source, each.effect) for each in found.items]

    async def seen(self) -> str:
        """What others read."""
        if await self.desk.code(public.READ_POST, post=self.post) != "ok":
            return ""
        return (await self.desk.read(self.post)).text

    def later(self) -> list[tuple[object, ...]]:
        """Decisions about later versions, in their order."""
        return self.desk.rows("SELECT version, action, source FROM mod_decision WHERE version > 1 ORDER BY seq")


async def edited(desk: Desk, text: str = SECOND) -> Edited:
    story = Edited(desk, await desk.author(), await desk.author(), await desk.member())
    story.post = await desk.visible_post(story.author, await desk.channel(story.author), FIRST)
    await desk.report(story.reporter, story.post)
    await story.edit(text, 1)
    await desk.judge()
    found = await desk.ask(routes.LIST_ITEMS, api.Items, by=story.reviewer, queue="main")
    (item,) = [each.item_id for each in found.items if each.target == parse_b64(story.post)]
    await desk.ask(routes.CLAIM, api.Items, api.NewClaim(item=item), by=story.reviewer, queue="main")
    story.item = bytes(item)
    return story


async def test_what_was_edited_after_a_report_goes_with_it_until_people_look(desk: Desk) -> None:
    story = await edited(desk)
    assert await story.seen() == SECOND
    grave = await desk.visible_post(story.author, await desk.channel(story.author), OTHER)
    await desk.report(story.reporter, grave, "violence_incitement")
    desk.clock.advance(500)
    made = await story.decide()

    assert await story.seen() == ""
    assert not await desk.found("Saturday")
    assert story.later() == [(2, "hold", "edit")]
    hold, removal = await desk.notices(story.author)
    assert (removal.decision_id, removal.action, removal.version) == (made.decision_id, "remove", 1)
    assert (hold.action, hold.version, hold.automated, hold.until) == ("hold", 2, True, None)
    assert hold.statement is not None
    assert "edited" in hold.statement.facts
    assert (await desk.standing(story.author)).points == 1
    assert sorted(each.state for each in await desk.reports(story.reporter)) == ["acted", "received"]
    # In front of what is older and as grave, with what was decided about the earlier text.
    taken = await desk.take(story.reviewer)
    assert (taken.target, taken.version, taken.source, taken.effect) == (parse_b64(story.post), 2, "edit", "hold")
    found = await desk.ask(routes.READ_ITEM, api.Item, by=story.reviewer, item=encode_b64(taken.item_id))
    assert [(each.version, each.action) for each in found.about] == [(1, "remove"), (2, "hold")]
    assert desk.rows("SELECT COUNT(DISTINCT entry) FROM mod_decision") == [(2,)]
    assert desk.rows("SELECT basis FROM mod_decision WHERE version = 2") == [(bytes(made.decision_id),)]

    # No program decides before a person has looked, be it milder or harsher.
    actions: tuple[Act, ...] = ("restore", "limit", "remove")
    for action in actions:
        key = order_key("test", action)
        order = Order(key=key, target=parse_b64(story.post), version=2, action=action, category="spam", source="score")
        (stands,) = await decide(desk.decisions, [order])
        assert (stands.fresh, stands.row.action, stands.row.source) == (False, "hold", "edit")
    assert await story.seen() == ""
    await desk.decide_item(story.reviewer, taken.item_id, "allow")
    assert await story.seen() == SECOND
    assert (await desk.standing(story.author)).points == 1


@pytest.mark.parametrize("action", ["hold", "limit"])
async def test_a_softer_decision_holds_the_newer_text_as_well(desk: Desk, action: api.ItemAction) -> None:
    story = await edited(desk)
    await story.decide(action)
    assert story.later() == [(2, "hold", "edit")]
    assert await story.seen() == ""


async def test_what_restricts_nothing_leaves_the_newer_text(desk: Desk) -> None:
    story = await edited(desk)
    await story.decide("label")
    assert story.later() == []
    assert await story.seen() == SECOND


async def test_neither_the_text_that_waits_nor_the_one_shown_meanwhile_stays_up(desk: Desk) -> None:
    story = await edited(desk)
    await story.edit(FIRST.replace("Friday", "Sunday"), 2)  # waits for its verdict; others read the second
    assert await story.seen() == SECOND
    await story.decide()
    assert await story.seen() == ""
    assert story.later() == [(3, "hold", "edit"), (2, "hold", "edit")]
    assert await story.open_items() == [(3, "edit", "hold")]
    await story.undo()
    assert await story.seen() == FIRST.replace("Friday", "Sunday")


async def test_what_a_person_decided_about_the_newer_text_stands(desk: Desk) -> None:
    story = await edited(desk)
    await desk.report(story.reporter, story.post)
    (newer,) = [
        each
        for each in (await desk.ask(routes.LIST_ITEMS, api.Items, by=story.reviewer, queue="main")).items
        if each.version == 2
    ]
    await desk.decide_item(story.reviewer, newer.item_id, "allow")
    await story.decide(newest=2)
    assert await story.seen() == SECOND
    assert [row[1] for row in story.later()] == ["allow"]


async def test_undo_lifts_the_hold_and_asks_no_more(desk: Desk) -> None:
    story = await edited(desk)
    before = counters(desk)
    await story.decide()
    await story.undo()
    assert await story.seen() == SECOND
    assert counters(desk) == before
    assert await story.open_items() == [(1, "notice", "")]
    assert await story.seen() == SECOND
    assert story.later() == [(2, "hold", "edit"), (2, "restore", "edit")]
    # A program may still act on what no person judged.
    await desk.decide(story.post, "limit", version=2)
    assert (await desk.read(story.post)).state == "limited"


async def test_an_appeal_that_is_partly_right_lifts_nothing(desk: Desk) -> None:
    story, senior = await edited(desk), await desk.member("senior")
    made = await story.decide()
    name = encode_b64((await desk.appeal(story.author, made.decision_id)).appeal_id)
    verdict = api.DecideAppeal("partly", "A warning is enough.", "limit")
    await desk.ask(routes.DECIDE_APPEAL, api.Decided, verdict, by=senior, appeal=name)
    assert await story.seen() == ""
    assert story.later() == [(2, "hold", "edit")]


async def test_an_appeal_that_is_right_lifts_the_hold(desk: Desk) -> None:
    story, senior = await edited(desk), await desk.member("senior")
    name = encode_b64((await desk.appeal(story.author, (await story.decide()).decision_id)).appeal_id)
    await desk.ask(routes.DECIDE_APPEAL, api.Decided, api.DecideAppeal("reversed", "Sorry."), by=senior, appeal=name)
    assert await story.seen() == SECOND
    assert story.later() == [(2, "hold", "edit"), (2, "restore", "edit")]
    assert await story.open_items() == []


async def test_what_a_person_decided_since_outlives_the_reversal(desk: Desk) -> None:
    story = await edited(desk)
    await story.decide()
    newer = await desk.take(story.reviewer)
    await desk.decide_item(story.reviewer, newer.item_id, "remove", "fraud")
    await story.undo()
    assert (await desk.read(story.post)).state == "removed"
    assert [row[1:] for row in story.later()] == [("hold", "edit"), ("remove", "person")]


async def test_a_report_of_the_newer_text_waits_for_people_still(desk: Desk) -> None:
    story = await edited(desk)
    second = await desk.author()
    await desk.report(second, story.post)
    await story.decide()
    assert [each.state for each in await desk.reports(second)] == ["received"]
    assert await story.open_items() == [(2, "notice", "hold")]
    await story.undo()
    assert [each.state for each in await desk.reports(second)] == ["received"]
    assert sorted(await story.open_items()) == [(1, "notice", ""), (2, "notice", "")]


async def test_a_reviewer_who_read_both_decides_both_at_once(desk: Desk) -> None:
    story = await edited(desk)
    before = counters(desk)
    found = await desk.ask(routes.READ_ITEM, api.Item, by=story.reviewer, item=encode_b64(story.item))
    assert found.subject is not None
    assert (found.subject.version, found.subject.newest, found.subject.near_newest) == (1, 2, True)
    await story.decide(newest=2)
    assert (await desk.read(story.post)).state == "removed"
    assert story.later() == [(2, "remove", "notice")]
    assert (await desk.standing(story.author)).points == 1, "one judgement, one strike"
    told: list[redress.Notice] = await desk.notices(story.author)
    assert sorted((each.version, each.action) for each in told) == [(1, "remove"), (2, "remove")]
    assert await story.open_items() == []
    await story.undo()
    assert counters(desk) == before
    assert await story.seen() == SECOND


async def test_a_text_that_became_another_is_no_copy_of_the_old_one(desk: Desk) -> None:
    story = await edited(desk, OTHER)
    found = await desk.ask(routes.READ_ITEM, api.Item, by=story.reviewer, item=encode_b64(story.item))
    assert found.subject is not None
    assert not found.subject.near_newest
    for wrong in (1, 3):
        body = api.Decide("remove", "fraud", newest=wrong)
        assert await desk.refused(routes.DECIDE, body, by=story.reviewer, item=encode_b64(story.item)) == "malformed"
