"""Sealed carriers against whoever stands between: what is cut, replayed, forged or too much ends the carrier alone."""

from __future__ import annotations

import asyncio
import os

import aiohttp
import pytest
from tests.server.carriers import PostPlug, SealedDial, SealedPlug, SocketPlug, until
from tests.server.serving import BRIDGE, ORIGIN, ROOTS, TOKEN, Queue, send_of, serving
from tests.server.wire import PATIENCE_S, Wire

from zajil.engine.limits import Limits
from zajil.protocol import frames
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.reach.seal import (
    ACCEPT_BYTES,
    NEW_BYTES,
    RESUMED,
    ROOT_RECORD,
    UNKNOWN,
    Channel,
    ClientSeal,
    ServerSeals,
    SessionKey,
)
from zajil.protocol.session.wire import Open, encode_record
from zajil.server.gateway.lines import SealDoor
from zajil.server.http.calls import Peer
from zajil.server.shell.aiohttp_shell import AiohttpShell
from zajil.server.shell.base import SEALED_PATH

KEY = SessionKey(ORIGIN.kid, ORIGIN.public)


def new_seal(channel: Channel = Channel.S) -> ClientSeal:
    return ClientSeal(channel, KEY, now_ms=1000, random=os.urandom)


async def answer_of(client: aiohttp.ClientSession, url: str, *records: bytes) -> list[bytes]:
    """Everything that comes back to these records, until the server closes."""
    plug = await SocketPlug.dial(client, url + SEALED_PATH)
    for record in records:
        await plug.send(record)
    found = []
    while (back := await asyncio.wait_for(plug.receive(), PATIENCE_S)) is not None:
        found.append(back)
    await plug.cut()
    return found


async def open_sealed(client: aiohttp.ClientSession, url: str, seal: ClientSeal) -> SealedPlug:
    """The first carrier of a seal."""
    plug = await SocketPlug.dial(client, url + SEALED_PATH)
    await plug.send(seal.new_record)
    accept = await plug.receive()
    assert accept is not None
    seal.take_accept(accept, now_ms=1000)
    return SealedPlug(plug, seal.first())


async def test_no_cut_of_a_preamble_is_taken(make: type[AiohttpShell], client: aiohttp.ClientSession) -> None:
    new, resume = new_seal().new_record, b"\x01\x02" + bytes(20)
    cuts = [new[:size] for size in (0, 1, 2, 3, 18, 19, 23, 24, 1000, NEW_BYTES - 1)] + [
        new + b"\0",
        b"\x01\x04",
        b"\x02",
    ]
    cuts += [resume[:size] for size in range(2, len(resume))] + [resume + b"\0", ROOT_RECORD + b"\0", b"\x01"]
    async with serving(make, Queue()) as (url, gateway):
        for cut in cuts:
            assert await answer_of(client, url, cut) == [], cut[:4]
        assert gateway.count(Role.S) == gateway.count(Role.R) == 0


async def test_every_record_that_is_cut_or_changed_ends_the_carrier_and_leaves_the_session(
    make: type[AiohttpShell],
    client: aiohttp.ClientSession,
) -> None:
    queue = Queue()
    async with serving(make, queue) as (url, _):
        dial = SealedDial(Channel.S, KEY, lambda: SocketPlug.dial(client, url + SEALED_PATH))
        async with Wire(url, Role.S, client, dial=dial) as s:
            assert isinstance(await s.ask(send_of(0, b"x")), frames.Ok)
            for rid in range(1, 8):
                plug = s.leave_carrier_open()
                assert isinstance(plug, SealedPlug)
                good = plug.codec.seal(encode_record(Open(1, None, 0, 65536)))
                bad = (good[:-1], good[1:], b"", bytes(272), good[:-1] + bytes([good[-1] ^ 1]), good + b"\0", good * 2)
                await plug.inner.send(bad[rid - 1])
                while await asyncio.wait_for(plug.inner.receive(), PATIENCE_S) is not None:
                    pass
                await plug.cut()
                s.session.lost(s._carrier)
                await s.open()
                assert isinstance(await s.ask(send_of(rid, b"x")), frames.Ok)
            assert s.begun == 1
            assert dial.made == 1


async def test_a_new_that_comes_again_is_refused_and_disturbs_nobody(
    make: type[AiohttpShell], client: aiohttp.ClientSession
) -> None:
    async with serving(make, Queue()) as (url, gateway):
        seal = new_seal()
        plug = await open_sealed(client, url, seal)
        assert await answer_of(client, url, seal.new_record) == []
        await plug.send(encode_record(Open(1, None, 0, 65536)))
        assert await asyncio.wait_for(plug.receive(), PATIENCE_S)
        assert gateway.count(Role.S) == 1
        await plug.cut()


async def test_a_foreign_or_repeated_resume_touches_no_session(
    make: type[AiohttpShell], client: aiohttp.ClientSession
) -> None:
    """Whoever saw a sid on its way can neither speak under it nor shut its owner out."""
    queue = Queue()
    async with serving(make, queue) as (url, gateway):
        dial = SealedDial(Channel.S, KEY, lambda: SocketPlug.dial(client, url + SEALED_PATH))
        async with Wire(url, Role.S, client, dial=dial) as s:
            assert isinstance(await s.ask(send_of(0, b"x")), frames.Ok)
            assert dial.seal is not None
            for c in (1, 2, 3, 60):
                resume = b"\x01\x02" + dial.seal.sid + c.to_bytes(4, "big")
                plugs = [await SocketPlug.dial(client, url + SEALED_PATH) for _ in range(5)]
                for plug in plugs:
                    await plug.send(resume)
                    assert await plug.receive() == RESUMED
                    await plug.send(os.urandom(272))
                    assert await asyncio.wait_for(plug.receive(), PATIENCE_S) is None
                    await plug.cut()
            assert gateway.count(Role.S) == 1
            used = b"\x01\x02" + dial.seal.sid + bytes(4)
            assert await answer_of(client, url, used) == []
            await s.cut()
            await s.open()
            assert isinstance(await s.ask(send_of(1, b"x")), frames.Ok)
            assert (s.begun, dial.made) == (1, 1)


async def test_a_seal_that_is_gone_is_made_anew_on_the_same_carrier(
    make: type[AiohttpShell], client: aiohttp.ClientSession
) -> None:
    async with serving(make, Queue()) as (url, _):
        plug = await SocketPlug.dial(client, url + SEALED_PATH)
        await plug.send(b"\x01\x02" + os.urandom(20))
        assert await plug.receive() == UNKNOWN
        await plug.send(new_seal().new_record)
        accept = await plug.receive()
        assert accept is not None
        assert len(accept) == ACCEPT_BYTES
        await plug.cut()
        assert await answer_of(client, url, *[b"\x01\x02" + os.urandom(20)] * 3) == [UNKNOWN]


async def test_roots_are_told_and_the_carrier_closed(make: type[AiohttpShell], client: aiohttp.ClientSession) -> None:
    async with serving(make, Queue()) as (url, gateway):
        assert await answer_of(client, url, ROOT_RECORD) == [ROOTS]
        plug = PostPlug(client, url + SEALED_PATH)
        await plug.send(ROOT_RECORD)
        assert await asyncio.wait_for(plug.receive(), PATIENCE_S) == ROOTS
        assert await asyncio.wait_for(plug.receive(), PATIENCE_S) is None
        assert gateway.count(Role.S) == 0
        await plug.cut()


async def test_the_channel_of_calls_is_refused(make: type[AiohttpShell], client: aiohttp.ClientSession) -> None:
    async with serving(make, Queue()) as (url, _):
        assert await answer_of(client, url, new_seal(Channel.MEDIA).new_record) == []


@pytest.mark.parametrize(("channel", "role"), [(Channel.R, Role.R), (Channel.S, Role.S)])
async def test_the_channel_fixes_the_role(
    make: type[AiohttpShell], client: aiohttp.ClientSession, channel: Channel, role: Role
) -> None:
    other = Role.S if role is Role.R else Role.R
    async with serving(make, Queue()) as (url, gateway):
        dial = SealedDial(channel, KEY, lambda: SocketPlug.dial(client, url + SEALED_PATH))
        async with Wire(url, other, client, dial=dial) as wire:
            await wire.send(send_of(1, b"x") if other is Role.S else frames.Hello(TOKEN.removeprefix("Device "), 0))
            while wire._ended is None:
                await wire.pump()
            assert wire._ended == "protocol"
        await until(lambda: gateway.count(role) == gateway.count(other) == 0)


def test_ten_thousand_first_records_of_garbage_make_no_seal_and_use_up_nothing() -> None:
    seals = ServerSeals([ORIGIN], random=os.urandom)
    door = SealDoor(seals, limits=Limits(), clock=lambda: 1.0, roots=lambda: ROOTS)
    heads = (b"\x01\x01", b"\x01\x02", b"\x01\x03", b"\x01", b"")
    for number in range(10_000):
        with pytest.raises(ZajilError):
            door.accept(heads[number % 5] + os.urandom(number % 2414 + 1 if number % 5 != 1 else 23), Peer(b"prefix"))
    assert len(seals) == 0
    assert isinstance(door.accept(new_seal().new_record, Peer(b"prefix")).answer, bytes)  # type: ignore[union-attr]


def test_new_seals_are_counted_before_any_cryptography() -> None:
    """Even one that would not open: 10 a minute for an address, 300 at once and 20 a second for a bridge."""
    seals = ServerSeals([ORIGIN], random=os.urandom)
    now = 1000.0
    door = SealDoor(seals, limits=Limits(), clock=lambda: now, roots=lambda: ROOTS)
    forged = b"\x01\x01\x02" + bytes(NEW_BYTES - 3)

    def codes(peer: Peer, n: int) -> list[str]:
        found = []
        for _ in range(n):
            with pytest.raises(ZajilError) as caught:
                door.accept(forged, peer)
            found.append(caught.value.code)
        return found

    assert codes(Peer(b"one"), 12) == ["protocol"] * 10 + ["slow-down"] * 2
    assert codes(Peer(b"two"), 1) == ["protocol"]
    behind = Peer(b"one", b"bridge-1")
    assert codes(behind, 302) == ["protocol"] * 300 + ["slow-down"] * 2
    now += 1.0
    assert codes(behind, 21) == ["protocol"] * 20 + ["slow-down"]
    assert codes(Peer(b"one", b"bridge-2"), 1) == ["protocol"]
    assert codes(Peer(b"three"), 1) == ["protocol"]


async def test_who_says_nothing_is_dropped_and_gives_its_place_back(
    make: type[AiohttpShell], client: aiohttp.ClientSession
) -> None:
    async with serving(make, Queue()) as (url, gateway):
        silent = await SocketPlug.dial(client, url + SEALED_PATH)
        begun = await SocketPlug.dial(client, url + SEALED_PATH)
        await begun.send(new_seal().new_record)
        assert await begun.receive() is not None
        gateway.sweep(gateway.now() + 11)
        assert await asyncio.wait_for(silent.receive(), PATIENCE_S) is None
        assert await asyncio.wait_for(begun.receive(), PATIENCE_S) is None
        await silent.cut()
        await begun.cut()
        await until(lambda: gateway._places._total == 0)


async def test_a_flood_of_records_is_charged_before_and_behind_the_seal(
    make: type[AiohttpShell], client: aiohttp.ClientSession
) -> None:
    async with serving(make, Queue(), inbound_bytes=9_000) as (url, _):
        assert await answer_of(client, url, *[b"\x01\x02" + os.urandom(20), bytes(60_000)]) == [UNKNOWN]
        plug = await open_sealed(client, url, new_seal())
        for _ in range(40):
            await plug.send(encode_record(Open(1, None, 0, 65536)))
        while await asyncio.wait_for(plug.inner.receive(), PATIENCE_S) is not None:
            pass
        await plug.cut()


async def test_a_bridge_shows_its_credential_on_the_sealed_path_alone(
    make: type[AiohttpShell], client: aiohttp.ClientSession
) -> None:
    async with serving(make, Queue()) as (url, _):
        good = {"authorization": f"Bridge {BRIDGE}"}
        plug = await SocketPlug.dial(client, url + SEALED_PATH, headers=good)
        await plug.send(ROOT_RECORD)
        assert await plug.receive() == ROOTS
        await plug.cut()
        for path, headers, status in (
            (SEALED_PATH, {"authorization": "Bridge wrong"}, 401),
            (SEALED_PATH, {"authorization": TOKEN}, 400),
            (SEALED_PATH, {"authorization": BRIDGE}, 400),
            (Role.R.path, good, 400),
            (Role.S.path, good, 400),
        ):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await SocketPlug.dial(client, url + path, headers=headers)
            assert caught.value.status == status
            assert (await PostPlug(client, url + path, headers=headers).post())[0] == status
        # A carrier of POSTs stays with the bridge it came through.
        sealed = PostPlug(client, url + SEALED_PATH, headers=good)
        await sealed.post(ROOT_RECORD)
        other = PostPlug(client, url + SEALED_PATH)
        other.name, other.seq = sealed.name, 1
        assert (await other.post())[0] == 400


def test_the_sealed_bytes_tell_an_observer_neither_token_nor_text(client: aiohttp.ClientSession) -> None:
    """What a bridge sees of a whole HELLO: sizes alone."""
    seal = new_seal(Channel.R)
    seals = ServerSeals([ORIGIN], random=os.urandom)
    made = seals.accept(seal.new_record, now_ms=1000)
    seal.take_accept(made.answer, now_ms=1000)  # type: ignore[union-attr]
    hello = frames.encode_frame(frames.Hello(TOKEN.removeprefix("Device "), 0))
    from zajil.protocol.session.wire import Data

    record = seal.first().seal(encode_record(Data(1, 0, False, hello)))
    assert len(record) == 256 + 16
    assert b"AAAAAAAA" not in record
