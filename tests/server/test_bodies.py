"""Bodies of requests are what was sent, however it comes, and weigh what is counted of them."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import cast

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from zajil.protocol.errors import ZajilError
from zajil.server.shell import bodies
from zajil.server.shell.bodies import Bodies

SIZES = st.lists(st.sampled_from([1, 2, 100, 4095, 4096, 4097, 65_536]), max_size=30)


class Arriving:
    """A request whose body comes in these parts."""

    headers: Mapping[str, str] = MappingProxyType({})
    content_length = None

    def __init__(self, parts: Sequence[bytes]) -> None:
        self.content, self._parts = self, parts

    async def iter_any(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part


@given(sizes=SIZES)
async def test_a_body_is_what_came_in_whatever_parts(sizes: list[int]) -> None:
    parts, kept = [os.urandom(size) for size in sizes], Bodies(1 << 21)
    body = b"".join(parts)
    with kept.reading() as one:
        request = cast(web.Request, Arriving(parts))
        assert await one.read(request, len(body)) == body
        assert kept.room_bytes == (1 << 21) - len(body)
    if body:
        with kept.reading() as one, pytest.raises(ZajilError, match=r"too-big|malformed"):
            await one.read(request, len(body) - 1)
    assert kept.room_bytes == 1 << 21


def test_a_body_that_dribbles_weighs_no_more_than_it_counts() -> None:
    """A part of two bytes is an object of 35 and a place in a list."""
    parts: list[bytes | bytearray] = []
    for number in range(20_000):
        bodies._add(parts, os.urandom(5000) if number % 5000 == 0 else b"ab")
    counted = sum(map(len, parts))
    assert sys.getsizeof(parts) + sum(map(sys.getsizeof, parts)) < 1.5 * counted
