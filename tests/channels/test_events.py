"""Live updates: long poll and stream, replay and gap, and nothing in them that may not be seen any more."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from tests.channels.world import DAY_S, World
from tests.server.conftest import NO_LIMITS

from zajil.channels.identity import personas
from zajil.channels.wakeups import Wakeups
from zajil.engine.bus import MemoryBus
from zajil.protocol.control import parse_json
from zajil.protocol.ids import encode_b64
from zajil.protocol.public import api, routes
from zajil.server.config import Settings


async def updates(world: World, query: str, auth: str = "") -> api.Updates:
    return parse_json(await world.call(routes.UPDATES, auth=auth, query=query), api.Updates)


async def test_followers_hear_of_posts_when_they_are_seen(world: World) -> None:
    author, reader = await world.author(), await world.author()
    channel = await world.channel(author)
    await world.call(routes.SUBSCRIBE, auth=reader.auth, channel=channel)
    start = (await updates(world, "", reader.auth)).next
    post = await world.post(author, channel)
    assert not (await updates(world, f"?after={start}", reader.auth)).events
    await world.judge()
    heard = await updates(world, f"?after={start}", reader.auth)
    assert [(e.event, e.post.text if e.post else "") for e in heard.events] == [("post.created", "hello world")]
    await world.call(routes.EDIT_POST, api.EditPost("other", 1), auth=author.auth, post=post)
    await world.judge()
    await world.decide(post, "limit", version=2)
    await world.decide(post, "restore", version=2, human=True)
    await world.decide(post, "remove", version=2, human=True)
    await world.call(routes.DELETE_POST, auth=author.auth, post=post)
    heard = await updates(world, f"?after={heard.next}", reader.auth)
    assert [each.event for each in heard.events] == ["post.edited", *["post.state"] * 3, "post.deleted"]
    assert all(each.post is None for each in heard.events), "nothing of a deleted post is in any event"
    assert not (await updates(world, f"?after={heard.next}", reader.auth)).events


async def test_events_show_things_as_they_stand_and_limited_posts_not_at_all(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    start = (await updates(world, f"?channel={channel}")).next
    removed, limited = await world.post(author, channel, "bad one"), await world.post(author, channel, "odd one")
    await world.judge()
    await world.decide(removed, "remove")
    await world.decide(limited, "limit")
    status, data, _ = await world.raw(routes.UPDATES, query=f"?after={start}&channel={channel}")
    assert status == 200
    assert b"one" not in data
    heard = parse_json(data, api.Updates)
    states = {encode_b64(e.post_id or b""): e.post.state if e.post else None for e in heard.events}
    assert states == {removed: "removed", limited: None}


async def test_what_concerns_one_persona_is_told_to_nobody_else(world: World) -> None:
    author, reader = await world.author(), await world.author()
    channel = await world.channel(author)
    await world.call(routes.SUBSCRIBE, auth=reader.auth, channel=channel)
    start = (await updates(world, "", author.auth)).next
    post = await world.post(author, channel)
    await world.decide(post, "hold")
    await personas.notify(world.public.space, author.persona_id, "notice.created", "n1")
    own = await updates(world, f"?after={start}", author.auth)
    assert [(each.event, each.ref) for each in own.events] == [("post.state", ""), ("notice.created", "n1")]
    assert own.events[0].post is not None
    assert own.events[0].post.state == "held"
    assert not (await updates(world, f"?after={start}", reader.auth)).events
    assert not (await updates(world, f"?after={start}&channel={channel}")).events


async def test_a_poll_waits_until_something_happens(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    await world.post(author, channel)
    start = (await updates(world, f"?channel={channel}")).next
    waiting = asyncio.create_task(updates(world, f"?after={start}&channel={channel}&wait_s=50"))
    while not world.public.space.wakeups._waiting:  # noqa: ASYNC110  # nothing tells when a request waits
        await asyncio.sleep(0)
    await world.judge()
    heard = await asyncio.wait_for(waiting, 10)
    assert [each.event for each in heard.events] == ["post.created"]


async def test_after_a_day_there_is_a_gap_and_it_is_told(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    start = (await updates(world, f"?channel={channel}")).next
    for number in range(3):
        await world.post(author, channel, f"post {number}")
    await world.judge()
    middle = (await updates(world, f"?after={start}&channel={channel}")).events[1].id
    world.clock.advance(DAY_S + 1)
    await world.server.run_retention()
    for cursor, gap in ((start, True), (middle, False)):
        heard = await updates(world, f"?after={cursor}&channel={channel}")
        assert heard.gap is gap
    newest = (await updates(world, f"?channel={channel}")).next
    assert not (await updates(world, f"?after={newest}&channel={channel}")).gap
    ahead = encode_b64(b"\x04" + (1 << 40).to_bytes(8, "big"))
    heard = await updates(world, f"?after={ahead}&channel={channel}")
    assert (heard.gap, heard.next) == (True, newest)


async def test_without_a_token_up_to_five_channels_are_followed(world: World) -> None:
    author = await world.author()
    names = [await world.channel(author) for _ in range(6)]
    assert await world.code(routes.UPDATES) == "malformed"
    assert await world.code(routes.UPDATES, query="?channel=" + ",".join(names[:5])) == "ok"
    assert await world.code(routes.UPDATES, query="?channel=" + ",".join(names)) == "malformed"
    assert await world.code(routes.UPDATES, query="?channel=@nowhere") == "gone"
    for wait in ("51", "-1", "x", "1.5", "٣"):
        assert await world.code(routes.UPDATES, query=f"?channel={names[0]}&wait_s={wait}") == "malformed"


async def read_events(world: World, query: str, n: int, headers: dict[str, str]) -> list[dict[str, Any]]:
    """The first n events of a stream."""
    found: list[dict[str, Any]] = []
    url = world.http.url + routes.EVENTS.url() + query
    async with world.http.client.get(url, headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["cache-control"] == "no-store"
        fields: dict[str, Any] = {}
        while len(found) < n:
            line = (await asyncio.wait_for(answer.content.readline(), 10)).decode().rstrip("\n")
            if line:
                name, _, value = line.partition(": ")
                fields[name] = msgspec.json.decode(value) if name == "data" else value
            else:
                if "event" in fields:
                    found.append(fields)
                fields = {}
    return found


async def test_a_stream_replays_from_its_last_event(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    start = (await updates(world, f"?channel={channel}")).next
    for number in range(3):
        await world.post(author, channel, f"post\n\nevent: forged\ndata: {number}")
    await world.judge()
    heard = await read_events(world, f"?channel={channel}", 3, {"last-event-id": start})
    assert [each["event"] for each in heard] == ["post.created"] * 3
    again = await read_events(world, f"?channel={channel}", 1, {"last-event-id": heard[1]["id"]})
    assert again == [heard[2]]
    ahead = encode_b64(b"\x04" + (1 << 40).to_bytes(8, "big"))
    assert (await read_events(world, f"?channel={channel}", 1, {"last-event-id": ahead}))[0]["event"] == "gap"
    own = await read_events(world, "", 3, {"last-event-id": start, "authorization": author.auth})
    assert [each["data"]["post"]["text"] for each in own] == [each["data"]["post"]["text"] for each in heard]


async def test_a_stream_goes_on_and_ends_with_the_server(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    url = world.http.url + routes.EVENTS.url() + f"?channel={channel}"
    async with world.http.client.get(url) as answer:
        assert await answer.content.readline() == b"retry: 3000\n"
        await world.post(author, channel)
        await world.judge()
        lines = [await asyncio.wait_for(answer.content.readline(), 10) for _ in range(3)]
        assert lines[2] == b"event: post.created\n"
        await world.public.stop()
        await asyncio.wait_for(answer.content.read(), 10)
    assert world.public.space.wakeups.waiting == 0


class TestWaiting:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(
            port=0, registration="open", limits=NO_LIMITS, drain_s=0, public_space=True, public_waiting_max=1
        )

    async def test_how_many_wait_is_bounded(self, world: World) -> None:
        author = await world.author()
        channel = await world.channel(author)
        url = world.http.url + routes.EVENTS.url() + f"?channel={channel}"
        async with world.http.client.get(url) as answer:
            await answer.content.readline()
            while not world.public.space.wakeups.waiting:  # noqa: ASYNC110  # nothing tells when a request waits
                await asyncio.sleep(0)
            async with world.http.client.get(url) as second:
                assert second.status == 503
            assert await world.code(routes.UPDATES, query=f"?channel={channel}&wait_s=1") == "busy"
            assert await world.code(routes.UPDATES, query=f"?channel={channel}") == "ok"


async def test_followers_hear_that_a_channel_is_gone_and_are_then_forgotten(world: World) -> None:
    author, reader = await world.author(), await world.author()
    channel = await world.channel(author)
    await world.call(routes.SUBSCRIBE, auth=reader.auth, channel=channel)
    post = await world.post(author, channel)
    await world.judge()
    start = (await updates(world, "", reader.auth)).next
    await world.call(routes.DELETE_CHANNEL, auth=author.auth, channel=channel)
    heard = await updates(world, f"?after={start}", reader.auth)
    assert [(e.event, e.channel) for e in heard.events if e.event == "channel.state"] == [("channel.state", None)]
    assert all(each.post is None for each in heard.events)
    assert await world.code(routes.READ_POST, post=post) == "gone"
    assert parse_json(await world.call(routes.SUBSCRIPTIONS, auth=reader.auth), api.Subscriptions).channels == ()
    world.clock.advance(DAY_S + 1)
    await world.server.run_retention()
    other = await world.author()
    await world.channel(other)
    await personas.notify(world.public.space, other.persona_id, "notice.created", "n")
    await world.server.run_retention()
    assert (reader.persona_id,) not in world.rows("SELECT persona_id FROM pub_member")


def test_what_is_woken_at_one_gateway_wakes_who_waits_at_another() -> None:
    bus = MemoryBus()
    here, there, apart = Wakeups(bus), Wakeups(bus), Wakeups()
    with here.listening([b"a", b"b"]) as woken, here.listening([b"b"]) as other:
        apart.wake([b"a", b"b"])
        assert not woken.is_set()
        there.wake([b"a"])
        assert woken.is_set()
        assert not other.is_set()
        there.stop()  # its own affair
        assert not other.is_set()
        there.wake([b"b"])
        assert other.is_set()
    assert bus.heard() == []
