"""What must not outlive a process, and what must: a server stopped and started again on the same directory."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import psycopg
import pytest
from tests import engines
from tests.postgres import Postgres
from tests.server.people import FakeGroup, Person
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.engine.sql.interface import number_at
from zajil.engine.sql.postgres.database import PostgresDatabase
from zajil.protocol import control, frames
from zajil.protocol.control import Blob
from zajil.protocol.frames import Role
from zajil.server import app
from zajil.server.app import Server
from zajil.server.backup.renumbering import renumber_database
from zajil.server.config import Settings


async def test_a_login_seen_before_a_restart_buys_nothing_after_it(
    tmp_path: Path, settings: Settings, client: aiohttp.ClientSession
) -> None:
    person = Person()
    first = await Server.start(tmp_path, settings)
    http = Http(f"http://127.0.0.1:{first.port}", client)
    token = await http.register(person)
    one = another = await http.challenge(person)
    while another == one:  # of one millisecond they are the same
        another = await http.challenge(person)
    used, unused = [control.Login(Blob(person.login(each))) for each in (one, another)]
    assert await http.code(control.TAKE_TOKEN, used) == "ok"
    await first.stop()
    second = await Server.start(tmp_path, settings)
    http = Http(f"http://127.0.0.1:{second.port}", client)
    try:
        assert await http.code(control.TAKE_TOKEN, used) == "bad-challenge"
        assert await http.code(control.TAKE_TOKEN, unused) == "ok"
        assert await http.log_in(person)
        assert await http.code(control.COUNT_KEY_PACKAGES, auth=token) == "ok"
    finally:
        await second.stop()


async def test_after_a_failover_that_lost_commits_new_messages_have_numbers_that_nobody_saw(
    tmp_path: Path, settings: Settings, client: aiohttp.ClientSession
) -> None:
    """A standby that lags is the database as it was some messages ago."""
    data, standby, group = tmp_path / "data", tmp_path / "standby", FakeGroup()
    sender, receiver = Person(), Person()

    @asynccontextmanager
    async def serving() -> AsyncIterator[Http]:
        server = await Server.start(data, settings)
        try:
            yield Http(f"http://127.0.0.1:{server.port}", client)
        finally:
            await server.stop()

    async def pass_on(http: Http, after: int, *texts: bytes) -> list[int]:
        """Their numbers in the receiver's mailbox, all acknowledged."""
        async with Wire(http.url, Role.S, client) as s:
            for number, text in enumerate(texts):
                assert isinstance(await s.ask(group.send(number, text)), frames.Ok)
        async with Wire(http.url, Role.R, client) as r:
            await r.hello(await http.log_in(receiver), after)
            got = [message.seq for message in await r.messages()]
            await r.send(frames.Mack(got[-1]))
        return got

    async with serving() as http:
        his, hers = await http.register(sender), await http.register(receiver)
        async with Wire(http.url, Role.S, client) as s:
            group = await group_of_two(http, s, his, hers)
        *_, first = await pass_on(http, 0, b"one")
    shutil.copytree(data, standby)
    async with serving() as http:
        *_, last = await pass_on(http, first, b"two", b"three", b"four")
    shutil.rmtree(data)
    standby.rename(data)
    renumber_database(data)
    async with serving() as http:
        new = await pass_on(http, last, b"five", b"six")
        ahead = await pass_on(http, max(new) + 1000, b"seven")
    assert len(new) == 2
    assert min(new) > last == first + 3
    assert ahead == [max(new) + 1001], "what a device saw of a database that nobody numbered anew"


@pytest.mark.scale
async def test_a_server_that_finds_a_standby_in_the_place_of_its_database_does_by_itself_what_a_restore_does(
    tmp_path: Path, settings: Settings, client: aiohttp.ClientSession, postgres: Postgres
) -> None:
    """It may lack what was promised: the end of a login, the claim of a package, an event that was read."""
    postgres.make_template(engines.MIGRATED, engines.fill)
    url, person = postgres.fresh(engines.MIGRATED), Person()
    settings = msgspec.structs.replace(settings, database=url)
    first = await Server.start(tmp_path, settings)
    try:
        http = Http(f"http://127.0.0.1:{first.port}", client)
        token = await http.register(person)
        assert await http.code(control.COUNT_KEY_PACKAGES, auth=token) == "ok"
    finally:
        await first.stop()
    with psycopg.connect(url) as connection:
        assert connection.execute("UPDATE server_state SET value = '1/1' WHERE name = 'timeline'").rowcount == 1
    began = int(time.time())
    second = await Server.start(tmp_path, settings)
    try:
        http = Http(f"http://127.0.0.1:{second.port}", client)
        await http.register(Person())  # its mailbox is written
        assert await http.code(control.COUNT_KEY_PACKAGES, auth=token) == "token-expired"
        async with Wire(http.url, Role.R, client) as receiving:
            await receiving.hello(await http.log_in(person))
            # Where it takes over while the server runs, only a HELLO tells what it lacks of the account.
            assert isinstance(second._db, PostgresDatabase)
            assert second._db.follower is not None
            await asyncio.to_thread(second._db.follower.changed)
            assert await receiving.until_end() == "restarting"
    finally:
        await second.stop()
    with psycopg.connect(url) as connection:
        ((event,),) = connection.execute("SELECT nextval(pg_get_serial_sequence('pub_event', 'seq'))").fetchall()
        ((mailbox,),) = connection.execute("SELECT max(next_seq) FROM mailbox").fetchall()
    assert min(event, mailbox) >= number_at(began)


@pytest.mark.sqlite
async def test_the_write_ahead_log_is_emptied_every_minute(
    tmp_path: Path, settings: Settings, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps the pages of each transaction side by side, so it would pair groups with mailboxes for an hour."""
    monkeypatch.setattr(app, "_EMPTY_LOG_S", 0.01)
    server = await Server.start(tmp_path, settings)
    loop, emptied = asyncio.get_running_loop(), asyncio.Event()
    truncate = server._db.truncate_log

    def watched() -> None:
        truncate()
        loop.call_soon_threadsafe(emptied.set)

    try:
        monkeypatch.setattr(server._db, "truncate_log", watched)
        await Http(f"http://127.0.0.1:{server.port}", client).register(Person())
        emptied.clear()
        for _ in range(2):
            await asyncio.wait_for(emptied.wait(), 10)
            emptied.clear()
        assert (tmp_path / "zajil.db-wal").stat().st_size == 0
    finally:
        await server.stop()
