"""Wake-ups over a real NATS server: from gateway to gateway, over its restart, and without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from nats.aio.client import Client
from tests.nats import NatsServer, nats_server

from zajil.engine import natsbus
from zajil.engine.bus import Volatile
from zajil.engine.natsbus import FRAME_BYTES, NatsBus
from zajil.protocol.frames import Eph, KeysLow, Mack, encode_frame
from zajil.protocol.ids import GroupId, MailboxId

pytestmark = [pytest.mark.scale]
A, B = MailboxId(b"a" * 16), MailboxId(b"\x00\xff*. >" + b"b" * 10)


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with nats_server() as running:
        yield running


@asynccontextmanager
async def gateways(server: NatsServer, count: int = 2) -> AsyncIterator[list[NatsBus]]:
    made = [await NatsBus.connect(server.url) for _ in range(count)]
    try:
        yield made
    finally:
        for bus in made:
            await bus.close()


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("does not come")


async def arrives(seen: list[Volatile | None], count: int) -> None:
    await until(lambda: len(seen) == count)


async def settled(bus: NatsBus, seen: list[Volatile | None]) -> None:
    """The server knows of this listener as soon as it was called for that; forget the call."""
    await until(lambda: None in seen)
    await bus._client.flush()
    seen.clear()


async def test_who_listens_at_one_gateway_hears_of_what_is_written_at_another(server: NatsServer) -> None:
    async with gateways(server, 3) as (one, two, other):
        for mailbox_id in (A, B):
            seen: list[Volatile | None] = []
            elsewhere: list[Volatile | None] = []
            leave = one.subscribe(mailbox_id, seen.append)
            leave_other = other.subscribe(A if mailbox_id == B else B, elsewhere.append)
            await settled(one, seen)
            await settled(other, elsewhere)
            two.wake([mailbox_id])
            two.publish([mailbox_id], KeysLow(0x53, 3))
            await arrives(seen, 2)
            assert seen == [None, KeysLow(0x53, 3)]
            assert elsewhere == []
            leave()
            leave_other()
            await until(lambda: one._held == {} == other._held)
            two.wake([mailbox_id])
            await two._client.flush()
            await one._client.flush()
            assert len(seen) == 2


async def test_what_is_written_here_is_heard_here_once_and_without_the_server(server: NatsServer) -> None:
    async with gateways(server, 1) as (bus,):
        seen: list[Volatile | None] = []
        bus.subscribe(A, seen.append)
        await settled(bus, seen)
        bus.wake([A])
        assert seen == [None]
        await until(lambda: not bus._leaving)
        await bus._client.flush()
        assert seen == [None]


async def test_who_comes_and_goes_at_once_leaves_nothing_behind(server: NatsServer) -> None:
    async with gateways(server, 1) as (bus,):
        for _ in range(50):
            bus.subscribe(A, lambda _: None)()
            await asyncio.sleep(0)
        await until(lambda: not bus._changed and not bus._held)
        assert bus._client._subs == {}


async def test_a_restart_of_the_server_is_outlived_and_everybody_looks_again() -> None:
    with nats_server() as server:
        async with gateways(server) as (one, two):
            seen: list[Volatile | None] = []
            one.subscribe(A, seen.append)
            await settled(one, seen)
            server.stop()
            two.wake([A])  # kept, or lost: the next look finds it either way
            late: list[Volatile | None] = []
            one.subscribe(B, late.append)
            server.start()
            await until(lambda: seen != [] and late != [])
            await until(lambda: one._client.is_connected and two._client.is_connected)
            await settled(one, late)
            seen.clear()
            two.wake([A, B])
            await until(lambda: seen == [None] and late == [None])


async def test_what_others_send_into_the_subjects_ends_nothing(server: NatsServer) -> None:
    """Whoever reaches the NATS server may send anything."""
    stranger = Client()
    await stranger.connect(server.url)
    async with gateways(server, 1) as (bus,):
        seen: list[Volatile | None] = []
        bus.subscribe(A, seen.append)
        await settled(bus, seen)
        for payload in (b"", b"\xc1", b"\x91" * 5000, encode_frame(Mack(1)), b"x" * (FRAME_BYTES + 1)):
            await stranger.publish(f"zajil.e.{A.hex()}", payload)
        await stranger.publish(f"zajil.w.{A.hex()}", b"with something in it")
        await stranger.publish(f"zajil.other.{A.hex()}", b"")
        await stranger.publish(f"zajil.e.{A.hex()}", encode_frame(KeysLow(1, 2)))
        await until(lambda: KeysLow(1, 2) in seen)
        assert seen == [None, KeysLow(1, 2)]
    await stranger.close()


async def test_a_frame_too_large_to_pass_on_stays_here(server: NatsServer) -> None:
    async with gateways(server) as (one, two):
        seen: list[Volatile | None] = []
        one.subscribe(A, seen.append)
        await settled(one, seen)
        two.publish([A], Eph(gid=GroupId(b"g" * 16), epoch=1, ts=2, body=bytes(FRAME_BYTES)))
        two.wake([A])
        await until(lambda: seen != [])
        assert seen == [None]


async def test_where_no_server_answers_the_url_and_its_password_stay_untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(natsbus, "CONNECT_S", 0.2)
    with pytest.raises(OSError, match="no NATS server answers") as caught:
        await NatsBus.connect("nats://user:secret@127.0.0.1:1")
    assert "secret" not in str(caught.value)
