"""Hostile bytes: every route and every frame with what it does not take. Each answer is a stable code of the table."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import engines
from tests.server.people import FakeGroup, Person
from tests.server.test_access import body_for, make_world, open_bridge, parameters_for
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.engine.keys import Keys
from zajil.protocol import control, frames
from zajil.protocol.control import Auth, Blob, Route, encode_json, parse_json
from zajil.protocol.errors import CODES, ZajilError, error
from zajil.protocol.frames import Role
from zajil.protocol.identity.objects import Kind, Login, sign_object
from zajil.protocol.ids import DeviceId, GroupId, encode_b64
from zajil.protocol.records import pad
from zajil.server.app import Server
from zajil.server.http.calls import HttpAnswer
from zajil.server.http.idempotency import AnswerBook

MakeWire = Callable[[Role], Wire]
TABLE = {code for code, row in CODES.items() if row.status}


# Of these a route reads the call before it asks whether they are worth anything.
UNGIVEN = {Auth.UPLOAD: "Upload " + encode_b64(bytes(32))}


@pytest.mark.parametrize("route", [control.PUT_ATTACHMENT, control.PUT_KEY_PACKAGES, control.MAKE_REPORT])
@pytest.mark.parametrize("token", ["Upload", "Device", "Upload short", "Device short", ""])
async def test_who_may_not_call_is_refused_before_a_large_body_came(server: Server, route: Route, token: str) -> None:
    """The head alone is sent, and the answer is there: nobody without a token fills memory with bodies."""
    if " " not in token and token:
        token += " " + encode_b64(os.urandom(32))
    path = route.url(**({"id": encode_b64(bytes(16))} if "{id}" in route.path else {}))
    query = "?offset=0" if route is control.PUT_ATTACHMENT else ""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = f"{route.method} {path}{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {route.limit}\r\n"
    writer.write((head + (f"Authorization: {token}\r\n" if token else "") + "\r\n").encode())
    status = await asyncio.wait_for(reader.readline(), 3)
    assert status.split()[1] in {b"400", b"401", b"403", b"404", b"410"}, status
    writer.close()


async def test_every_route_refuses_bodies_of_another_size_or_shape(http: Http, server: Server, tmp_path: Path) -> None:
    world = await make_world(http)
    bridge, opener = await open_bridge(http, tmp_path / "data")
    tokens = {Auth.DEVICE: world.own, Auth.BRIDGE: bridge, Auth.TOKEN: opener, **UNGIVEN}

    async def code(route: Route, body: bytes, content: str = "application/json") -> str:
        token = next((tokens[kind] for kind in route.auth if kind in tokens), None)
        headers = {"authorization": token} if token else {}
        url = route.url(**parameters_for(route, world))
        status, answer, found = await http.raw(
            route.method, url, body=body, headers={**headers, "content-type": content}
        )
        assert status != 200, route.path
        problem = msgspec.json.decode(answer, type=control.Problem)
        assert found["content-type"] == control.PROBLEM_TYPE
        assert problem.type == f"urn:zajil:error:{problem.code}"
        assert problem.status == status == CODES[problem.code].status
        return problem.code

    for route in control.ROUTES:
        if route is control.DROP_TOKEN:
            continue
        if route.limit:
            assert await code(route, bytes(route.limit + 1)) == "too-big", route.path
        else:
            assert await code(route, b"x") == "malformed", route.path
        if not (isinstance(route.request, type) and issubclass(route.request, msgspec.Struct)):
            continue
        good = body_for(route, world)
        assert isinstance(good, msgspec.Struct)
        fields = msgspec.json.decode(encode_json(good))
        for bad in (b"", b"[]", b"null", b"{", b"\xff", b"[" * 10_000, msgspec.json.encode({**fields, "spare": 1})):
            assert await code(route, bad) == "malformed", (route.path, bad[:20])
        for name in fields:
            missing = {key: value for key, value in fields.items() if key != name}
            if name in {field.name for field in msgspec.structs.fields(route.request) if field.required}:
                assert await code(route, msgspec.json.encode(missing)) == "malformed", (route.path, name)
            wrongs: tuple[object, ...] = (None, True, {"a": 1}, -1, 1 << 70, "!", "A", [[]])
            for wrong in wrongs:
                if wrong == fields[name] or (name == "devices" and wrong is None):
                    continue
                if (name == "note" and isinstance(wrong, str)) or (name == "complaint" and wrong is True):
                    continue  # free text, and a flag: these are right
                got = await code(route, msgspec.json.encode({**fields, name: wrong}))
                assert got == "malformed", (route.path, name, wrong)


async def test_parameters_of_another_size_are_refused(http: Http) -> None:
    world = await make_world(http)
    for route in control.ROUTES:
        for name in parameters_for(route, world):
            for bad in ("A", "A" * 1000, "=" * 22, "%00" * 16):
                parameters = {**parameters_for(route, world), name: bad}
                auth = next(
                    (text for kind, text in {Auth.DEVICE: world.own, **UNGIVEN}.items() if kind in route.auth), None
                )
                assert await http.code(route, body_for(route, world), auth=auth, **parameters) == "malformed", (
                    route.path
                )
    for first in ("-1", "x", "1e3", "", "9" * 30):
        got = await http.code(
            control.DEVICE_LISTS, auth=world.own, query=f"?from={first}", **parameters_for(control.DEVICE_LISTS, world)
        )
        assert got == "malformed"


async def test_unknown_routes_and_methods_are_named_so(http: Http) -> None:
    for method, path in [
        ("GET", "/v1"),
        ("GET", "/v1/"),
        ("POST", "/v1/health"),
        ("PATCH", "/v1/accounts"),
        ("GET", "/v1/x"),
        ("GET", "/v1//health"),
    ]:
        status, body, _ = await http.raw(method, path)
        assert status == 404
        assert msgspec.json.decode(body)["code"] == "no-such-route"


async def test_a_header_that_is_no_token_is_refused(http: Http) -> None:
    for value, code in [
        ("Bearer abc", "wrong-space"),
        ("Basic abc", "mixed-auth"),
        ("Device", "malformed"),
        ("Device abc", "malformed"),
        ("Device " + "A" * 5000, "malformed"),
        ("Contact " + encode_b64(os.urandom(32)), "mixed-auth"),
        ("device " + encode_b64(os.urandom(32)), "mixed-auth"),
    ]:
        assert await http.code(control.COUNT_KEY_PACKAGES, auth=value) == code


async def test_an_idempotency_key_answers_again_and_refuses_other_content(http: Http) -> None:
    person = Person()
    auth = await http.register(person)
    ask = control.TakeRefs(2)
    first = await http.call(control.TAKE_REFS, ask, auth=auth, key="k1")
    assert await http.call(control.TAKE_REFS, ask, auth=auth, key="k1") == first
    assert await http.call(control.TAKE_REFS, ask, auth=auth, key="k2") != first
    assert await http.code(control.TAKE_REFS, control.TakeRefs(3), auth=auth, key="k1") == "idem-conflict"
    other = await http.register(Person())
    assert await http.call(control.TAKE_REFS, ask, auth=other, key="k1") != first
    assert await http.code(control.TAKE_REFS, ask, auth=auth, key="k" * 129) == "malformed"


async def test_a_call_with_another_query_is_no_copy(http: Http) -> None:
    person = Person()
    await http.register(person)
    challenge = control.Challenge(control.B16(person.account_id), 0)
    nonce = parse_json(await http.call(control.CHALLENGE, challenge), control.ChallengeAnswer).nonce
    claim = Login(person.server_name, bytes(nonce), person.account_id, DeviceId(0))
    ask = control.Login(Blob(sign_object(Kind.LOGIN, claim.encode(), person.seed)))
    first = await http.call(control.LISTS_BY_KEY, ask, key="k", query="?from=1")
    assert parse_json(first, control.DeviceLists).lists == (person.lists[0],)
    assert await http.call(control.LISTS_BY_KEY, ask, key="k", query="?from=1") == first
    for query in ("?from=2", "", "?from=01"):
        assert await http.code(control.LISTS_BY_KEY, ask, key="k", query=query) == "idem-conflict"


async def test_what_was_carried_out_is_told_so_though_its_answer_cannot_be_kept(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer() -> HttpAnswer:
        return HttpAnswer(200, {}, b"one")

    def lose(*_which: object, **_rest: object) -> NoReturn:
        raise error("busy")

    book, names = AnswerBook(server._db, Keys.create(), server._clock), (b"path", b"caller", b"key")
    with monkeypatch.context() as outage:
        outage.setattr(book, "_insert", lose)
        assert (await book.once(names, b"body", answer, may_claim=bool)).body == b"one"
    assert (await book.once(names, b"body", answer, may_claim=bool)).body == b"one"
    with pytest.raises(ZajilError, match="idem-conflict"):
        await book.once(names, b"other", answer, may_claim=bool)


async def test_calls_that_are_free_to_repeat_leave_no_rows_behind(http: Http, server: Server, tmp_path: Path) -> None:
    """Anybody may ask for challenges, and a contact token repeats its claim for ever: neither may fill the disk."""
    world = await make_world(http)
    claim = control.ClaimKeyPackages(control.B16(world.one.account_id), (0x53,), control.B16(bytes(16)))
    answers = {
        await http.call(control.CLAIM_KEY_PACKAGES, claim, auth=world.contact, key=str(number)) for number in range(20)
    }
    assert len(answers) == 1
    for number in range(20):
        await http.call(
            control.CHALLENGE, control.Challenge(control.B16(world.one.account_id), 1), key=f"challenge {number}"
        )
    with engines.beside(tmp_path / "data") as kept:
        assert kept.ask("SELECT COUNT(*) FROM http_idem", ()) == [(0,)]
        assert kept.ask("SELECT COUNT(*) FROM claim", ()) == [(1,)]


async def test_header_bytes_that_are_no_text_are_refused_and_not_an_error_of_ours(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    for head in (
        b"POST /v1/mailbox/refs HTTP/1.1\r\nidempotency-key: \xff\xfe\r\n",
        b"POST /v1/auth/challenge HTTP/1.1\r\nidempotency-key: \xff\xfe\r\n",
        b"GET /v1/config HTTP/1.1\r\nauthorization: \xff\xfe\r\n",
        b"GET /v1/config HTTP/1.1\r\norigin: \xff\xfe\r\n",
        b"GET /v1/send HTTP/1.1\r\nupgrade: \xff\r\nsec-websocket-key: \xff\r\n",
        b"POST /v1/send HTTP/1.1\r\norigin: \xff\xfe\r\n",
        b"POST /v1/sealed HTTP/1.1\r\nauthorization: Bridge \xff\xfe\r\n",
        b"POST /v1/sealed HTTP/1.1\r\nauthorization:\r\n",
        b"GET /v1/send HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: \xff\r\n",
        b"GET /v1/send HTTP/1.1\r\nupgrade: x\r\nsec-websocket-key: x\r\nsec-websocket-protocol: x\r\n",
        b"GET /v1/send HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: x\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        body = b'{"account_id":"AAAAAAAAAAAAAAAAAAAAAA","device_id":1}' if head.startswith(b"POST") else b""
        writer.write(head + b"host: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        status = (await reader.readline()).split()[1]
        assert status[:1] == b"4", head
        writer.close()
        await writer.wait_closed()
    assert not caplog.records


async def test_copies_of_one_call_at_once_get_one_answer(http: Http) -> None:
    auth = await http.register(Person())
    answers = await asyncio.gather(
        *(http.call(control.TAKE_PASSES, control.TakePasses("group", 1), auth=auth, key="same") for _ in range(8))
    )
    assert len(set(answers)) == 1


async def end_of(wire: MakeWire, role: Role, *bodies: bytes, auth: str | None = None) -> str:
    async with wire(role) as session:
        if auth:
            await session.hello(auth)
        for body in bodies:
            await session.send_raw(body)
        return await session.until_end()


async def test_a_frame_that_is_none_or_goes_the_wrong_way_ends_the_session(http: Http, wire: MakeWire) -> None:
    auth = await http.register(Person())
    hello = frames.encode_frame(frames.Hello(auth.removeprefix("Device "), 0))
    mack = frames.encode_frame(frames.Mack(0))
    send = frames.encode_frame(FakeGroup().send(1))
    ready = frames.encode_frame(frames.Ready(0, 0, 0, 0, 0, 0))
    pack = msgspec.msgpack.encode
    for junk in (b"\xc1", b"x", pack([99, 1]), pack({"tag": 10}), pack([10]), pack([10, "t"]), pack([10, 1, 2]), ready):
        assert await end_of(wire, Role.R, junk) == "protocol"
        assert await end_of(wire, Role.S, junk) == "protocol"
    assert await end_of(wire, Role.S, hello) == "protocol"
    assert await end_of(wire, Role.S, mack) == "protocol"
    assert await end_of(wire, Role.R, send) == "protocol"
    assert await end_of(wire, Role.R, mack) == "protocol"
    assert await end_of(wire, Role.R, frames.encode_frame(frames.Mack(1)), auth=auth) == "protocol"
    beyond = frames.encode_frame(frames.Hello(auth.removeprefix("Device "), 1 << 62))
    assert await end_of(wire, Role.R, beyond) == "protocol"
    other = await http.register(Person())
    foreign = frames.encode_frame(frames.Hello(other.removeprefix("Device "), 0))
    assert await end_of(wire, Role.R, foreign, auth=auth) == "protocol"


async def test_every_field_of_a_request_frame_is_checked(http: Http, wire: MakeWire) -> None:
    group = FakeGroup()
    requests: list[frames.Request] = [
        group.send(1),
        group.add(1, {1: bytes(54)}),
        group.create(1, bytes(32), bytes(54)),
    ]
    for request in requests:
        fields = msgspec.msgpack.decode(frames.encode_frame(request))
        for at in range(1, len(fields)):
            for wrong in ("text", -1, b"short", [None], {"a": 1}):
                if isinstance(wrong, bytes) and isinstance(fields[at], bytes) and at >= len(fields) - 2:
                    continue  # a body of any length is well formed
                body = msgspec.msgpack.encode([*fields[:at], wrong, *fields[at + 1 :]])
                assert await end_of(wire, Role.S, body) == "protocol", (type(request).__name__, at, wrong)
        assert await end_of(wire, Role.S, msgspec.msgpack.encode(fields[:-1])) == "protocol"


async def test_requests_are_refused_by_code_and_leave_the_session_alone(http: Http, wire: MakeWire) -> None:
    one, two = await http.register(Person()), await http.register(Person())
    async with wire(Role.S) as s, wire(Role.R) as r:
        group = await group_of_two(http, s, one, two)
        good = group.send(1)
        change = msgspec.structs.replace

        async def code(request: frames.Request) -> str:
            answer = await s.ask(request)
            return answer.code if isinstance(answer, frames.Err) else "ok"

        assert await code(change(good, rid=2, token=os.urandom(32))) == "bad-group-token"
        assert await code(change(good, rid=3, roster_key=os.urandom(32))) == "bad-roster-key"
        assert await code(change(good, rid=4, body=b"not mls")) == "malformed"
        assert await code(change(good, rid=5, body=good.body[:-1])) == "malformed"
        stranger = FakeGroup()
        assert await code(stranger.send(6)) == "bad-group-token"
        assert await code(change(good, rid=7, gid=GroupId(os.urandom(16)))) == "malformed"
        old = change(good, rid=8, token=group.token(0), body=FakeGroup(gid=group.gid).send(1).body)
        assert await code(old) == "stale-epoch"
        assert await code(good) == "ok"
        assert await code(change(good, rid=9, roster_key=os.urandom(32))) == "idem-conflict"
        assert await code(FakeGroup().create(10, os.urandom(32), (await http.refs(one))[0])) == "pass-spent"
        spent = await http.group_pass(one)
        assert await code(FakeGroup().create(11, spent, b"no ref")) == "bad-delivery-ref"
        assert await code(FakeGroup().create(12, spent, (await http.refs(one))[0])) == "ok"
        assert await code(FakeGroup().create(13, spent, (await http.refs(one))[0])) == "pass-spent"
        again = await http.group_pass(one)
        taken = change(FakeGroup().create(14, again, (await http.refs(one))[0]), gid=group.gid)
        assert await code(taken) == "group-exists"
        late = change(group.add(15, {2: (await http.refs(two))[0]}), epoch=0)
        assert await code(late) == "malformed"
        await r.hello(two)
        assert [m.kind for m in await r.messages()] == [frames.Kind.WELCOME, frames.Kind.APP]


async def test_of_two_commits_in_one_epoch_one_wins_and_no_welcome_of_the_other_exists(
    http: Http, wire: MakeWire
) -> None:
    one, two, three = [await http.register(Person()) for _ in range(3)]
    async with wire(Role.S) as s, wire(Role.S) as t, wire(Role.R) as r:
        group = await group_of_two(http, s, one, two)
        rivals = [group.add(20, {2: (await http.refs(three))[0]}, welcome=name * 100) for name in (b"A", b"B")]
        answers = await asyncio.gather(s.ask(rivals[0]), t.ask(rivals[1]))
        won = [isinstance(answer, frames.Ok) for answer in answers]
        assert sorted(won) == [False, True]
        lost = answers[won.index(False)]
        assert isinstance(lost, frames.Err)
        assert (lost.code, lost.detail) == ("stale-epoch", {"epoch": 2})
        await r.hello(three)
        (welcome,) = await r.messages()
        assert welcome.body == rivals[won.index(True)].welcome


async def test_a_number_in_use_ends_the_session(wire: MakeWire) -> None:
    async with wire(Role.S) as s:
        part = frames.HttpReq(1, "POST", "/v1/passes", {}, b"a", more=True)
        await s.send(part)
        await s.send(FakeGroup().send(1))
        assert await s.until_end() == "protocol"


async def test_records_that_are_none_close_the_carrier(url: str, http: Http) -> None:
    for record in (b"", b"x", bytes(255), bytes(256), pad(b"\xc1"), b"\xff" * 256, pad(msgspec.msgpack.encode([9]))):
        async with http.client.ws_connect(url + Role.S.path) as socket:
            await socket.send_bytes(record)
            while (message := await socket.receive(timeout=5)).type.name == "BINARY":
                pass
            assert message.type.name in {"CLOSE", "CLOSED", "CLOSING"}, record[:8]
    async with http.client.ws_connect(url + Role.S.path) as socket:
        await socket.send_str("text")
        assert (await socket.receive(timeout=5)).type.name == "CLOSE"
    async with http.client.ws_connect(url + Role.S.path) as socket:
        await socket.send_bytes(bytes(65_537))
        assert (await socket.receive(timeout=5)).type.name == "CLOSE"


@pytest.mark.fuzz
@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=400), role=st.sampled_from(list(Role)))
def test_any_bytes_as_a_data_frame_end_in_a_code(body: bytes, role: Role) -> None:
    """The conversation alone, so that Hypothesis can run it often: it never raises and always says why."""
    from zajil.protocol.session import SessionTable
    from zajil.server.gateway.conversation import Conversation

    ended: list[str] = []
    table = SessionTable(role, new_id=lambda: os.urandom(16))
    conversation = Conversation(
        table.make(), now=0, first_frame_s=10, slow_after_s=30, finish=lambda code, _retry: ended.append(code)
    )
    work = conversation.message(body, now=0.0)
    assert work or ended or body[:1] == b"\x97"
    assert set(ended) <= TABLE
