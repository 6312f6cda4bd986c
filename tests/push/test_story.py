"""A message wakes a device that is away: a real server, a real push service, real bytes between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests import engines
from tests.push.service import Device, PushService
from tests.server.carriers import until
from tests.server.conftest import NO_LIMITS
from tests.server.people import FakeGroup, Person
from tests.server.test_signals import Clock
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire

from zajil.delivery.push.sending import Answer
from zajil.engine import pushkeys
from zajil.engine.keys import KeyFileError
from zajil.protocol import control, frames
from zajil.protocol.control import parse_json
from zajil.protocol.frames import Role
from zajil.protocol.push.message import PAYLOAD
from zajil.server.app import Server
from zajil.server.config import PushSettings, Settings


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    found = PushService()
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def settings_for(*hosts: str) -> Settings:
    push = PushSettings(hosts=hosts, private=True, contact="mailto:push@example.org")
    return Settings(port=0, registration="open", limits=NO_LIMITS, drain_s=0, push=push)


@pytest.fixture
async def server(tmp_path: Path, clock: Clock) -> AsyncIterator[Server]:
    running = await Server.start(tmp_path / "data", settings_for("127.0.0.1"), clock=clock)
    yield running
    await running.stop()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield session


@pytest.fixture
def http(server: Server, client: aiohttp.ClientSession) -> Http:
    return Http(f"http://127.0.0.1:{server.port}", client)


class Pair:
    """Two people in a group; the second one is away, and woken by push."""

    def __init__(self, http: Http, wire: Wire, group: FakeGroup, two: str, person: Person, device: Device) -> None:
        self.http = http
        self.wire = wire
        self.group = group
        self.two = two
        self.person = person
        self.device = device
        self.rid = 10

    async def say(self, *, flags: int = frames.WAKE, ttl: int = 0) -> None:
        self.rid += 1
        send = msgspec.structs.replace(self.group.send(self.rid, b"text %d" % self.rid, flags=flags), ttl=ttl)
        assert isinstance(await self.wire.ask(send), frames.Ok)


@pytest.fixture
async def pair(http: Http, client: aiohttp.ClientSession, service: PushService) -> AsyncIterator[Pair]:
    person = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    one, two = await http.register(Person()), await http.register(person)
    config = parse_json(await http.call(control.CONFIG), control.Config)
    device, put = service.subscribe(config.push_key)
    await http.call(control.PUT_PUSH, put, auth=two)
    async with Wire(http.url, Role.S, client) as s:
        yield Pair(http, s, await group_of_two(http, s, one, two), two, person, device)


def rows(data: Path, table: str) -> list[tuple[object, ...]]:
    with engines.beside(data) as kept:
        return kept.ask(f"SELECT * FROM {table}", ())  # a name of ours


def is_left_time(data: Path, clock: Clock) -> bool:
    """The pusher saw that the device is connected, and put it off by ten seconds."""
    return any(9 < int(str(row[3])) / 1000 - clock.now < 11 for row in rows(data, "push_due"))


def is_acknowledged(data: Path, seq: int) -> bool:
    """The server has stored that a device has all up to here."""
    with engines.beside(data) as kept:
        return bool(kept.ask("SELECT 1 FROM mailbox WHERE acked >= ?", (seq,)))


async def settled(data: Path) -> None:
    """Nobody is to be woken."""
    await until(lambda: not rows(data, "push_due"))


async def test_a_message_wakes_a_device_that_is_away_and_says_nothing(
    pair: Pair, service: PushService, tmp_path: Path
) -> None:
    await pair.say()
    await until(lambda: bool(service.pushes))
    (push,) = service.pushes
    assert (push.text, push.ttl, push.urgency, push.topic) == (PAYLOAD, 28 * 86_400, "normal", "zajil-wake")
    assert push.claims["sub"] == "mailto:push@example.org"
    assert service.refused == []
    await settled(tmp_path / "data")


async def test_what_carries_no_flag_and_what_is_not_stored_wakes_nobody(
    pair: Pair, service: PushService, tmp_path: Path
) -> None:
    await pair.say(flags=0)
    await pair.say(flags=frames.EPHEMERAL)
    await pair.say(flags=frames.EPHEMERAL | frames.WAKE)
    assert rows(tmp_path / "data", "push_due") == []
    await pair.say()
    await until(lambda: bool(service.pushes))
    assert len(service.pushes) == 1


@pytest.mark.parametrize("turns", range(5))
async def test_the_end_comes_also_where_something_falls_due_in_the_same_moment(server: Server, turns: int) -> None:
    # In one of these turns the cancellation meets `wait_for` with its event come (Python 3.11).
    await asyncio.sleep(0.1)
    server.pushing.look()
    for _ in range(turns):
        await asyncio.sleep(0)
    done, _ = await asyncio.wait({asyncio.create_task(server.pushing.stop())}, timeout=5)
    assert done


async def test_one_push_in_thirty_seconds_and_a_ring_at_once(
    pair: Pair, service: PushService, clock: Clock, server: Server, tmp_path: Path
) -> None:
    for _ in range(5):
        await pair.say()
        await asyncio.sleep(0.01)
    await until(lambda: bool(service.pushes))
    await pair.say()
    await pair.say(ttl=60)
    await until(lambda: len(service.pushes) == 2)
    ring = service.pushes[1]
    assert (ring.urgency, ring.topic, ring.text) == ("high", "zajil-ring", PAYLOAD)
    assert 58 <= ring.ttl <= 60
    assert len(ring.body) == len(service.pushes[0].body)
    pusher = server.pushing._pusher
    await pusher.idle()  # it counts from when it has read the answer
    clock.now += 29
    await pusher.run_once()
    await pusher.idle()
    assert len(service.pushes) == 2
    clock.now += 2
    server.pushing.look()
    await until(lambda: len(service.pushes) == 3)
    assert service.pushes[2].urgency == "normal"
    await settled(tmp_path / "data")


async def test_who_is_connected_and_takes_it_is_not_woken(
    pair: Pair, service: PushService, clock: Clock, server: Server, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with Wire(pair.http.url, Role.R, client) as r:
        await r.hello(pair.two)
        await r.messages()
        await pair.say()
        message = await r.expect(frames.Msg)
        assert isinstance(message, frames.Msg)
        await r.send(frames.Mack(message.seq))
        # The ten seconds are of the clock moved by hand: they may not pass while the acknowledgement is under way.
        await until(lambda: is_acknowledged(tmp_path / "data", message.seq))
        await until(lambda: not rows(tmp_path / "data", "push_due") or is_left_time(tmp_path / "data", clock))
        clock.now += 11
        server.pushing.look()
        await settled(tmp_path / "data")
    assert service.pushes == []


async def test_who_is_connected_and_takes_nothing_is_woken_after_ten_seconds(
    pair: Pair, service: PushService, clock: Clock, server: Server, client: aiohttp.ClientSession, tmp_path: Path
) -> None:
    async with Wire(pair.http.url, Role.R, client) as r:
        await r.hello(pair.two)
        await r.messages()
        await pair.say()
        await until(lambda: is_left_time(tmp_path / "data", clock))
        assert service.pushes == []
        clock.now += 11
        server.pushing.look()
        await until(lambda: bool(service.pushes))


@pytest.mark.parametrize("status", [404, 410])
async def test_a_subscription_that_ended_is_deleted(
    pair: Pair, service: PushService, tmp_path: Path, status: int
) -> None:
    pair.device.answers.append(web.Response(status=status))
    await pair.say()
    await until(lambda: not rows(tmp_path / "data", "push"))
    assert rows(tmp_path / "data", "push_due") == []
    await pair.say()
    assert rows(tmp_path / "data", "push_due") == []
    assert service.pushes == []


async def test_a_newer_subscription_outlives_the_end_of_the_older(
    pair: Pair, service: PushService, http: Http, server: Server, tmp_path: Path
) -> None:
    del service.devices[pair.device.name]
    await pair.say()
    config = parse_json(await http.call(control.CONFIG), control.Config)
    _, put = service.subscribe(config.push_key)
    await http.call(control.PUT_PUSH, put, auth=pair.two)
    await pair.say()
    await until(lambda: bool(service.pushes))
    assert len(rows(tmp_path / "data", "push")) == 1


async def test_too_many_requests_are_obeyed_and_faults_tried_again(
    pair: Pair, service: PushService, clock: Clock, server: Server
) -> None:
    pair.device.answers += [web.Response(status=429, headers={"retry-after": "100"}), web.Response(status=503)]
    await pair.say()
    pusher = server.pushing._pusher
    await until(lambda: len(pair.device.answers) == 1)
    await pusher.idle()  # it counts from when it has read the answer
    clock.now += 99
    await pusher.run_once()
    await pusher.idle()
    assert len(pair.device.answers) == 1
    clock.now += 2
    server.pushing.look()
    await until(lambda: not pair.device.answers)
    await pusher.idle()
    assert service.pushes == []
    clock.now += 31
    server.pushing.look()
    await until(lambda: bool(service.pushes))


async def test_a_refusal_is_not_repeated_and_the_next_message_tries_anew(
    pair: Pair, service: PushService, tmp_path: Path
) -> None:
    pair.device.answers.append(web.Response(status=403))
    await pair.say()
    await until(lambda: not pair.device.answers)
    await settled(tmp_path / "data")
    assert len(rows(tmp_path / "data", "push")) == 1
    await pair.say()
    await until(lambda: bool(service.pushes))


async def test_what_comes_while_a_push_is_refused_wakes_all_the_same(
    pair: Pair, service: PushService, server: Server, clock: Clock, tmp_path: Path
) -> None:
    pusher = server.pushing._pusher
    post = pusher._post

    async def refuse(*_: object) -> Answer:
        pusher._post = post
        await pair.say()
        return Answer(403)

    pusher._post = refuse
    await pair.say()
    data = tmp_path / "data"
    await until(lambda: [round(int(str(row[3])) / 1000 - clock.now) for row in rows(data, "push_due")] == [30])
    clock.now += 31
    server.pushing.look()
    await until(lambda: bool(service.pushes))


async def test_a_restart_loses_no_wake_up(
    tmp_path: Path, clock: Clock, service: PushService, client: aiohttp.ClientSession
) -> None:
    data = tmp_path / "data"
    server = await Server.start(data, settings_for("127.0.0.1"), clock=clock)
    http = Http(f"http://127.0.0.1:{server.port}", client)
    one, two = await http.register(Person()), await http.register(Person())
    key = parse_json(await http.call(control.CONFIG), control.Config).push_key
    device, put = service.subscribe(key)
    await http.call(control.PUT_PUSH, put, auth=two)
    device.answers.append(web.Response(status=503))
    async with Wire(http.url, Role.S, client) as s:
        pair = Pair(http, s, await group_of_two(http, s, one, two), two, Person(), device)
        await pair.say()
        await until(lambda: not device.answers)
    await server.stop()
    assert len(rows(data, "push_due")) == 1
    clock.now += 3600
    server = await Server.start(data, settings_for("127.0.0.1"), clock=clock)
    try:
        await until(lambda: bool(service.pushes))
        again = parse_json(await Http(f"http://127.0.0.1:{server.port}", client).call(control.CONFIG), control.Config)
        assert again.push_key == key
    finally:
        await server.stop()
    (data / pushkeys.FILE_NAME).unlink()
    with pytest.raises(KeyFileError, match="push-forget"):
        await Server.start(data, settings_for("127.0.0.1"), clock=clock)


async def test_the_row_goes_with_the_device_and_by_its_own_word(
    pair: Pair, http: Http, tmp_path: Path, service: PushService
) -> None:
    await http.call(control.DROP_PUSH, auth=pair.two)
    assert rows(tmp_path / "data", "push") == []
    await http.call(control.DROP_PUSH, auth=pair.two)
    await pair.say()
    assert rows(tmp_path / "data", "push_due") == []
    key = parse_json(await http.call(control.CONFIG), control.Config).push_key
    other = await http.log_in(pair.person, 2)
    for auth in (pair.two, other):
        _, put = service.subscribe(key)
        await http.call(control.PUT_PUSH, put, auth=auth)
    assert len(rows(tmp_path / "data", "push")) == 2
    body = control.PutDeviceList(control.Blob(pair.person.next_list(devices=[2])))
    await http.call(control.PUT_DEVICE_LIST, body, auth=other)
    assert [row[1] for row in rows(tmp_path / "data", "push")] == [2]


async def test_nothing_at_rest_joins_an_account_and_a_group(pair: Pair, server: Server, tmp_path: Path) -> None:
    pair.device.answers.append(web.Response(status=503))
    await pair.say()
    await until(lambda: not pair.device.answers)
    await server.pushing._pusher.idle()
    data = tmp_path / "data"
    held = rows(data, "push") + rows(data, "push_due")
    assert len(held) == 2
    flat = [value for row in held for value in row if isinstance(value, bytes)]
    assert any(pair.person.account_id == value for value in flat)
    for value in flat:
        assert bytes(pair.group.gid) not in value
        assert b"127.0.0.1" not in value, "the endpoint rests sealed"
    (sealed,) = [row[3] for row in rows(data, "push")]
    messages = {row[0] for row in rows(data, "message")}
    assert not messages & set(flat), "no row of push points to a message"
    assert isinstance(sealed, bytes)


async def test_the_length_of_a_row_tells_no_push_service(http: Http, service: PushService, tmp_path: Path) -> None:
    key = parse_json(await http.call(control.CONFIG), control.Config).push_key
    for tail in ("", "x" * 1900):
        auth = await http.register(Person())
        _, put = service.subscribe(key)
        await http.call(control.PUT_PUSH, msgspec.structs.replace(put, endpoint=put.endpoint + tail), auth=auth)
    assert len({len(row[3]) for row in rows(tmp_path / "data", "push") if isinstance(row[3], bytes)}) == 1


@pytest.mark.parametrize(
    ("endpoint", "code"),
    [
        ("https://10.0.0.1/x", "push-refused"),
        ("https://fcm.googleapis.com/x", "push-refused"),
        ("https://user@127.0.0.1/x", "malformed"),
        ("http://169.254.169.254/latest/meta-data", "malformed"),
        ("", "malformed"),
        ("https://127.0.0.1/" + "x" * 2000, "malformed"),
    ],
)
async def test_an_endpoint_outside_of_the_rules_is_not_stored(
    http: Http, service: PushService, tmp_path: Path, endpoint: str, code: str
) -> None:
    auth = await http.register(Person())
    key = parse_json(await http.call(control.CONFIG), control.Config).push_key
    _, put = service.subscribe(key)
    assert await http.code(control.PUT_PUSH, msgspec.structs.replace(put, endpoint=endpoint), auth=auth) == code
    assert rows(tmp_path / "data", "push") == []


async def test_a_key_off_the_curve_is_not_stored(http: Http, service: PushService) -> None:
    auth = await http.register(Person())
    key = parse_json(await http.call(control.CONFIG), control.Config).push_key
    _, put = service.subscribe(key)
    wrong = msgspec.structs.replace(put, p256dh=type(put.p256dh)(b"\x04" + bytes(64)))
    assert await http.code(control.PUT_PUSH, wrong, auth=auth) == "malformed"


async def test_a_server_without_push_says_so(
    tmp_path: Path, client: aiohttp.ClientSession, service: PushService
) -> None:
    server = await Server.start(tmp_path / "off", settings_for())
    try:
        http = Http(f"http://127.0.0.1:{server.port}", client)
        assert parse_json(await http.call(control.CONFIG), control.Config).push_key == ""
        auth = await http.register(Person())
        key = service.subscribe("B" + "A" * 86)
        assert await http.code(control.PUT_PUSH, key[1], auth=auth) == "push-refused"
    finally:
        await server.stop()
