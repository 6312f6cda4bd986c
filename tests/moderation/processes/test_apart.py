"""`zajil moderation worker` beside a real server, with its reading processes: killed at work, it skips no post.

`pipeline/test_kill.py` chooses the points by a hook in the worker; here nothing of the process belongs to the test.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from tests import engines
from tests.channels.world import Clock, World
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

from zajil.server.app import Server
from zajil.server.config import CONFIG_FILE, ModerationSettings, Settings

ZAJIL = Path(sys.executable).with_name("zajil")
SETTINGS = Settings(
    port=0,
    registration="open",
    limits=NO_LIMITS,
    drain_s=0,
    public_space=True,
    moderation=ModerationSettings(enabled=True, worker="apart", processes=1),
)
CONFIG = 'public_space = true\n[moderation]\nenabled = true\nworker = "apart"\nprocesses = 1\n'


@asynccontextmanager
async def working(data: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, once it says that it works."""
    process = await asyncio.create_subprocess_exec(
        *(str(ZAJIL), "moderation", "worker", "--data", str(data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert await process.stdout.readline(), (await process.stderr.read()).decode()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A server that leaves the judging to others."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / CONFIG_FILE).write_text(CONFIG, encoding="utf-8")
    engines.name_in_settings(data)
    server = await Server.start(data, SETTINGS)
    async with aiohttp.ClientSession(auto_decompress=False) as client:
        yield World(server, Http(f"http://127.0.0.1:{server.port}", client), Clock())
    await server.stop()


@pytest.mark.moderation
@pytest.mark.kill
@pytest.mark.slow
async def test_a_worker_killed_twice_at_work_skips_no_post_and_decides_none_twice(world: World, tmp_path: Path) -> None:
    data = tmp_path / "data"
    ledger = await come_in(world)
    half = AUTHORS // 2
    await ledger.write(world, range(half))
    async with working(data) as first:
        await kill_in_the_middle(world, lambda: first.pid, after=0)
        assert await first.wait() == -signal.SIGKILL
    async with working(data) as second:
        writing = asyncio.create_task(ledger.write(world, range(half, AUTHORS)))
        await kill_in_the_middle(world, lambda: second.pid, after=1)
    await writing
    async with working(data) as third:
        # Whoever comes while one works is told so, and changes nothing.
        refused = await asyncio.create_subprocess_exec(
            *(str(ZAJIL), "moderation", "worker", "--data", str(data)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert b"another moderation worker" in (await refused.communicate())[1]
        assert refused.returncode == 1
        await until(lambda: world.rows("SELECT count(*) FROM pub_outbox") == [(0,)])
        readers = children_of(third.pid)
        third.send_signal(signal.SIGTERM)
        assert (await third.communicate())[1] == b""
        assert third.returncode == 0
        await until(lambda: not any(is_running(pid) for pid in readers))
    check_books(world, ledger, data)
