"""Control calls over sessions that never say HELLO: whose session it is, and that nothing ever mixes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.server.carriers import until
from tests.server.people import FakeGroup, Person
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.protocol import control, frames
from zajil.protocol.control import Route, encode_json
from zajil.protocol.frames import Role
from zajil.protocol.ids import encode_b64
from zajil.protocol.limits import HTTP_BODY_BYTES
from zajil.server.app import Server
from zajil.server.gateway.sender import INFLIGHT_MAX

MakeWire = Callable[[Role], Wire]
FORGED = "Device " + encode_b64(bytes(32))


async def ask(
    session: Wire, rid: int, route: Route, auth: str | None, body: msgspec.Struct | None = None
) -> tuple[int, bytes]:
    """Status and body of a call over this session."""
    headers = {"authorization": auth} if auth else {}
    await session.send(frames.HttpReq(rid, route.method, route.url(), headers, encode_json(body) if body else b""))
    answer = await session.expect(frames.HttpRes)
    assert isinstance(answer, frames.HttpRes)
    assert answer.rid == rid
    return answer.status, answer.body


async def code(session: Wire, rid: int, route: Route, auth: str | None) -> str:
    status, body = await ask(session, rid, route, auth)
    return "ok" if status == 200 else str(msgspec.json.decode(body)["code"])


async def test_a_session_of_calls_alone_needs_no_hello_and_replaces_no_receiver(http: Http, wire: MakeWire) -> None:
    auth = await http.register(Person())
    async with wire(Role.R) as receiver, wire(Role.R) as caller:
        await receiver.hello(auth)
        await receiver.messages()
        for rid in range(3):
            assert await code(caller, rid, control.COUNT_KEY_PACKAGES, auth) == "ok"
        assert (await receiver.hello(auth)).head == 0, "still the device's newest receiver"


async def test_the_first_token_says_whose_session_it_is(http: Http, wire: MakeWire) -> None:
    person = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    one, sibling, other = await http.register(person), await http.log_in(person, 2), await http.register(Person())
    async with wire(Role.R) as r:
        assert await code(r, 1, control.COUNT_KEY_PACKAGES, FORGED) == "token-expired"
        assert await code(r, 2, control.COUNT_KEY_PACKAGES, None) == "token-expired"
        assert await code(r, 3, control.CONFIG, None) == "mixed-auth"
        assert await code(r, 4, control.COUNT_KEY_PACKAGES, one) == "ok"
        assert await code(r, 5, control.COUNT_KEY_PACKAGES, other) == "mixed-auth"
        assert await code(r, 6, control.COUNT_KEY_PACKAGES, sibling) == "mixed-auth"
        assert await code(r, 7, control.COUNT_KEY_PACKAGES, await http.log_in(person, 1)) == "ok"
        await r.send(frames.Hello(other.removeprefix("Device "), 0))
        assert await r.until_end() == "protocol"
    async with wire(Role.R) as r:
        assert await code(r, 1, control.COUNT_KEY_PACKAGES, one) == "ok"
        assert (await r.hello(one)).head == 0
        await r.messages()
        assert await code(r, 2, control.COUNT_KEY_PACKAGES, one) == "ok"
        assert await code(r, 3, control.COUNT_KEY_PACKAGES, other) == "mixed-auth"


async def test_of_two_devices_that_call_at_once_one_is_served(http: Http, wire: MakeWire) -> None:
    tokens = [await http.register(Person()) for _ in range(2)]
    for _ in range(10):
        async with wire(Role.R) as r:
            for rid in range(8):
                headers = {"authorization": tokens[rid % 2]}
                r.session.send(
                    frames.encode_frame(frames.HttpReq(rid, "GET", control.COUNT_KEY_PACKAGES.url(), headers, b""))
                )
            await r.flush()
            served = set()
            for _ in range(8):
                answer = await r.expect(frames.HttpRes)
                assert isinstance(answer, frames.HttpRes)
                if answer.status == 200:
                    served.add(answer.rid % 2)
                else:
                    assert msgspec.json.decode(answer.body)["code"] == "mixed-auth"
            assert len(served) == 1


async def test_a_session_of_nobody_never_carries_a_device(http: Http, wire: MakeWire) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s, wire(Role.S) as caller:
        assert await code(caller, 1, control.COUNT_KEY_PACKAGES, one) == "mixed-auth"
        assert await code(caller, 2, control.TAKE_PASSES, one) == "mixed-auth"
        assert await code(caller, 3, control.CONFIG, None) == "ok"
        group = await group_of_two(http, s, one, two)
        assert isinstance(await caller.ask(group.send(9)), frames.Ok)


async def test_a_caller_is_no_receiver(http: Http, wire: MakeWire) -> None:
    """Calls alone open no mailbox: MACK is out of place, and nothing that waits is pushed."""
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s, wire(Role.R) as caller:
        assert await code(caller, 1, control.COUNT_KEY_PACKAGES, two) == "ok"
        group = await group_of_two(http, s, one, two)
        assert isinstance(await s.ask(group.send(9)), frames.Ok)
        assert await code(caller, 2, control.COUNT_KEY_PACKAGES, two) == "ok"
        assert not caller.arrived
        await caller.send(frames.Mack(0))
        assert await caller.until_end() == "protocol"
    async with wire(Role.R) as r:
        await r.hello(two)
        assert len(await r.messages()) == 2


async def test_a_caller_without_calls_is_closed(http: Http, wire: MakeWire, server: Server) -> None:
    auth = await http.register(Person())
    async with wire(Role.R) as r, wire(Role.R) as half:
        assert await code(r, 1, control.COUNT_KEY_PACKAGES, auth) == "ok"
        assert await code(half, 1, control.COUNT_KEY_PACKAGES, auth) == "ok"
        await half.send(frames.HttpReq(2, "POST", control.TAKE_REFS.url(), {"authorization": auth}, b"{", more=True))
        server.gateway.sweep(server.gateway.now() + server.settings.first_frame_s + 1)
        assert await code(r, 2, control.COUNT_KEY_PACKAGES, auth) == "ok"
        server.gateway.sweep(server.gateway.now() + server.settings.sender_idle_s + 1)
        assert await r.until_end() == "restarting"
        assert await half.until_end() == "restarting"


async def test_a_revoked_device_calls_no_more(http: Http, wire: MakeWire) -> None:
    person = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    one = await http.register(person)
    two = await http.log_in(person, 2)
    async with wire(Role.R) as r:
        assert await code(r, 1, control.COUNT_KEY_PACKAGES, two) == "ok"
        new = control.PutDeviceList(control.Blob(person.next_list(devices=[1])))
        await http.call(control.PUT_DEVICE_LIST, new, auth=one)
        assert await code(r, 2, control.COUNT_KEY_PACKAGES, two) == "token-expired"


async def test_a_body_over_256_kib_and_halves_without_end_close_the_caller(
    http: Http, wire: MakeWire, server: Server
) -> None:
    auth = await http.register(Person())
    headers = {"authorization": auth}
    async with wire(Role.R) as r:
        for size in (HTTP_BODY_BYTES, 1):
            await r.send(frames.HttpReq(1, "PUT", control.PUT_KEY_PACKAGES.url(), headers, bytes(size), more=True))
        assert await r.until_end() == "too-big"
    async with wire(Role.R) as r:
        for rid in range(INFLIGHT_MAX * 4 + 1):
            await r.send(frames.HttpReq(rid, "POST", control.TAKE_REFS.url(), {}, b"x", more=True))
        (crowded,) = server.gateway._connections
        await until(lambda: crowded.crowded)
        server.gateway.sweep(server.gateway.now() + server.settings.sender_idle_s + 1)
        assert await r.until_end() == "restarting"


@pytest.mark.parametrize("role", list(Role))
async def test_headers_off_the_list_end_the_session(http: Http, wire: MakeWire, role: Role) -> None:
    async with wire(role) as session:
        await session.send(frames.HttpReq(1, "GET", control.CONFIG.url(), {"cookie": "x"}, b""))
        assert await session.until_end() == "protocol"


async def test_documents_come_over_a_session_with_their_tag(http: Http, wire: MakeWire) -> None:
    async with wire(Role.S) as s:
        await s.send(frames.HttpReq(1, "GET", control.REACH_DOCS.url() + "?root=0", {}, b""))
        first = await s.expect(frames.HttpRes)
        assert isinstance(first, frames.HttpRes)
        tag = {"if-none-match": first.headers["etag"]}
        await s.send(frames.HttpReq(2, "GET", control.REACH_DOCS.url() + "?root=0", tag, b""))
        second = await s.expect(frames.HttpRes)
        assert isinstance(second, frames.HttpRes)
        assert (first.status, second.status, second.body) == (200, 304, b"")
        assert isinstance(await s.ask(FakeGroup().send(3)), frames.Err)
