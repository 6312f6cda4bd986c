"""A ring is not lost with the session it was written to: it goes again, and is heard once. Over a real server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.client import serving
from tests.client.people import befriend, register
from tests.client.test_calling import RING, listening
from tests.transports.freezer import Freezer

from zajil.client import Client
from zajil.client.calling import HeardSignal
from zajil.protocol.ids import parse_b64

pytestmark = pytest.mark.slow


async def _friends(homes: Path, through: Freezer, url: str) -> tuple[Client, Client, bytes]:
    """Amal, whose connections pass the freezer, and Boris, whose do not."""
    amal = await register(homes, "Amal", f"http://127.0.0.1:{through.port}")
    boris = await register(homes, "Boris", url)
    await befriend(amal, boris)
    return amal, boris, parse_b64(amal.find_chat("Boris").id)


def _restart(served: serving.Served) -> serving.Served:
    """Sessions end with the process; what it has written stays."""
    serving.stop(served)
    return serving.start(served.data, port=int(served.url.rsplit(":", 1)[1]))


def _let_pass(through: Freezer, way: str, size: int) -> None:
    """So many bytes of each connection, in this direction."""
    if way == "up":
        through.up_bytes = size
    else:
        through.down_bytes = size


@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_ring_of_a_session_that_died_is_heard_once(homes: Path, way: str) -> None:
    """up: the server never got it. down: it did, and nobody heard its answer."""
    served = serving.start(homes / "server")
    try:
        async with asyncio.timeout(120), Freezer(int(served.url.rsplit(":", 1)[1])) as through:
            amal, boris, gid = await _friends(homes, through, served.url)
            async with amal, boris, listening(amal) as here, listening(boris) as there:
                # A session is there and answers: the ring is written to it at once.
                assert here.calls.send(gid, {"v": 1, "t": "cancel", "c": bytes(16), "reason": "cancelled"}, ttl_s=60)
                await there.wait_for("cancel")
                _let_pass(through, way, 0)
                assert here.calls.send(gid, RING, ttl_s=60, wake=True)
                first = await there.wait_for("ring") if way == "down" else None
                served = _restart(served)
                _let_pass(through, way, 1 << 40)
                through.end_since(0)
                ring = first or await there.wait_for("ring")
                assert ring.fields == RING
                # What is said next is heard next: the ring came once.
                assert here.calls.send(gid, {"v": 1, "t": "end", "c": RING["c"], "reason": "hangup"}, ttl_s=60)
                said = await there.news.get()
                assert isinstance(said, HeardSignal)
                assert said.fields["t"] == "end"
    finally:
        serving.stop(served)
