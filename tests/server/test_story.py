"""Two people of raw frames: register, log in, make a group, exchange a message, acknowledge."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.server.people import FakeGroup, Person
from tests.server.wire import Ended, Http, Wire

from zajil.protocol import control, frames
from zajil.protocol.frames import Kind, Role

MakeWire = Callable[[Role], Wire]


async def group_of_two(http: Http, sender: Wire, one: str, two: str) -> FakeGroup:
    """A group with both devices in it, at epoch 1."""
    group = FakeGroup()
    created = await sender.ask(group.create(1, await http.group_pass(one), (await http.refs(one))[0]))
    assert isinstance(created, frames.Ok), created
    added = await sender.ask(group.add(2, {1: (await http.refs(two))[0]}))
    assert isinstance(added, frames.Ok), added
    assert added.epoch == 1
    group.epoch = 1
    return group


async def test_two_devices_exchange_a_message(http: Http, wire: MakeWire) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.R) as r1, wire(Role.R) as r2, wire(Role.S) as s:
        ready = await r1.hello(one)
        assert (ready.head, ready.queued, ready.acked, ready.list_seq) == (0, 0, 0, 1)
        assert await r1.messages() == []
        group = await group_of_two(http, s, one, two)
        ok = await s.ask(group.send(3, b"marhaba"))
        assert isinstance(ok, frames.Ok)

        await r2.hello(two)
        welcome, text = await r2.messages()
        assert (welcome.kind, welcome.gid, welcome.seq) == (Kind.WELCOME, group.gid, 1)
        assert (text.kind, text.epoch, text.ts, text.seq) == (Kind.APP, 1, ok.ts, 2)
        assert b"marhaba" in text.body

        commit = await r1.expect(frames.Msg)
        echo = await r1.expect(frames.Msg)
        assert isinstance(commit, frames.Msg)
        assert isinstance(echo, frames.Msg)
        assert (commit.kind, echo.kind, echo.body) == (Kind.COMMIT, Kind.APP, text.body)

        await r2.send(frames.Mack(2))
        again = await r2.hello(two, after=2)
        assert (again.acked, again.queued, again.head) == (2, 0, 2)
        assert await r2.messages() == []


async def test_an_unacknowledged_message_comes_again_and_an_acknowledged_one_does_not(
    http: Http, wire: MakeWire
) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s:
        group = await group_of_two(http, s, one, two)
        for number in range(3):
            await s.ask(group.send(10 + number))
    async with wire(Role.R) as r:
        await r.hello(two)
        assert [m.seq for m in await r.messages()] == [1, 2, 3, 4]
        await r.send(frames.Mack(2))
        await r.hello(two, after=3)
    async with wire(Role.R) as r:
        ready = await r.hello(two, after=3)
        assert (ready.acked, ready.queued) == (3, 1)
        assert [m.seq for m in await r.messages()] == [4]


async def test_the_same_request_again_is_the_same_acceptance(http: Http, wire: MakeWire) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s, wire(Role.R) as r:
        group = await group_of_two(http, s, one, two)
        request = group.send(3)
        first, second = await s.ask(request), await s.ask(request)
        assert isinstance(first, frames.Ok)
        assert isinstance(second, frames.Ok)
        assert (first.dup, second.dup, first.ts) == (False, True, second.ts)
        await r.hello(two)
        assert [m.kind for m in await r.messages()] == [Kind.WELCOME, Kind.APP]


async def test_an_ephemeral_message_reaches_who_is_there_and_is_not_kept(http: Http, wire: MakeWire) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s, wire(Role.R) as r:
        group = await group_of_two(http, s, one, two)
        await r.hello(two)
        await r.messages()
        assert isinstance(await s.ask(group.send(5, b"typing", flags=frames.EPHEMERAL)), frames.Ok)
        passed = await r.expect(frames.Eph)
        assert isinstance(passed, frames.Eph)
        assert b"typing" in passed.body
        assert (await r.hello(two, after=1)).queued == 0


async def test_more_than_a_window_waits_for_the_acknowledgement(http: Http, wire: MakeWire) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s, wire(Role.R) as r:
        group = await group_of_two(http, s, one, two)
        for number in range(100):
            await s.send(group.send(10 + number))
        for _ in range(100):
            await s.expect(frames.Ok)
        await r.send(frames.Hello(two.removeprefix("Device "), 0))
        await r.expect(frames.Ready)
        first = [await r.expect(frames.Msg) for _ in range(64)]
        assert first[-1].seq == 64  # type: ignore[attr-defined]  # a Msg
        await r.send(frames.Mack(64))
        rest = await r.messages()
        assert [m.seq for m in rest] == list(range(65, 102))


async def test_control_calls_travel_on_the_sessions_and_never_mix(http: Http, wire: MakeWire) -> None:
    person = Person()
    auth = await http.register(person)
    async with wire(Role.R) as r, wire(Role.S) as s:
        await r.hello(auth)
        await r.send(frames.HttpReq(1, "GET", control.COUNT_KEY_PACKAGES.url(), {"authorization": auth}, b""))
        answer = await r.expect(frames.HttpRes)
        assert isinstance(answer, frames.HttpRes)
        assert (answer.rid, answer.status, answer.more) == (1, 200, False)
        await r.send(frames.HttpReq(2, "GET", control.CONFIG.url(), {}, b""))
        assert b'"mixed-auth"' in (await r.expect(frames.HttpRes)).body  # type: ignore[attr-defined]
        await s.send(frames.HttpReq(3, "GET", control.CONFIG.url(), {}, b""))
        assert b'"server_name":"localhost"' in (await s.expect(frames.HttpRes)).body  # type: ignore[attr-defined]
        await s.send(frames.HttpReq(4, "GET", control.COUNT_KEY_PACKAGES.url(), {"authorization": auth}, b""))
        assert b'"mixed-auth"' in (await s.expect(frames.HttpRes)).body  # type: ignore[attr-defined]


async def test_the_newest_receiver_replaces_the_older_one(http: Http, wire: MakeWire) -> None:
    auth = await http.register(Person())
    async with wire(Role.R) as older, wire(Role.R) as newer:
        await older.hello(auth)
        await newer.hello(auth)
        assert await older.until_end() == "replaced"
        await newer.send(frames.Mack(0))
        assert (await newer.hello(auth)).head == 0


async def test_a_receiver_without_a_good_token_is_told_so(http: Http, wire: MakeWire) -> None:
    async with wire(Role.R) as r:
        with pytest.raises(Ended):
            await r.hello("A" * 43)
        assert await r.until_end() == "token-expired"
