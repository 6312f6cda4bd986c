"""Signals of calls on the wire: who comes within a minute gets them, and who comes later misses nothing else."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from tests import engines
from tests.server.carriers import until
from tests.server.people import FakeGroup, Person
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.protocol import frames
from zajil.protocol.frames import Role
from zajil.protocol.limits import SUITE_XWING
from zajil.server import app
from zajil.server.app import Server
from zajil.server.config import Settings


class Clock:
    """Unix seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def server(
    tmp_path: Path, settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Server]:
    monkeypatch.setattr(app, "_DROP_SIGNALS_S", 0.01)
    running = await Server.start(tmp_path / "data", settings, clock=clock)
    yield running
    await running.stop()


def signal(group: FakeGroup, rid: int, text: bytes, *, ttl: int = 60) -> frames.Send:
    return msgspec.structs.replace(group.send(rid, text), ttl=ttl)


async def test_a_device_that_reconnects_gets_what_is_not_over_and_no_gap(
    http: Http, url: str, client: aiohttp.ClientSession, clock: Clock
) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with Wire(url, Role.S, client) as s:
        group = await group_of_two(http, s, one, two)
        async with Wire(url, Role.R, client) as r:
            await r.hello(two)
            (welcome,) = await r.messages()
            ring = signal(group, 3, b"ring")
            first = await s.ask(ring)
            assert isinstance(first, frames.Ok)
            heard = await r.expect(frames.Msg)
            assert isinstance(heard, frames.Msg)
            assert (heard.seq, heard.body, heard.ts) == (2, ring.body, first.ts)
        clock.now += 59
        assert isinstance(await s.ask(signal(group, 4, b"cancel")), frames.Ok)
        async with Wire(url, Role.R, client) as r:  # it stored the Welcome, not the ring
            ready = await r.hello(two, after=welcome.seq)
            assert (ready.head, ready.acked) == (3, 0)
            assert [m.seq for m in await r.messages()] == [2, 3]
        clock.now += 1
        async with Wire(url, Role.R, client) as r:
            await r.hello(two, after=1)
            assert [m.seq for m in await r.messages()] == [3]
        clock.now += 59
        async with Wire(url, Role.R, client) as r:
            ready = await r.hello(two, after=1)
            assert ready.head == 3
            told = [await r.receive(), await r.receive()]
            assert told == [frames.KeysLow(SUITE_XWING, 0), frames.Drained(3)], "neither MSG nor GAP"
            line = group.send(5, b"line")
            assert isinstance(await s.ask(line), frames.Ok)
            heard = await r.expect(frames.Msg)
            assert isinstance(heard, frames.Msg)
            assert (heard.seq, heard.body) == (4, line.body)
            await r.send(frames.Mack(4))
            ready = await r.hello(two, after=4)
            assert (ready.acked, ready.queued) == (4, 0)
        again = await s.ask(msgspec.structs.replace(ring, rid=9))
        assert isinstance(again, frames.Ok)
        assert (again.dup, again.ts) == (True, first.ts)


async def test_a_ttl_that_cannot_be_is_refused_and_ends_nothing(
    http: Http, url: str, client: aiohttp.ClientSession
) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with Wire(url, Role.S, client) as s:
        group = await group_of_two(http, s, one, two)
        wrong = [signal(group, 3, b"ring", ttl=121)]
        wrong.append(msgspec.structs.replace(group.send(4, b"cand", flags=frames.EPHEMERAL), ttl=60))
        for frame in wrong:
            refused = await s.ask(frame)
            assert isinstance(refused, frames.Err)
            assert refused.code == "malformed"
        assert isinstance(await s.ask(signal(group, 5, b"ring", ttl=120)), frames.Ok)


async def test_what_is_over_leaves_the_disk_within_seconds(
    http: Http, url: str, client: aiohttp.ClientSession, clock: Clock, tmp_path: Path
) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with Wire(url, Role.S, client) as s:
        group = await group_of_two(http, s, one, two)
        before = rows(tmp_path)
        assert isinstance(await s.ask(signal(group, 3, b"ring")), frames.Ok)
        assert rows(tmp_path) == before + 1
        clock.now += 60
        await until(lambda: rows(tmp_path) == before)


def rows(folder: Path) -> int:
    with engines.beside(folder / "data") as kept:
        return int(kept.ask("SELECT COUNT(*) FROM message", ())[0][0])


@pytest.mark.sqlite  # PostgreSQL has a clock of its own, which this one would have to agree with
async def test_a_clock_that_is_wrong_at_a_start_takes_nothing_that_waits(
    tmp_path: Path,
    settings: Settings,
    client: aiohttp.ClientSession,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A machine that boots before it has asked the network believes that months have passed."""
    monkeypatch.setattr(app, "_DROP_SIGNALS_S", 0.01)
    data = tmp_path / "data"

    def count(table: str) -> int:
        with engines.beside(data) as kept:
            return int(kept.ask(f"SELECT count(*) FROM {table}", ())[0][0])

    first = await Server.start(data, settings, clock=clock)
    try:
        await until(lambda: count("server_state") > 0)
        http = Http(f"http://127.0.0.1:{first.port}", client)
        one, two = await http.register(Person()), await http.register(Person())
        async with Wire(http.url, Role.S, client) as s:
            await group_of_two(http, s, one, two)
    finally:
        await first.stop()
    before = {table: count(table) for table in ("message", "grp", "session_token")}
    assert all(before.values())
    clock.now += 400 * 86_400
    second = await Server.start(data, settings, clock=clock)
    try:
        await until(lambda: "more than two days beyond" in caplog.text)
        await second._clock_guard.may_delete()
        assert {table: count(table) for table in before} == before
        hour = time.monotonic() + 3601
        monkeypatch.setattr(second._clock_guard, "_ticks", lambda: hour)
        await until(lambda: count("message") == 0)
    finally:
        await second.stop()
