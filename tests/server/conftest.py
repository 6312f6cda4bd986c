"""A real server in this process on an ephemeral port, and what speaks to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import aiohttp
import pytest
import uvloop
from msgspec.structs import replace
from tests.gateways import asked_gateway
from tests.moderators import choose_passphrase, unlock
from tests.server.serving import SHELLS
from tests.server.wire import Http, Wire

from zajil.engine.limits import DEFAULTS, Limit
from zajil.protocol.frames import Role
from zajil.server.app import Server
from zajil.server.config import Settings
from zajil.server.shell.aiohttp_shell import AiohttpShell

NO_LIMITS = {name: Limit(1e9, 1e-9) for name in DEFAULTS}
LOOP: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {"asyncio": asyncio.new_event_loop}
LOOPS = {**LOOP, "uvloop": uvloop.new_event_loop}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """A shell meets the network by way of the loop: what it does there runs on the server's own too."""
    return LOOPS if item.path.name in ("test_shell.py", "test_handshake.py", "test_file_answers.py") else LOOP


@pytest.fixture
def settings() -> Settings:
    """Overridden where a test needs others."""
    return Settings(port=0, registration="open", limits=NO_LIMITS, drain_s=0)


@pytest.fixture
async def server(tmp_path: Path, settings: Settings) -> AsyncIterator[Server]:
    choose_passphrase(tmp_path / "data")
    running = await Server.start(tmp_path / "data", replace(settings, gateway=asked_gateway()))
    unlock(running)
    yield running
    await running.stop()


@pytest.fixture
def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


@pytest.fixture
def http(url: str, client: aiohttp.ClientSession) -> Http:
    return Http(url, client)


@pytest.fixture
def wire(url: str, client: aiohttp.ClientSession) -> Callable[[Role], Wire]:
    return lambda role: Wire(url, role, client)


@pytest.fixture(params=SHELLS)
def make(request: pytest.FixtureRequest) -> type[AiohttpShell]:
    chosen: type[AiohttpShell] = request.param
    return chosen
