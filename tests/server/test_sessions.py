"""Sessions over real connections: cut, resumed, taken over, replaced, revoked, silent."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, delete, update
from tests.server.people import FakeGroup, Person
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.auth import login, store, tables
from zajil.engine.places import Places
from zajil.protocol import control, frames
from zajil.protocol.control import Blob
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Kind, Role
from zajil.protocol.session.server import DETACHED_S
from zajil.server.app import Server

MakeWire = Callable[[Role], Wire]


async def test_a_cut_sender_resumes_and_each_request_counts_once(http: Http, wire: MakeWire) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s:
        group = await group_of_two(http, s, one, two)
        requests = [group.send(10 + number, b"%d" % number) for number in range(12)]
        for number, request in enumerate(requests):
            await s.send(request)
            if number % 3 == 0:
                await s.cut()
                await s.open()
        answers = [await s.expect(frames.Ok) for _ in requests]
        assert s.begun == 1, "one session over all carriers"
        assert {a.rid for a in answers} == {r.rid for r in requests}  # type: ignore[attr-defined]
        assert not any(a.dup for a in answers)  # type: ignore[attr-defined]
    async with wire(Role.R) as r:
        await r.hello(two)
        arrived = [m for m in await r.messages() if m.kind is Kind.APP]
        assert len(arrived) == len({m.body for m in arrived}) == 12


async def test_a_cut_receiver_resumes_without_a_new_hello(http: Http, wire: MakeWire) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s, wire(Role.R) as r:
        group = await group_of_two(http, s, one, two)
        await r.hello(two)
        await r.messages()
        seen = []
        for number in range(6):
            await r.cut()
            await s.ask(group.send(10 + number))
            await r.open()
            message = await r.expect(frames.Msg)
            assert isinstance(message, frames.Msg)
            seen.append(message.seq)
            await r.send(frames.Mack(message.seq))
        assert seen == [2, 3, 4, 5, 6, 7]
        assert r.begun == 1


async def test_a_session_the_server_forgot_begins_anew_with_the_same_requests(
    http: Http, wire: MakeWire, server: Server
) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s:
        group = await group_of_two(http, s, one, two)
        request = group.send(10)
        first = await s.ask(request)
        await s.cut()
        server.gateway.sweep(server.gateway.now() + DETACHED_S + 1)
        await s.open()
        while s.begun < 2:
            await s.pump()
        again = await s.ask(request)
        assert isinstance(first, frames.Ok)
        assert isinstance(again, frames.Ok)
        assert again.dup
        assert again.ts == first.ts


async def test_a_newer_carrier_takes_the_session_over(http: Http, wire: MakeWire) -> None:
    auth = await http.register(Person())
    async with wire(Role.R) as r:
        await r.hello(auth)
        await r.messages()
        older = r.leave_carrier_open()
        await r.open()
        while await older.receive() is not None:
            pass
        await older.cut()
        assert (await r.hello(auth)).head == 0


async def test_a_resume_of_one_role_is_worth_nothing_on_the_other(http: Http, wire: MakeWire, url: str) -> None:
    auth = await http.register(Person())
    async with wire(Role.R) as r:
        await r.hello(auth)
        await r.cut()
        r.url = url.replace("http", "ws", 1) + Role.S.path
        await r.open()
        while r.begun < 2:
            await r.pump()
        await r.send(frames.Mack(0))
        assert await r.until_end() == "protocol"


@pytest.mark.parametrize("detached", [False, True])
async def test_a_revoked_device_loses_session_token_mailbox_and_packages(
    http: Http, wire: MakeWire, detached: bool
) -> None:
    person = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    one = await http.register(person)
    two = await http.log_in(person, 2)
    package = control.KeyPackage(0x53, Blob(b"package"), 1)
    assert await http.code(control.PUT_KEY_PACKAGES, control.PutKeyPackages((package,)), auth=two) == "malformed"
    async with wire(Role.R) as keeper, wire(Role.R) as lost, wire(Role.S) as s:
        await keeper.hello(one)
        await lost.hello(two)
        group = await group_of_two(http, s, one, two)
        if detached:
            await lost.messages()
            await lost.cut()
        new = control.PutDeviceList(Blob(person.next_list(devices=[1])))
        await http.call(control.PUT_DEVICE_LIST, new, auth=one)
        if detached:
            await lost.open()
            while lost.begun < 2:
                await lost.pump()
            await lost.send(frames.Hello(two.removeprefix("Device "), 0))
            assert await lost.until_end() == "token-expired"
        else:
            assert await lost.until_end() == "device-revoked"
        assert await http.code(control.COUNT_KEY_PACKAGES, auth=two) == "token-expired"
        # Its place in the roster leads nowhere now; everybody else still gets what is sent.
        assert isinstance(await s.ask(group.send(20)), frames.Ok)
        while True:
            notice = await keeper.expect(frames.Msg)
            assert isinstance(notice, frames.Msg)
            if notice.kind is Kind.NOTICE:
                break
        assert (notice.gid, b"device-list" in notice.body) == (None, True)


async def test_a_mack_from_the_replaced_receiver_deletes_nothing(http: Http, wire: MakeWire) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s, wire(Role.R) as older, wire(Role.R) as newer:
        await group_of_two(http, s, one, two)
        await older.hello(two)
        assert len(await older.messages()) == 1
        await newer.hello(two)
        await older.send(frames.Mack(1))
        assert (await newer.hello(two)).queued == 1


async def test_nobody_may_stay_without_a_first_frame(http: Http, wire: MakeWire, server: Server) -> None:
    later = server.gateway.now() + server.settings.first_frame_s + 1
    async with wire(Role.R) as r, wire(Role.S) as s, http.client.ws_connect(r.url) as silent:
        for session in (r, s):
            while not session.session.usable:
                await session.pump()
        server.gateway.sweep(later)
        assert await r.until_end() == "protocol"
        assert await s.until_end() == "protocol"
        assert (await silent.receive(timeout=5)).type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}


async def test_a_suspension_of_which_no_word_came_ends_the_session_too(
    http: Http, wire: MakeWire, server: Server
) -> None:
    """The gateway at which it was decided was killed right after it."""
    person, another = Person(), Person()
    auths = await http.register(person), await http.register(another)
    async with wire(Role.R) as r, wire(Role.R) as kept:
        await r.hello(auths[0])
        await kept.hello(auths[1])
        server._db.write_sync(lambda db: login.suspend(db, person.account_id, until=0, statement=b""))
        server.gateway.sweep(server.gateway.now() + server.settings.reread_s + 1)
        assert await r.until_end() == "token-expired"
        assert (await kept.hello(auths[1])).head == 0


async def test_what_a_standby_that_took_over_never_had_sends_to_the_login_and_locks_nobody(
    http: Http, wire: MakeWire, server: Server
) -> None:
    """Sessions outlive the change of servers: here of an account, and of a mailbox, that were made right before it.

    One device came back by its lists already, which gives it another mailbox.
    """
    lost, back, half = Person(), Person(), Person()
    auths = [await http.register(each) for each in (lost, back, half)]
    async with wire(Role.R) as r, wire(Role.R) as returned, wire(Role.R) as other:
        for each, auth in zip((r, returned, other), auths, strict=True):
            await each.hello(auth)

        def forget(db: Connection) -> None:
            for table in (tables.session_token, tables.device, tables.device_list):
                db.execute(delete(table).where(table.c.account_id == lost.account_id))
            db.execute(delete(tables.account).where(tables.account.c.id == lost.account_id))
            its = tables.device.c.account_id == back.account_id
            db.execute(update(tables.device).where(its).values(mailbox_id=bytes(16)))

        server._db.write_sync(forget)
        server.gateway.sweep(server.gateway.now() + server.settings.reread_s + 1)
        assert [await each.until_end() for each in (r, returned)] == ["token-expired"] * 2
        (device,) = server._db.read_sync(lambda db: store.devices_of(db, half.account_id))
        await server._engine.drop_mailbox(device.mailbox_id)
        await other.send(frames.Hello(auths[2].removeprefix("Device "), 0))
        assert await other.until_end() == "token-expired"


async def test_an_idle_sender_is_closed_and_a_silent_peer_dropped(http: Http, wire: MakeWire, server: Server) -> None:
    auth = await http.register(Person())
    async with wire(Role.R) as r, wire(Role.S) as s:
        await r.hello(auth)
        await s.ask(FakeGroup().send(1))
        server.gateway.sweep(server.gateway.now() + server.settings.sender_idle_s + 1)
        assert await s.until_end() == "restarting"
        server.gateway.sweep(server.gateway.now() + server.settings.dead_after_s + 1)
        assert await r.until_end() == "cut"
        await r.open()
        assert (await r.hello(auth)).head == 0
        assert r.begun == 1


async def test_too_many_connections_are_told_busy_before_the_upgrade(
    http: Http, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.gateway, "_places", Places(1))
    async with http.client.ws_connect(http.url + Role.S.path):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await http.client.ws_connect(http.url + Role.S.path)
        assert caught.value.status == 503
        assert caught.value.headers is not None
        assert int(caught.value.headers["retry-after"]) >= 1


async def test_more_sessions_than_there_is_room_for_shut_nobody_out(
    http: Http, wire: MakeWire, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opens and cuts sessions all the time leaves detached ones: they go, instead of everybody else."""
    monkeypatch.setattr(server.gateway, "_sessions_max", 3)
    first = wire(Role.S)
    for session in (first, wire(Role.S), wire(Role.S), wire(Role.S)):
        await session.open()
        assert isinstance(await session.ask(FakeGroup().send(1)), frames.Err)
        await session.cut()
    await first.open()
    while first.begun < 2:  # forgotten, so it begins anew
        await first.pump()
    assert isinstance(await first.ask(FakeGroup().send(2)), frames.Err)
    await first.cut()


def test_one_prefix_cannot_take_every_place() -> None:
    places = Places(80)
    for _ in range(40):
        places.take(b"greedy", retry_ms=1)
    with pytest.raises(ZajilError, match="busy"):
        places.take(b"greedy", retry_ms=1)
    for number in range(40):
        places.take(bytes([number]), retry_ms=1)
    with pytest.raises(ZajilError, match="busy"):
        places.take(b"late", retry_ms=1)
    places.leave(b"greedy")
    places.take(b"late", retry_ms=1)
    for _ in range(39):
        places.leave(b"greedy")
    places.take(b"greedy", retry_ms=1)


def test_places_taken_together_are_refused_together() -> None:
    places = Places(80)
    places.take(b"greedy", retry_ms=1, places=40)
    with pytest.raises(ZajilError, match="busy"):
        places.take(b"greedy", retry_ms=1)
    with pytest.raises(ZajilError, match="busy"):
        places.take(b"late", retry_ms=1, places=41)
    with pytest.raises(ZajilError, match="busy"):
        places.take(b"other", retry_ms=1, places=11)
    places.take(b"other", retry_ms=1, places=10)
    places.leave(b"greedy", places=40)
    places.take(b"greedy", retry_ms=1, places=30)
