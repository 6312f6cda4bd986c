"""The page of `web/e2e/calls`, built and served, a microphone that speaks, and a relay as we configure it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import hatch_build
import pytest
from aiohttp import web
from tests.calls.relay.turn import free_port
from tests.calls.wire.chromium import CHROMIUM
from tests.calls.wire.relaying import NoRelay, RunningRelay, running_relay
from tests.calls.wire.speech import write_speech

from zajil.calls.rooms import Member, Rooms
from zajil.server.app import Server
from zajil.server.config import Settings


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's files, in a folder of this run."""
    if not CHROMIUM.exists():
        pytest.skip("no Chromium: apt-get install -y chromium, or set ZAJIL_CHROMIUM")
    folder = tmp_path_factory.mktemp("page")
    try:
        with hatch_build.one_builder_at_a_time():
            hatch_build.install_packages()
    except hatch_build.NoNode as reason:
        pytest.skip(str(reason))
    build = ("exec", "--", "vite", "build", "--config", "build/calls.config.ts")
    done = hatch_build.run_npm(*build, "--outDir", str(folder), "--emptyOutDir")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def client() -> None:
    """The built web client, fresh."""
    if not CHROMIUM.exists():
        pytest.skip("no Chromium: apt-get install -y chromium, or set ZAJIL_CHROMIUM")
    try:
        if hatch_build.is_stale():
            hatch_build.build()
    except hatch_build.NoNode as reason:
        pytest.skip(str(reason))


@pytest.fixture
async def page(built: Path) -> AsyncIterator[str]:
    """The page's address, which is a secure context."""

    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(built / "index.html")

    app = web.Application()
    app.router.add_get("/", index)
    app.router.add_static("/", built)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://localhost:{port}/"
    await runner.cleanup()


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The flag that makes the fake microphone speak."""
    file = tmp_path_factory.mktemp("speech") / "speech.wav"
    write_speech(file)
    return f"--use-file-for-fake-audio-capture={file}"


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[RunningRelay]:
    """coturn, where there is one."""
    try:
        async with running_relay(tmp_path) as running:
            yield running
    except NoRelay as reason:
        pytest.skip(str(reason))


@pytest.fixture
def overheard(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """All that any room of this process gets."""
    records: list[bytes] = []
    feed = Rooms.feed

    def listen(self: Rooms, member: Member, record: bytes, *, now: float) -> None:
        records.append(record)
        feed(self, member, record, now=now)

    monkeypatch.setattr(Rooms, "feed", listen)
    return records


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """A server of this process, without a relay."""
    server = await Server.start(tmp_path / "data", Settings(port=0, registration="open", drain_s=0))
    yield f"http://127.0.0.1:{server.port}"
    await server.stop()
