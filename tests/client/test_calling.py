"""A call rings, is heard, and leaves its log, through the SDK and the real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.client.people import befriend, register
from tests.client.serving import Served

from zajil.client import Call, Client
from zajil.client.calling import Calls, HeardSignal
from zajil.client.core.talk.callkeys import BASE_BYTES
from zajil.client.state.step import CallEpoch
from zajil.protocol import cbor
from zajil.protocol.chat.forms import CallLog
from zajil.protocol.ids import parse_b64

pytestmark = pytest.mark.slow
CALL, SECRET = bytes(range(16)), bytes(range(32))
RING: Mapping[str, cbor.Value] = {"v": 1, "t": "ring", "c": CALL, "secret": SECRET, "kind": "audio", "suite": 4}


class Ears:
    """What a device hears, as it comes."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.news: asyncio.Queue[HeardSignal | CallEpoch] = asyncio.Queue()

    async def listen(self) -> None:
        async for one in self.calls.news():
            await self.news.put(one)

    async def wait_for(self, kind: str) -> HeardSignal:
        """The next signal of this type."""
        while True:
            one = await self.news.get()
            if isinstance(one, HeardSignal) and one.fields["t"] == kind:
                return one


@asynccontextmanager
async def listening(client: Client) -> AsyncIterator[Ears]:
    """Hears what comes until the end of the block."""
    ears = Ears(client.calls())
    task = asyncio.create_task(ears.listen())
    try:
        yield ears
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        ears.calls.close()


async def test_a_call_rings_is_answered_and_logged(server: Served, homes: Path) -> None:
    async with (
        asyncio.timeout(120),
        await register(homes, "Amal", server.url) as amal,
        await register(homes, "Boris", server.url) as boris,
    ):
        await befriend(amal, boris)
        gid = parse_b64(amal.find_chat("Boris").id)
        async with listening(amal) as here, listening(boris) as there:
            assert here.calls.send(gid, RING, ttl_s=60, wake=True)
            ring = await there.wait_for("ring")
            assert (ring.fields, ring.account, ring.device) == (RING, parse_b64(amal.account_id), 1)
            assert 0 <= ring.age_ms < 45_000
            assert there.calls.send(gid, {"v": 1, "t": "accept", "c": CALL, "kind": "audio"}, ttl_s=60)
            accept = await here.wait_for("accept")
            mine, theirs = (ears.calls.keys(gid, CALL + SECRET) for ears in (here, there))
            assert mine.base_key == theirs.base_key
            assert (len(mine.base_key), mine.members) == (BASE_BYTES, theirs.members)
            assert (mine.leaf, theirs.leaf) == (ring.leaf, accept.leaf)
            assert here.calls.token(gid) == there.calls.token(gid)
            # What is ephemeral reaches only who is there, and who rang is.
            assert there.calls.send(gid, {"v": 1, "t": "got", "c": CALL, "to": mine.leaf, "pc": 1})
            assert (await here.wait_for("got")).leaf == theirs.leaf
            here.calls.log(gid, CallLog(CALL, "audio", "answered", 3))
            await amal.sync()
        await boris.sync()
        for client in (amal, boris):
            assert [line.call for line in client.read(client.chats()[0])] == [Call("audio", "answered", 3)]
            assert client.chats()[0].unread == 0


async def test_a_ring_waits_for_who_comes_and_is_as_old_as_it_is(server: Served, homes: Path) -> None:
    async with asyncio.timeout(120), await register(homes, "Amal", server.url) as amal:
        boris = await register(homes, "Boris", server.url)
        await befriend(amal, boris)
        await boris.close()
        gid = parse_b64(amal.find_chat("Boris").id)
        async with listening(amal) as here:
            assert here.calls.send(gid, RING, ttl_s=60, wake=True)
            here.calls.log(gid, CallLog(CALL, "audio", "missed", 0))
            await amal.sync()
        async with await Client.open(homes / "Boris") as boris, listening(boris) as there:
            assert 0 <= (await there.wait_for("ring")).age_ms < 60_000
            await boris.sync()
            chat = boris.find_chat("Amal")
            assert ([line.call for line in boris.read(chat)], chat.unread) == ([Call("audio", "missed", 0)], 1)
            there.calls.keep(b"record")
        async with await Client.open(homes / "Boris") as boris:
            calls = boris.calls()
            assert calls.kept() == b"record"
            calls.keep(None)
            assert calls.kept() is None
