"""A real server that moderates, its clock in the test's hands; posts are judged when a test says so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from tests.channels.world import Clock
from tests.moderation.people.desk import Desk
from tests.moderators import choose_passphrase
from tests.server.conftest import NO_LIMITS
from tests.server.wire import Http

from zajil.server.app import Server
from zajil.server.config import ModerationSettings, Settings


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings() -> Settings:
    """Overridden where a test needs others."""
    return Settings(
        port=0,
        registration="open",
        limits=NO_LIMITS,
        drain_s=0,
        public_space=True,
        moderation=ModerationSettings(enabled=True, worker="apart", processes=0),
    )


@pytest.fixture
async def server(tmp_path: Path, settings: Settings, clock: Clock) -> AsyncIterator[Server]:
    choose_passphrase(tmp_path / "data")
    running = await Server.start(tmp_path / "data", settings, clock=clock)
    yield running
    await running.stop()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


@pytest.fixture
def desk(server: Server, client: aiohttp.ClientSession, clock: Clock) -> Desk:
    return Desk(server, Http(f"http://127.0.0.1:{server.port}", client), clock)
