"""Memory that carriers of POSTs take of a bridge, on a way to the home server that the test holds up."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.server.carriers import until

from zajil.bridges.edge.caps import Month
from zajil.bridges.edge.counters import Counters
from zajil.bridges.edge.posts import Posts
from zajil.bridges.edge.traffic import BODIES_BYTES, Traffic
from zajil.protocol.reach.bridgepath import ProvedPath
from zajil.protocol.reach.polling import PollPost, encode_post

ITEMS = (bytes(65_000),) * 8
PROOF = ProvedPath(bytes(8), bytes(8), bytes(28))


class Far:
    """A WebSocket to a home server that takes nothing before it is told to."""

    def __init__(self) -> None:
        self.takes = asyncio.Event()
        self.taken = 0

    async def dial(self, _affinity: str) -> Far:
        return self

    async def send_bytes(self, _record: bytes) -> None:
        await self.takes.wait()
        self.taken += 1

    async def receive(self) -> object:
        return await asyncio.Event().wait()

    async def close(self) -> None:
        """Nothing to free."""


class Request:
    """The body of one."""

    def __init__(self, body: bytes) -> None:
        self.content = self
        self._body = body

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self._body


class Here:
    """A bridge's carriers of POSTs, and one of them."""

    def __init__(self, folder: Path) -> None:
        month = Month(1 << 40)
        self.far = Far()
        self.traffic = Traffic(Counters(folder, month), month, now=time.monotonic, clock=time.time)
        self.traffic.limit(carriers=9, bytes_per_s=1 << 40, month_bytes=1 << 40)
        home: Any = self.far  # all that is asked of a home server
        self.posts = Posts(home, self.traffic, keep=lambda _: None, forget=lambda _: None)
        self.name = os.urandom(16)

    async def post(self, seq: int, *items: bytes) -> int:
        request: Any = Request(encode_post(PollPost(self.name, seq, items)))  # all that is read of one
        status, _ = await self.posts.answer(request, PROOF, affinity="")
        return status

    @property
    def held_bytes(self) -> int:
        return BODIES_BYTES - self.traffic.bodies_left


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    one = Here(tmp_path)
    yield one
    await one.posts.stop()


async def test_what_a_post_brought_counts_until_it_has_gone_on(here: Here) -> None:
    waiting = asyncio.create_task(here.post(0, *ITEMS))
    await until(lambda: here.traffic.carriers == 1)
    assert here.held_bytes > sum(map(len, ITEMS))
    here.far.takes.set()
    assert await waiting == 200
    assert here.far.taken == len(ITEMS)
    assert here.held_bytes == 0
    assert await here.post(1, *ITEMS) == 200, "and then the next ones may come"


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 1), (0, 2)], ids=["unanswered", "early twice", "both"])
async def test_who_sends_on_without_waiting_loses_the_carrier(here: Here, first: int, second: int) -> None:
    waiting = asyncio.create_task(here.post(first, *ITEMS))
    await until(lambda: here.traffic.carriers == 1)
    assert await here.post(second, *ITEMS) == 400
    here.far.takes.set()
    await waiting
    assert here.traffic.carriers == 0
    assert here.held_bytes == 0


async def test_beyond_the_room_for_all_bodies_a_post_is_refused(here: Here) -> None:
    here.traffic.bodies_left = 1000
    assert await here.post(0, *ITEMS) == 400
    assert here.traffic.bodies_left == 1000
