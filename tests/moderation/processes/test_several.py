"""`zajil moderation worker` of several servers, on PostgreSQL and NATS: one for all, and heard of at once."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import psycopg
import pytest
from sqlalchemy import select
from tests import engines
from tests.channels.world import Clock, World
from tests.moderation.processes.ordeal import PATIENCE_S
from tests.moderation.processes.test_apart import SETTINGS, ZAJIL, working
from tests.nats import NatsServer, nats_server
from tests.postgres import Postgres
from tests.server.wire import Http

from zajil.channels import broadcast
from zajil.engine.sql.database import Database
from zajil.engine.sql.state import server_state
from zajil.protocol.control import parse_json
from zajil.protocol.public import api, routes
from zajil.server.app import Server
from zajil.server.config import CONFIG_FILE, ConfigError
from zajil.server.moderation import alone as alone_module
from zajil.server.moderation import worker as worker_module
from zajil.server.moderation.alone import JUDGES, alone
from zajil.server.schema import find_database, migrate

pytestmark = pytest.mark.scale
CONFIG = """database = "{url}"
bus = "{bus}"
public_space = true
[moderation]
enabled = true
worker = "apart"
processes = 0
"""


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with nats_server() as running:
        yield running


@asynccontextmanager
async def serving(data: Path, url: str, nats: NatsServer) -> AsyncIterator[World]:
    server = await Server.start(data, msgspec.structs.replace(SETTINGS, database=url, bus=nats.url))
    async with aiohttp.ClientSession(auto_decompress=False) as client:
        yield World(server, Http(f"http://127.0.0.1:{server.port}", client), Clock())
    await server.stop()


@pytest.mark.moderation
async def test_one_worker_judges_for_all_servers_and_who_follows_hears_of_it_at_once(
    tmp_path: Path, postgres: Postgres, nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broadcast, "_LOOK_S", 1000.0)
    postgres.make_template(engines.MIGRATED, engines.fill)
    url = postgres.fresh(engines.MIGRATED)
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir(mode=0o700)
    (here / CONFIG_FILE).write_text(CONFIG.format(url=url, bus=nats.url), encoding="utf-8")
    async with serving(here, url, nats) as world:
        author = await world.author()
        channel = await world.channel(author, lang="en")
        shutil.copytree(here, there)
        async with working(here):
            refused = await asyncio.create_subprocess_exec(
                *(str(ZAJIL), "moderation", "worker", "--data", str(there)),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            assert b"another moderation worker runs on this database" in (await refused.communicate())[1]
            assert refused.returncode == 1
            query = f"?channel={channel}&wait_s="
            start = parse_json(await world.call(routes.UPDATES, query=query + "0"), api.Updates)
            told = asyncio.create_task(world.call(routes.UPDATES, query=f"{query}50&after={start.next}"))
            post = await world.post(author, channel, "a quiet text about the harbour", lang="en")
            async with asyncio.timeout(PATIENCE_S):
                (event,) = parse_json(await told, api.Updates).events
            assert (event.event, event.post and event.post.state) == ("post.created", "visible"), post


async def test_a_worker_notices_a_standby_before_it_writes(
    tmp_path: Path, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes on connections of its own, perhaps before any server does."""
    postgres.make_template(engines.MIGRATED, engines.fill)
    url = postgres.fresh(engines.MIGRATED)

    def begin(_data: Path, database: Database, *_: object, **__: object) -> None:
        database.write_sync(lambda db: db.execute(select(server_state)))
        raise LookupError

    monkeypatch.setattr(worker_module, "make_worker", begin)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("INSERT INTO server_state (name, value) VALUES ('timeline', '1/1')")
        with pytest.raises(LookupError):
            async with worker_module.working(tmp_path, msgspec.structs.replace(SETTINGS, database=url)):
                pass
        row = connection.execute("SELECT value FROM server_state WHERE name = 'timeline'").fetchone()
    assert row not in (None, ("1/1",))


@pytest.mark.parametrize(
    ("revision", "said"), [("", "no server has run on .* yet"), ("0022", "is at schema 0022, this version needs")]
)
async def test_a_worker_that_begins_before_the_first_server_of_its_version_says_so(
    tmp_path: Path, postgres: Postgres, revision: str, said: str
) -> None:
    settings = msgspec.structs.replace(SETTINGS, database=postgres.fresh("template1"))
    if revision:
        database = find_database(tmp_path, settings.database)
        migrate(database, revision)
        database.close()
    with pytest.raises(ConfigError, match=said):
        async with worker_module.working(tmp_path, settings):
            pass


async def test_a_place_that_was_lost_is_taken_again_or_is_anothers(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alone_module, "PATIENCE_S", 0.0)
    url, lost = postgres.fresh("template1"), asyncio.Event()

    def cut(connection: psycopg.Connection[tuple[object, ...]]) -> None:
        kill = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        assert connection.execute(kill).fetchall() == [(True,)]

    def is_held(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
        ((found,),) = connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchall()
        return bool(found)

    async def until_held(connection: psycopg.Connection[tuple[object, ...]], *, held: bool) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while is_held(connection) != held:  # noqa: ASYNC110  # a database has no event to wait for
                await asyncio.sleep(0.01)

    with psycopg.connect(url, autocommit=True) as beside:
        async with alone(url, lost=lost.set, look_s=0.02):
            with pytest.raises(ConfigError, match="another moderation worker runs"):
                async with alone(url, lost=lost.set):
                    pass
            cut(beside)
            await until_held(beside, held=True)
            assert not lost.is_set()
        await until_held(beside, held=False)
        with pytest.raises(ConfigError, match="took over"):
            async with alone(url, lost=lost.set, look_s=0.02), asyncio.timeout(PATIENCE_S):
                # Whoever waits for the lock has it before a session that is made anew.
                waiting = asyncio.create_task(asyncio.to_thread(_wait_for_lock, url))
                while not _is_waiting(beside):  # noqa: ASYNC110  # as above
                    await asyncio.sleep(0.01)
                kill = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
                beside.execute(kill)
                other = await waiting
                await lost.wait()
        other.close()
    async with alone("", lost=sys.exit):
        pass
    with pytest.raises(ConfigError, match="does not answer"):
        async with alone("postgresql://127.0.0.1:1/nothing", lost=sys.exit):
            pass


def _wait_for_lock(url: str) -> psycopg.Connection[tuple[object, ...]]:
    session: psycopg.Connection[tuple[object, ...]] = psycopg.connect(url, autocommit=True)
    session.execute("SELECT pg_advisory_lock(%s)", (JUDGES,))
    return session


def _is_waiting(connection: psycopg.Connection[tuple[object, ...]]) -> bool:
    ((found,),) = connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    return bool(found)
