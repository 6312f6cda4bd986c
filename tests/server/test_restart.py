"""What must not outlive a process, and what must: a server stopped and started again on the same directory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from tests.server.people import Person
from tests.server.wire import Http

from zajil.protocol import control
from zajil.protocol.control import Blob
from zajil.server import app
from zajil.server.app import Server
from zajil.server.config import Settings


async def test_a_login_seen_before_a_restart_buys_nothing_after_it(
    tmp_path: Path, settings: Settings, client: aiohttp.ClientSession
) -> None:
    person = Person()
    first = await Server.start(tmp_path, settings)
    http = Http(f"http://127.0.0.1:{first.port}", client)
    token = await http.register(person)
    used, unused = [control.Login(Blob(person.login(await http.challenge(person)))) for _ in range(2)]
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
