"""A home server and a bridge of it, and ways to the daemon."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from tests.bridges.edge.world import Joined, Way, home_server, joined_bridge, straight, write_site
from tests.server.wire import Http
from tests.transports.authority import Authority

from zajil.server.app import Server


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "site")


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with home_server(tmp_path) as running:
        yield running


@pytest.fixture
async def joined(tmp_path: Path, server: Server, site: Path) -> AsyncIterator[Joined]:
    async with joined_bridge(tmp_path, server) as bridge:
        yield bridge


@pytest.fixture
async def http(joined: Joined) -> AsyncIterator[Http]:
    """The home server itself, for what is no matter of the bridge."""
    async with aiohttp.ClientSession(auto_decompress=False) as client:
        yield Http(joined.origin, client)


@pytest.fixture
async def way(joined: Joined) -> AsyncIterator[Way]:
    """Straight to the daemon's socket, as the edge comes."""
    async with straight(joined) as way:
        yield way
