"""Streams and polls that share what they read: how often, who sees what, and nobody misses or doubles an event."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import msgspec
import pytest
from aiohttp import web
from sqlalchemy import Connection, delete
from tests.channels.world import Author, World

from zajil.channels import broadcast as module
from zajil.channels import events, spaces
from zajil.channels.broadcast import Batch, Broadcast
from zajil.channels.context import CallingPersona, Channels
from zajil.channels.cursors import Kind, encode_cursor, parse_cursor
from zajil.channels.identity import login
from zajil.channels.store import feed
from zajil.channels.store.tables import happening
from zajil.channels.wakeups import Wakeups
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.public import api, routes
from zajil.protocol.public.posts import ChannelStanding
from zajil.server.shell import pipes


class Reader:
    """Where a stream goes to. parts: what came, of streams the very objects. is_slow: takes nothing unasked."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.is_slow = False
        self._came = asyncio.Event()

    def put(self, part: bytes) -> bool:
        if self.is_slow:
            return False
        self.parts.append(part)
        self._came.set()
        return True

    async def write(self, part: bytes) -> None:
        await asyncio.sleep(0)
        if part:
            self.parts.append(part)
            self._came.set()

    @property
    def names(self) -> list[str]:
        """Names of the events."""
        lines = b"".join(self.parts).decode().splitlines()
        return [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]

    @property
    def seqs(self) -> list[str]:
        """Cursors of the events."""
        lines = b"".join(self.parts).decode().splitlines()
        return [line.removeprefix("id: ") for line in lines if line.startswith("id: ")]

    async def until(self, count: int) -> None:
        """So many events are there."""
        async with asyncio.timeout(20):
            while len(self.names) < count:
                self._came.clear()
                await self._came.wait()


async def find_caller(space: Channels, who: Author | None) -> CallingPersona | None:
    """Whom a token stands for."""
    return await login.check_persona(space, parse_b64(who.auth.removeprefix("Bearer "), size=32)) if who else None


@asynccontextmanager
async def streams(
    space: Channels,
    shared: Broadcast,
    readers: list[tuple[Reader, Author | None]],
    channel: str,
    after: str | None = None,
) -> AsyncIterator[None]:
    """All these are streaming the channel, and have reached its end."""
    tasks = []
    for reader, who in readers:
        following = await events.follow(space, await find_caller(space, who), [channel], after)
        tasks.append(asyncio.create_task(events.stream_events(space, shared, following, reader)))
    while shared._count < len(readers) or shared._new:  # noqa: ASYNC110  # nothing tells when all sit
        await asyncio.sleep(0)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_five_hundred_streams_cost_one_read_and_one_encoding(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    author, member = await world.author(), await world.author()
    channel = await world.channel(author)
    await world.call(routes.SUBSCRIBE, auth=member.auth, channel=channel)
    space, shared = world.public.space, world.public._broadcast
    counted = {"_read_page": 0, "_draw": 0, "encode_json": 0}

    def count(name: str) -> None:
        inner = getattr(module, name)

        def counting(*args: object) -> object:
            counted[name] += 1
            return inner(*args)

        monkeypatch.setattr(module, name, counting)

    readers = [(Reader(), member if number % 10 == 0 else None) for number in range(500)]
    async with streams(space, shared, [*readers], channel):
        for name in counted:
            count(name)
        await world.post(author, channel)
        assert await world.judge() == ["applied"]
        for reader, _ in readers:
            await reader.until(1)
        assert counted["_draw"] == counted["encode_json"] == 1
        assert counted["_read_page"] <= 2, "one for the wake-up of the post, one for that of its verdict"
        assert len({id(reader.parts[-1]) for reader, _ in readers}) == 1, "the same bytes, not equal ones"
        assert space.wakeups.waiting == 500
        assert len(space.wakeups._waiting[parse_b64(channel)]) == 1, "one wake-up for all"
    assert space.wakeups.waiting == 0
    assert not space.wakeups._waiting
    assert not shared._seats


async def test_in_company_each_sees_what_he_would_see_alone(world: World) -> None:
    owner, author, admin, moderator, member, stranger = [await world.author() for _ in range(6)]
    channel = await world.channel(owner, kind="group", join="open")
    for each, role in ((author, "member"), (admin, "admin"), (moderator, "moderator"), (member, "member")):
        await world.call(routes.SUBSCRIBE, auth=each.auth, channel=channel)
        if role != "member":
            who, change = encode_b64(each.persona_id), msgspec.convert({"role": role}, api.PutMember)
            await world.call(routes.PUT_MEMBER, change, auth=owner.auth, channel=channel, persona=who)
    people = [None, owner, author, admin, moderator, member, stranger]
    space, shared = world.public.space, world.public._broadcast
    readers = [(Reader(), each) for each in people]

    async def compare(did: str) -> None:
        """What came since, against the views of each one's own."""
        for reader, who in readers:
            caller = callers[id(reader)]
            topics = [parse_b64(channel), *([caller.persona_id] if caller else [])]

            def alone(db: Connection) -> list[bytes]:
                rows = feed.events_after(db, places[id(reader)], topics=topics, n=99)  # noqa: B023
                return [module._show(module._view(space, db, row, caller)).frame for row in rows]  # noqa: B023

            wanted = await space.db.read(alone)
            await reader.until(len(wanted))
            assert b"".join(reader.parts) == b"".join(wanted), f"{did}: {who.handle if who else 'nobody'}"
            if wanted:
                places[id(reader)] = parse_cursor(Kind.EVENTS, reader.seqs[-1])
            reader.parts.clear()

    async with streams(space, shared, [*readers], channel):
        newest = await space.db.read(feed.newest_event)
        places = {id(reader): newest for reader, _ in readers}
        callers = {id(reader): await find_caller(space, who) for reader, who in readers}
        for reader, _ in readers:
            reader.parts.clear()
        first = await world.post(author, channel, "first")
        await world.judge()
        await compare("a post")
        for effect in ("hold", "limit", "restore", "remove", "restore"):
            await world.decide(first, effect, human=effect == "restore")
            await compare(effect)
        await world.call(routes.EDIT_CHANNEL, api.EditChannel(title="New"), auth=owner.auth, channel=channel)
        await compare("a new title")
        mute = api.PutMember(muted_until=int(world.clock()) + 60, reason="noise")
        who = encode_b64(member.persona_id)
        await world.call(routes.PUT_MEMBER, mute, auth=owner.auth, channel=channel, persona=who)
        await world.call(routes.EDIT_CHANNEL, api.EditChannel(title="Newer"), auth=owner.auth, channel=channel)
        await compare("a title for one who is muted")
        second = await world.post(author, channel, "second")
        await world.judge()
        await compare("another post")
        await spaces.set_channel_standing(space, ChannelStanding(channel_id=parse_b64(channel), state="blocked"))
        await compare("a blocked channel")
        await world.decide(second, "limit")
        await compare("a post in a blocked channel")
        await spaces.set_channel_standing(space, ChannelStanding(channel_id=parse_b64(channel), state="open"))
        await compare("an open channel")
        await world.call(routes.DELETE_POST, auth=author.auth, post=first)
        await compare("a deleted post")
        await world.call(routes.DELETE_CHANNEL, auth=owner.auth, channel=channel)
        await compare("a deleted channel")


def happen(space: Channels, channel: str, count: int) -> None:
    """So many events, which every gateway hears of."""
    topic = parse_b64(channel)

    def write(db: Connection) -> None:
        for _ in range(count):
            feed.insert_event(db, "channel.updated", now=space.now(), channel_id=topic)

    space.db.write_sync(write)
    space.wakeups.wake({topic})


async def test_nobody_misses_or_doubles_an_event_whoever_comes_goes_or_is_slow(world: World) -> None:
    author = await world.author()
    channel = await world.channel(author)
    here = world.public.space
    there = replace(here, wakeups=Wakeups(here.wakeups._bus))
    gateways = [(here, world.public._broadcast), (there, Broadcast(there))]
    chance, start = random.Random(7), await here.db.read(feed.newest_event)
    is_over = False

    async def stream(number: int) -> None:
        """A stream that is slow at times, and breaks off and comes back where it was."""
        space, shared = gateways[number % 2]
        seen: list[str] = []
        while not is_over or len(seen) < total:
            reader, after = Reader(), seen[-1] if seen else encode_cursor(Kind.EVENTS, start)
            reader.is_slow = chance.random() < 0.3
            following = await events.follow(space, None, [channel], after)
            task = asyncio.create_task(events.stream_events(space, shared, following, reader))
            goes_at = chance.randrange(1, 40)
            while len(reader.seqs) < min(goes_at, total - len(seen)) and not (is_over and len(seen) == total):
                await asyncio.sleep(0.001)
                reader.is_slow = reader.is_slow and chance.random() < 0.9
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            seen += reader.seqs
        found.append(seen)

    async def poll(number: int) -> None:
        space, shared = gateways[number % 2]
        seen: list[str] = []
        after = encode_cursor(Kind.EVENTS, start)
        while len(seen) < total:
            following = await events.follow(space, None, [channel], after)
            came = await events.fetch_updates(space, shared, following, wait_s=chance.choice((0, 0.005, 5)))
            seen += [each.id for each in came.events]
            assert not came.gap
            after = came.next
        found.append(seen)

    found: list[list[str]] = []
    total = 300
    tasks = [asyncio.create_task((stream if number % 3 else poll)(number)) for number in range(30)]
    made = 0
    while made < total:
        count = min(chance.choice((1, 1, 2, 5, 70)), total - made)
        happen(here if chance.random() < 0.5 else there, channel, count)
        made += count
        await asyncio.sleep(chance.choice((0, 0, 0.002, 0.01)))
    is_over = True
    await asyncio.wait_for(asyncio.gather(*tasks), 30)
    rows = await here.db.read(lambda db: feed.events_after(db, start, topics=[parse_b64(channel)], n=1000))
    wanted = [encode_cursor(Kind.EVENTS, row.seq) for row in rows]
    assert len(wanted) == total
    assert all(seen == wanted for seen in found)
    assert here.wakeups.waiting == there.wakeups.waiting == 0


async def test_a_slow_reader_keeps_nobody_waiting_and_misses_nothing(world: World) -> None:
    channel = await world.channel(await world.author())
    space, shared = world.public.space, world.public._broadcast
    slow, quick = Reader(), Reader()
    async with streams(space, shared, [(slow, None), (quick, None)], channel):
        slow.is_slow = True
        happen(space, channel, 3)
        await quick.until(3)
        slow.is_slow = False
        happen(space, channel, 2)
        await quick.until(5)
        await slow.until(5)
        late = await events.follow(space, None, [channel], encode_cursor(Kind.EVENTS, shared.at - 4))
        came = await events.fetch_updates(space, shared, late, wait_s=20)
        assert [each.id for each in came.events] == quick.seqs[1:], "read once more for one who is behind"
        happen(space, channel, 1)
        await quick.until(6)
        await slow.until(6)
    assert slow.seqs == quick.seqs
    assert len(quick.seqs) == 6


async def test_who_comes_now_is_not_put_back_to_where_somebody_else_was(world: World) -> None:
    channel = await world.channel(await world.author())
    space, shared = world.public.space, world.public._broadcast
    async with streams(space, shared, [(Reader(), None)], channel):
        start = shared.at
    happen(space, channel, 2 * api.PAGE + 20)
    behind = await events.follow(space, None, [channel], encode_cursor(Kind.EVENTS, start))
    behind = behind._replace(is_current=True)  # read before all these, and sits down only now
    new = await events.follow(space, None, [channel], None)
    assert new.after > start + 2 * api.PAGE
    came: dict[str, list[int]] = {"behind": [], "new": []}
    got_all = asyncio.Event()

    def take(who: str) -> Callable[[Batch], bool]:
        def add(batch: Batch) -> bool:
            came[who] += [parse_cursor(Kind.EVENTS, each.id) for each in batch.events]
            if came["new"] and came["behind"][-1:] == came["new"][-1:]:
                got_all.set()
            return True

        return add

    seats = [shared.sit(behind, take("behind")), shared.sit(new, take("new"))]
    while seats[0].place < new.after:  # noqa: ASYNC110  # nothing tells where a seat stands
        await asyncio.sleep(0)
    assert not came["new"]
    assert seats[1].place == new.after
    happen(space, channel, 1)
    await asyncio.wait_for(got_all.wait(), 20)
    for seat in seats:
        shared.leave(seat)
    assert came["new"] == [came["behind"][-1]]
    assert came["behind"] == sorted(set(came["behind"]))
    assert len(came["behind"]) == 2 * api.PAGE + 21


async def test_a_place_behind_what_is_kept_is_a_gap_for_its_own_reader_alone(world: World) -> None:
    channel = await world.channel(await world.author())
    space, shared = world.public.space, world.public._broadcast
    reader = Reader()
    async with streams(space, shared, [(reader, None)], channel):
        happen(space, channel, 5)
        await reader.until(5)
        space.db.write_sync(lambda db: db.execute(delete(happening).where(happening.c.seq < shared.at)))
        for behind in (1, 2, 4):
            made_up = await events.follow(space, None, [channel], encode_cursor(Kind.EVENTS, shared.at - behind))
            came = await events.fetch_updates(space, shared, made_up, wait_s=0.01)
            assert came.gap == (behind > 1)
        happen(space, channel, 1)
        await reader.until(6)
    assert "gap" not in reader.names


async def test_a_database_that_was_put_back_is_a_gap_for_everybody(world: World) -> None:
    channel = await world.channel(await world.author())
    space, shared = world.public.space, world.public._broadcast
    happen(space, channel, 5)
    readers = [(Reader(), None), (Reader(), None)]
    async with streams(space, shared, [*readers], channel):
        space.db.write_sync(lambda db: db.execute(delete(happening).where(happening.c.seq > 2)))
        space.wakeups.wake({parse_b64(channel)})
        for reader, _ in readers:
            await reader.until(1)
            assert reader.names == ["gap"]
        assert shared.at == 2


async def test_a_stream_ends_with_its_time_and_leaves_its_place(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = await world.channel(await world.author())
    monkeypatch.setattr(events, "STREAM_S", 0.05)
    async with world.http.client.get(world.http.url + routes.EVENTS.url() + f"?channel={channel}") as answer:
        assert (await asyncio.wait_for(answer.content.read(), 20)).startswith(b"retry: 3000\n\n")
    assert world.public.space.wakeups.waiting == 0


async def test_what_is_not_read_is_bounded_and_not_waited_for_without_end(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipes, "PATIENCE_S", 0.05)
    seen: asyncio.Future[tuple[int, bool]] = asyncio.get_running_loop().create_future()

    async def answer(request: web.Request) -> web.StreamResponse:
        pipe = pipes.Pipe(request, {}, pipes.Chunker())
        await pipe.open()
        transport, part = request.transport, bytes(1 << 15)
        assert transport is not None
        while pipe.put(part):  # noqa: ASYNC110  # until the reader is behind, which nothing tells
            await asyncio.sleep(0)
        kept = transport.get_write_buffer_size()
        with pytest.raises(ConnectionResetError):
            await pipe.write(part)
        seen.set_result((kept, pipe.put(part)))
        return pipe.response

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with client.get(f"http://127.0.0.1:{runner.addresses[0][1]}/"):
            kept, more = await asyncio.wait_for(seen, 20)
    finally:
        await runner.cleanup()
    assert pipes.UNREAD_BYTES <= kept <= pipes.UNREAD_BYTES + (1 << 15) + 16
    assert not more
