"""A channel's own moderators beside staff: what they remove or mute stands next to staff's word, never in its place."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import pytest
from tests.channels.world import Author
from tests.moderation.people.desk import Desk

from zajil.engine.limits import Limit
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.public import api as public_api
from zajil.protocol.public import routes as public
from zajil.protocol.review import api, routes
from zajil.server.config import Settings

TEXT = "Guaranteed doubling of your money within the hour, ask me how"
RUDE = public_api.RemovePost("not here")


class Place(NamedTuple):
    """A group, its moderator, and a member who writes there."""

    channel: str
    owner: Author
    mod: Author
    author: Author


async def make_place(desk: Desk) -> Place:
    owner, mod, author = await desk.author(), await desk.author(), await desk.author()
    channel = await desk.channel(owner, kind="group")
    for each in (mod, author):
        await desk.call(public.SUBSCRIBE, auth=each.auth, channel=channel)
    await put(desk, owner, channel, mod, role="moderator")
    return Place(channel, owner, mod, author)


async def put(desk: Desk, by: Author, channel: str, whom: Author, **change: object) -> None:
    body = public_api.PutMember(**change)  # type: ignore[arg-type]  # fields by name
    await desk.call(public.PUT_MEMBER, body, auth=by.auth, channel=channel, persona=encode_b64(whom.persona_id))


async def take_down(desk: Desk, place: Place, post: str) -> str:
    """`ok`, or how the channel's moderator was refused."""
    return await desk.code(public.DELETE_POST, RUDE, auth=place.mod.auth, post=post)


def acts(desk: Desk) -> list[tuple[object, ...]]:
    return desk.rows("SELECT source, action FROM mod_decision ORDER BY seq")


async def test_removing_what_staff_removed_changes_nothing(desk: Desk) -> None:
    place, reporter = await make_place(desk), await desk.author()
    first, second = await desk.member(), await desk.member("senior")
    post = await desk.visible_post(place.author, place.channel, TEXT)
    await desk.report(reporter, post)
    made = await desk.decide_item(first, (await desk.take(first)).item_id, "remove", "fraud")
    before = acts(desk)
    assert await take_down(desk, place, post) == "ok"
    assert acts(desk) == before
    assert (await desk.read(post)).category == "fraud"
    assert (await desk.standing(place.author)).points == 1
    appeal = await desk.appeal(place.author, made.decision_id)
    verdict = api.DecideAppeal("reversed", "You are right.")
    await desk.ask(routes.DECIDE_APPEAL, api.Decided, verdict, by=second, appeal=encode_b64(appeal.appeal_id))
    assert (await desk.read(post)).text == TEXT
    assert (await desk.standing(place.author)).points == 0
    assert (bytes(made.decision_id),) not in desk.rows("SELECT decision_id FROM mod_match_text")


async def test_what_staff_limited_stays_theirs_though_the_channel_removes_it(desk: Desk) -> None:
    place, reporter = await make_place(desk), await desk.author()
    first, second = await desk.member(), await desk.member("senior")
    post = await desk.visible_post(place.author, place.channel, TEXT)
    await desk.report(reporter, post)
    made = await desk.decide_item(first, (await desk.take(first)).item_id, "limit", "fraud")
    appeal = await desk.appeal(place.author, made.decision_id)
    assert await take_down(desk, place, post) == "ok"
    assert (await desk.read(post)).state == "removed"
    assert desk.rows("SELECT supersedes FROM mod_decision WHERE source = 'channel'") == [(None,)]
    told = {each.decision_id: each.in_force for each in await desk.notices(place.author)}
    assert told[made.decision_id]
    verdict = api.DecideAppeal("reversed", "You are right.")
    await desk.ask(routes.DECIDE_APPEAL, api.Decided, verdict, by=second, appeal=encode_b64(appeal.appeal_id))
    assert desk.rows("SELECT supersedes FROM mod_decision WHERE source = 'appeal'") == [(bytes(made.decision_id),)]


async def test_a_channel_cannot_clean_up_after_a_report(desk: Desk) -> None:
    place, reporter = await make_place(desk), await desk.author()
    member, senior = await desk.member(), await desk.member("senior")
    posts = [await desk.visible_post(place.author, place.channel, f"{TEXT} {number}") for number in range(3)]
    for post in posts:
        await desk.report(reporter, post)
    grave = await desk.take(member)
    await desk.decide_item(member, grave.item_id, "escalate", "fraud")
    for post in posts:
        assert await take_down(desk, place, post) == "ok"
    assert [each.state for each in await desk.reports(reporter) if each.state in ("acted", "declined")] == []
    asked = await desk.take(senior, "escalate")
    await desk.decide_item(senior, asked.item_id, "remove", "fraud")
    assert (await desk.standing(place.author)).points == 1
    # Nothing against it: it stays with the channel, whose own rules may be stricter; only `restore` shows it.
    left = await desk.take(member)
    await desk.decide_item(member, left.item_id, "allow")
    assert (await desk.read(encode_b64(left.target))).state == "removed"
    last = await desk.take(member)
    await desk.decide_item(member, last.item_id, "restore")
    assert (await desk.read(encode_b64(last.target))).state == "visible"
    assert {parse_b64(post) for post in posts} == {bytes(each.target) for each in (asked, left, last)}


async def test_the_end_of_a_mute_is_no_mute(desk: Desk) -> None:
    place = await make_place(desk)
    until = int(desk.clock()) + 100
    await put(desk, place.mod, place.channel, place.author, muted_until=until, reason="loud")
    await put(desk, place.mod, place.channel, place.author, muted_until=0)
    rows = desk.rows("SELECT action, category, hold_until, supersedes IS NULL FROM mod_decision ORDER BY seq")
    assert rows == [("mute", "channel_rules", until, 1), ("restore", "", None, 0)]
    told = await desk.notices(place.author)
    assert [(each.action, each.in_force) for each in told] == [("restore", True), ("mute", False)]


class TestLimits:
    """Removals by a channel's moderator are counted."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return msgspec.structs.replace(settings, limits={**settings.limits, "member_write": Limit(1, 10)})

    async def test_removals_spend_a_limit(self, desk: Desk) -> None:
        place = await make_place(desk)
        posts = [await desk.visible_post(place.author, place.channel, f"post {number}") for number in range(2)]
        assert [await take_down(desk, place, post) for post in posts] == ["ok", "slow-down"]
        assert (await desk.read(posts[1])).state == "visible"
        assert await take_down(desk, place, posts[0]) == "ok"
        desk.clock.advance(10)
        assert await take_down(desk, place, posts[1]) == "ok"
