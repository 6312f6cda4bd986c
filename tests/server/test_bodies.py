"""Bodies of requests are what was sent, however it comes, and weigh what is counted of them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from types import MappingProxyType
from typing import cast

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from zajil.protocol.errors import Unavailable, ZajilError, error
from zajil.server.shell import bodies
from zajil.server.shell.bodies import Bodies

SIZES = st.lists(st.sampled_from([1, 2, 100, 4095, 4096, 4097, 65_536]), max_size=30)


class Arriving:
    """A request whose body comes in these parts."""

    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, parts: Sequence[bytes], *, pause_s: float = 0.0, content_length: int | None = None) -> None:
        """given: bytes that were asked for."""
        self.content, self._parts, self._pause_s = self, parts, pause_s
        self.content_length = content_length
        self.given = 0

    async def iter_any(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            if self._pause_s:
                await asyncio.sleep(self._pause_s)
            self.given += len(part)
            yield part


@given(sizes=SIZES)
async def test_a_body_is_what_came_in_whatever_parts(sizes: list[int]) -> None:
    parts, kept = [os.urandom(size) for size in sizes], Bodies(1 << 30)
    body = b"".join(parts)
    request = cast(web.Request, Arriving(parts))
    with kept.reading(b"") as one:
        assert await one.read(request, len(body)) == body
    if body:
        with kept.reading(b"") as one, pytest.raises(ZajilError, match=r"too-big|malformed"):
            await one.read(request, len(body) - 1)


async def test_whoever_fills_his_share_leaves_room_for_others_until_he_has_gone() -> None:
    """Sixty-four bodies that stay, from one prefix: others still get theirs read."""
    kept, size = Bodies(64 << 20), 1 << 20
    request = cast(web.Request, Arriving([bytes(size)]))
    with ExitStack() as held:
        refused = 0
        for _ in range(64):
            one = held.enter_context(kept.reading(b"greedy"))
            try:
                await one.read(request, size)
            except Unavailable:
                refused += 1
        assert refused >= 30
        for number in range(7):
            other = held.enter_context(kept.reading(b"other %d" % number))
            assert len(await other.read(request, size)) == size
    with kept.reading(b"greedy") as one:
        assert len(await one.read(request, size)) == size


@pytest.mark.parametrize(("each", "arrives"), [(100, False), (2000, True)])
async def test_a_body_must_keep_coming(monkeypatch: pytest.MonkeyPatch, each: int, arrives: bool) -> None:
    """A part each tenth of a second, at a clock ten times as fast: 1 KB/s is too slow, 20 KB/s is not."""
    monkeypatch.setattr(bodies, "_GRACE_S", 0.3)
    monkeypatch.setattr(bodies, "_LEAST_PER_S", 10_240)
    parts = [bytes(each)] * 8
    with Bodies(1 << 20).reading(b"") as one:
        request = cast(web.Request, Arriving(parts, pause_s=0.1))
        if arrives:
            assert len(await one.read(request, 1 << 20)) == each * len(parts)
        else:
            with pytest.raises(ZajilError, match="malformed"):
                await one.read(request, 1 << 20)


@pytest.mark.parametrize("told", [True, False])
async def test_a_large_body_is_read_only_of_whom_the_check_lets_pass(told: bool) -> None:
    """Whether its length was told or not; a small one is read of anybody."""
    parts, asked = [bytes(4096)] * 64, 0

    async def refuse() -> None:
        nonlocal asked
        asked += 1
        raise error("token-expired")

    async def admit() -> None:
        nonlocal asked
        asked += 1

    request = Arriving(parts, content_length=4096 * 64 if told else None)
    with Bodies(1 << 20).reading(b"") as one, pytest.raises(ZajilError, match="token-expired"):
        await one.read(cast(web.Request, request), 1 << 20, check=refuse)
    assert asked == 1
    assert request.given <= bodies.FREE_BYTES + 4096
    assert not (told and request.given)
    with Bodies(1 << 20).reading(b"") as one:
        assert len(await one.read(cast(web.Request, Arriving(parts)), 1 << 20, check=admit)) == 4096 * 64
    assert asked == 2
    with Bodies(1 << 20).reading(b"") as one:
        assert await one.read(cast(web.Request, Arriving(parts[:4])), 1 << 20, check=refuse)


def test_a_body_that_dribbles_weighs_no_more_than_it_counts() -> None:
    """A part of two bytes is an object of 35 and a place in a list."""
    parts: list[bytes | bytearray] = []
    for number in range(20_000):
        bodies._add(parts, os.urandom(5000) if number % 5000 == 0 else b"ab")
    counted = sum(map(len, parts))
    assert sys.getsizeof(parts) + sum(map(sys.getsizeof, parts)) < 1.5 * counted
