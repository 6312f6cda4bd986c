"""Two servers on one PostgreSQL and one NATS are one: whoever talks to either reaches everybody at the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests import engines
from tests.calls.frames import frame
from tests.nats import NatsServer, nats_server
from tests.postgres import Postgres
from tests.server.conftest import NO_LIMITS
from tests.server.people import Person
from tests.server.test_media_rooms import Seat, ticket_of
from tests.server.test_story import group_of_two
from tests.server.wire import Http, Wire, control_hash, device_auth

from zajil.protocol import control, frames
from zajil.protocol.calls.media import CAME, JOINED, PREAMBLE
from zajil.protocol.control import Blob, parse_json
from zajil.protocol.frames import Role
from zajil.server.app import Server
from zajil.server.config import ConfigError, Settings

pytestmark = pytest.mark.scale


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with nats_server() as running:
        yield running


@pytest.fixture
def shared(postgres: Postgres, nats: NatsServer) -> Settings:
    postgres.make_template(engines.MIGRATED, engines.fill)
    url = postgres.fresh(engines.MIGRATED)
    return Settings(
        port=0, registration="open", limits=NO_LIMITS, drain_s=0, database=url, bus=nats.url, reuse_port=True
    )


@pytest.fixture
async def both(tmp_path: Path, shared: Settings, client: aiohttp.ClientSession) -> AsyncIterator[list[Http]]:
    """On one data directory; each at a port of its own, so that it is known who talks to which."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            server = await Server.start(tmp_path, shared)
            stack.push_async_callback(server.stop)
            made.append(Http(f"http://127.0.0.1:{server.port}", client))
        yield made


def wire(http: Http, role: Role) -> Wire:
    return Wire(http.url, role, http.client)


async def test_a_message_sent_at_one_arrives_at_the_other_and_a_newer_session_takes_over(both: list[Http]) -> None:
    here, there = both
    one, two = await here.register(Person()), await there.register(Person())
    async with wire(here, Role.S) as s, wire(there, Role.R) as r, wire(here, Role.R) as newer:
        await r.hello(two)
        group = await group_of_two(here, s, one, two)
        await s.ask(group.send(20, b"over there"))
        while True:
            message = await r.expect(frames.Msg)
            assert isinstance(message, frames.Msg)
            if b"over there" in message.body:
                break
        await newer.hello(two)
        assert await r.until_end() == "replaced"
        assert len(await newer.messages()) == 2


async def test_a_device_revoked_at_one_is_gone_at_the_other(both: list[Http]) -> None:
    here, there = both
    person = Person(devices={1: Ed25519PrivateKey.generate(), 2: Ed25519PrivateKey.generate()})
    keeper = await here.register(person)
    lost = await there.log_in(person, 2)
    async with wire(there, Role.R) as r:
        await r.hello(lost)
        new = control.PutDeviceList(Blob(person.next_list(devices=[1])))
        await here.call(control.PUT_DEVICE_LIST, new, auth=keeper)
        assert await r.until_end() == "device-revoked"


async def test_a_challenge_of_one_is_good_at_the_other_and_once(both: list[Http]) -> None:
    here, there = both
    person = Person()
    await here.register(person)
    signed = control.Login(Blob(person.login(await here.challenge(person))))
    answer = parse_json(await there.call(control.TAKE_TOKEN, signed), control.Session)
    for each in both:
        assert await each.code(control.TAKE_TOKEN, signed) == "bad-challenge"
        assert await each.code(control.COUNT_KEY_PACKAGES, auth=device_auth(answer.token)) == "ok"


async def test_a_call_that_comes_to_both_at_once_is_carried_out_once(both: list[Http]) -> None:
    for person in (Person(), Person(), Person()):
        login = Blob(person.login(control_hash(person.lists[0])))
        body = control.CreateAccount(Blob(person.lists[0]), login, control.Gate(None))
        # Whichever came second heard that there is such an account.
        key = person.account_id.hex()
        one, other = await asyncio.gather(*(each.call(control.CREATE_ACCOUNT, body, key=key) for each in both))
        assert one == other


async def test_two_in_a_call_at_two_servers_get_each_others_frames(both: list[Http]) -> None:
    here, there = both
    one, two = await here.register(Person()), await there.register(Person())
    async with wire(here, Role.S) as s:
        group = await group_of_two(here, s, one, two)
    seats = [await Seat.take(http, PREAMBLE + await ticket_of(http, group)) for http in both]
    # The first is told when the second is known to it: at once, or by the next look of its server.
    assert [(await seats[0].read())[1] for _ in range(2)] == [JOINED, CAME]
    for leaf, (seat, other) in enumerate((seats, seats[::-1])):
        await seat.send(frame(leaf, 7))
        while (record := await other.read())[0] == 0:
            """Words of the room."""
        assert record[1:] == frame(leaf, 7)
    for seat in seats:
        await seat.plug.cut()


async def test_both_may_listen_on_one_port(
    tmp_path: Path, shared: Settings, both: list[Http], client: aiohttp.ClientSession
) -> None:
    port = urlsplit(both[0].url).port or 0
    third = await Server.start(tmp_path, msgspec.structs.replace(shared, port=port))
    try:
        assert third.port == port
        assert await Http(both[0].url, client).register(Person())
    finally:
        await third.stop()


async def test_without_its_nats_a_server_does_not_begin(tmp_path: Path, shared: Settings, nats: NatsServer) -> None:
    nats.stop()
    with pytest.raises(ConfigError, match="bus: the NATS server does not answer"):
        await Server.start(tmp_path, shared)
    nats.start("--user", "zajil", "--pass", "secret")
    with pytest.raises(ConfigError, match="refuses this user"):
        await Server.start(tmp_path, shared)
    named = msgspec.structs.replace(shared, bus_secret_file="nats.secret")
    with pytest.raises(ConfigError, match="nats\\.secret cannot be read"):
        await Server.start(tmp_path, named)
    (tmp_path / "nats.secret").write_text("zajil:secret\n")
    await (await Server.start(tmp_path, named)).stop()
