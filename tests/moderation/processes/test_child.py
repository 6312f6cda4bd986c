"""The worker that a server starts: what they say to each other, and that it comes again and ends with its server."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from tests import engines
from tests.channels.world import Clock, World
from tests.moderation.pipeline.square import BENIGN, FRAUD
from tests.moderation.processes.ordeal import (
    AUTHORS,
    PATIENCE_S,
    check_books,
    children_of,
    come_in,
    is_running,
    kill_in_the_middle,
    until,
)
from tests.server.conftest import NO_LIMITS
from tests.server.wire import Http

from zajil.channels.publishing import QUEUE
from zajil.engine.limits import Limit
from zajil.protocol.ids import parse_b64
from zajil.server.app import Server
from zajil.server.config import ModerationSettings, Settings
from zajil.server.moderation.beside import supervisor, words
from zajil.server.moderation.beside.supervisor import MODULE, WorkerProcess

SETTINGS = Settings(
    port=0,
    registration="open",
    limits=NO_LIMITS,
    drain_s=0,
    public_space=True,
    moderation=ModerationSettings(enabled=True, processes=0),
)


@pytest.fixture
def settings() -> Settings:
    """Overridden where a test needs others."""
    return SETTINGS


@pytest.fixture
async def world(tmp_path: Path, settings: Settings) -> AsyncIterator[World]:
    """A server with a worker of its own."""
    server = await Server.start(tmp_path / "data", engines.told(tmp_path / "data", settings))
    async with aiohttp.ClientSession(auto_decompress=False) as client:
        yield World(server, Http(f"http://127.0.0.1:{server.port}", client), Clock())
    await server.stop()


def worker_of(world: World) -> WorkerProcess:
    found = world.server.worker
    assert found is not None
    return found


def test_a_server_has_a_worker_of_its_own_unless_told_otherwise() -> None:
    assert ModerationSettings(enabled=True).worker == "child"


@pytest.mark.moderation
@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [msgspec.structs.replace(SETTINGS, moderation=ModerationSettings(enabled=True, processes=1))]
)
async def test_a_worker_killed_twice_comes_again_skips_no_post_and_decides_none_twice(
    world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    worker, ledger, half = worker_of(world), await come_in(world), AUTHORS // 2
    writing = asyncio.create_task(ledger.write(world, range(half)))
    await kill_in_the_middle(world, lambda: worker.pid, after=0)
    await writing
    await until(lambda: world.rows("SELECT count(*) FROM pub_outbox") == [(0,)])
    writing = asyncio.create_task(ledger.write(world, range(half, AUTHORS)))  # the second one works, batch by batch
    await kill_in_the_middle(world, lambda: worker.pid, after=1)
    await writing
    await until(lambda: world.rows("SELECT count(*) FROM pub_outbox") == [(0,)])
    last = worker.pid
    readers = children_of(last)
    assert readers
    await worker.stop()
    assert not is_running(last)
    await until(lambda: not any(is_running(pid) for pid in readers))
    told = [record.getMessage() for record in caplog.records if record.name == supervisor.__name__]
    assert [each.split("(")[1].split(")")[0] for each in told] == ["code -9", "code -9"]
    check_books(world, ledger, tmp_path / "data")


@pytest.mark.slow
@pytest.mark.parametrize("settings", [msgspec.structs.replace(SETTINGS, metrics_port=1)])
async def test_the_server_hears_at_once_what_its_worker_did_and_what_it_counted(
    tmp_path: Path, settings: Settings, unused_tcp_port: int
) -> None:
    """No listener polls here: who is woken was woken by the worker."""
    server = await Server.start(
        tmp_path, engines.told(tmp_path, msgspec.structs.replace(settings, metrics_port=unused_tcp_port))
    )
    async with aiohttp.ClientSession(auto_decompress=False) as client:
        world = World(server, Http(f"http://127.0.0.1:{server.port}", client), Clock())
        author = await world.author()
        channel = await world.channel(author, lang="en")
        assert server.public is not None
        for text, state in ((BENIGN, "visible"), (FRAUD, "held")):
            topics = [parse_b64(channel), author.persona_id]
            with server.public.space.wakeups.listening(topics) as woken:
                post = await world.post(author, channel, text, lang="en")
                while world.rows(f"SELECT state FROM pub_post WHERE id = x'{parse_b64(post).hex()}'") != [(state,)]:
                    woken.clear()
                    async with asyncio.timeout(PATIENCE_S):
                        await woken.wait()

        async def read_figures() -> str:
            async with client.get(f"http://127.0.0.1:{unused_tcp_port}/metrics") as answer:
                return await answer.text()

        wanted = {
            'moderation_posts_total{lang="en",outcome="allow",stage="3"} 1.0',
            'moderation_decisions_total{action="hold",category="fraud",source="rule"} 1.0',
            "moderation_send_to_decision_seconds_count 2.0",
        }
        async with asyncio.timeout(PATIENCE_S):
            while not wanted <= set((figures := await read_figures()).splitlines()):  # noqa: ASYNC110  # over HTTP
                await asyncio.sleep(0.02)
        assert "moderation_batch_seconds_count" in figures
    pid = worker_of(world).pid
    await server.stop()
    assert not is_running(pid)


@pytest.mark.slow
async def test_a_worker_that_cannot_live_is_tried_again_less_and_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # A module that is there, prints nothing, and ends at once.
    monkeypatch.setattr(supervisor, "MODULE", "zajil.protocol.ids")
    monkeypatch.setattr(supervisor, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(supervisor, "_LONGEST_PAUSE_S", 0.03)
    server = await Server.start(tmp_path / "data", SETTINGS)
    await until(lambda: len(caplog.records) >= 4)
    await server.stop()
    pauses = [record.getMessage().removesuffix(" s").rpartition(" ")[2] for record in caplog.records]
    assert pauses[:4] == ["0.01", "0.02", "0.03", "0.03"]
    assert "code 0" in caplog.records[0].getMessage()
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


async def start_alone(data: Path) -> asyncio.subprocess.Process:
    """The worker's end, without a server."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", MODULE, str(data)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.slow
async def test_it_waits_for_the_worker_of_a_server_that_was_killed_and_ends_when_its_own_is_gone(
    tmp_path: Path,
) -> None:
    server = await Server.start(tmp_path / "data", msgspec.structs.replace(SETTINGS, moderation=ModerationSettings()))
    await server.stop()
    first, second = await start_alone(tmp_path / "data"), await start_alone(tmp_path / "data")
    for each in (first, second):
        assert each.stdin is not None
        each.stdin.write(words.encode_settings(engines.told(tmp_path / "data", SETTINGS)))
        await each.stdin.drain()
    lock = (tmp_path / "data" / "moderation.lock").resolve()

    def holder() -> int:
        """Which of them has the worker's place."""
        inode = lock.stat().st_ino if lock.exists() else 0
        rows = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "FLOCK" in line]
        return next((int(row[4]) for row in rows if "->" not in row and row[5].endswith(f":{inode}")), 0)

    await until(lambda: holder() in (first.pid, second.pid))
    here, next_one = (first, second) if holder() == first.pid else (second, first)
    assert here.stdin is not None
    here.stdin.close()
    async with asyncio.timeout(PATIENCE_S):
        assert await here.wait() == 0
    await until(lambda: holder() == next_one.pid)
    os.kill(next_one.pid, signal.SIGTERM)
    async with asyncio.timeout(PATIENCE_S):
        assert (await next_one.communicate()) == (b"", b"")
    assert next_one.returncode == 0


@pytest.mark.slow
async def test_a_server_that_is_gone_before_it_said_anything_starts_nothing(tmp_path: Path) -> None:
    worker = await start_alone(tmp_path)
    async with asyncio.timeout(PATIENCE_S):
        assert await worker.communicate(b"") == (b"", b"")
    assert worker.returncode == 0
    assert os.listdir(tmp_path) == []  # noqa: PTH208  # an empty folder has no path to await


def test_what_is_said_arrives_as_it_was_and_what_is_not_known_is_nothing() -> None:
    boundless = Settings(limits={"login": Limit(burst=math.inf, every_s=1.0)})
    for settings in (Settings(), SETTINGS, boundless):
        line = words.encode_settings(settings)
        assert line.count(b"\n") == 1
        assert words.parse_settings(line) == settings
    counted = words.Counted(posts=[("en", 3, "allow")], delays_s=[0.5], backlog=(3, 1.5))
    for told in (words.Woken((bytes(range(16)), QUEUE)), counted):
        line = words.encode_told(told)
        assert line.count(b"\n") == 1
        assert words.parse_told(line) == told
    assert words.parse_told(b'{"type": "of tomorrow"}\n') is None
    topics = {number.to_bytes(16, "big") for number in range(2 * words.TOPICS_MAX + 1)}
    parts = list(words.divide_topics(topics))
    assert {each for part in parts for each in part.topics} == topics
    assert len(parts) == 3
    assert all(len(words.encode_told(part)) < words.LINE_MAX_BYTES for part in parts)
    assert list(words.divide_topics(set())) == []
