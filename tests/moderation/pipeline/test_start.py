"""A worker inside the server: the server starts without waiting for it, and its event loop is for calls alone."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import Connection
from tests.channels.world import Clock, World
from tests.moderation.pipeline.square import BENIGN, Square
from tests.moderation.pipeline.test_end_to_end import SETTINGS, until
from tests.server.wire import Http

from zajil.moderation.pipeline import judging
from zajil.moderation.pipeline import worker as worker_module
from zajil.moderation.pipeline.matcher import Matcher
from zajil.server.app import Server

PATIENCE_S = 30.0


async def test_the_server_takes_posts_while_the_index_of_copies_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    load = Matcher.load

    def load_slowly(db: Connection, *, now: float) -> Matcher:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        return load(db, now=now)

    monkeypatch.setattr(Matcher, "load", load_slowly)
    try:
        async with asyncio.timeout(PATIENCE_S):
            server = await Server.start(tmp_path / "data", SETTINGS, clock=Clock())
        async with aiohttp.ClientSession(auto_decompress=False) as client:
            world = World(server, Http(f"http://127.0.0.1:{server.port}", client), Clock())
            author = await world.author()
            await world.post(author, await world.channel(author, lang="en"), BENIGN, lang="en")
            await until(begun.is_set, PATIENCE_S)
            assert world.rows("SELECT state FROM pub_post") == [("pending",)]
            go_on.set()
            await until(lambda: world.rows("SELECT state FROM pub_post") == [("visible",)], PATIENCE_S)
    finally:
        go_on.set()
    await server.stop()


async def test_an_index_that_cannot_be_loaded_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load, tried = Matcher.load, []

    def fail_once(db: Connection, *, now: float) -> Matcher:
        tried.append(now)
        if len(tried) == 1:
            raise OSError
        return load(db, now=now)

    monkeypatch.setattr(Matcher, "load", fail_once)
    monkeypatch.setattr("zajil.server.moderation.wiring._RETRY_S", 0.0)
    server = await Server.start(tmp_path / "data", SETTINGS, clock=Clock())
    async with aiohttp.ClientSession(auto_decompress=False) as client:
        world = World(server, Http(f"http://127.0.0.1:{server.port}", client), Clock())
        author = await world.author()
        await world.post(author, await world.channel(author, lang="en"), BENIGN, lang="en")
        await until(lambda: world.rows("SELECT state FROM pub_post") == [("visible",)], PATIENCE_S)
    await server.stop()


async def test_matching_and_rules_are_not_for_the_event_loop(square: Square, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    judge_batch, add_batch = judging.judge_batch, Matcher.add_batch

    def judge(*arguments: Any, **named: Any) -> Any:
        threads.append(threading.current_thread())
        return judge_batch(*arguments, **named)

    def add(*arguments: Any, **named: Any) -> Any:
        threads.append(threading.current_thread())
        return add_batch(*arguments, **named)

    monkeypatch.setattr(worker_module, "judge_batch", judge)
    monkeypatch.setattr(Matcher, "add_batch", add)
    await square.crowd([BENIGN])
    await square.work()
    assert len(threads) == 2
    assert threading.main_thread() not in threads
