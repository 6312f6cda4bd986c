"""Whoever comes through a bridge counts under a seal of their own: a bridge's address counts for nobody.

One person behind a bridge uses up everything that can be used up; somebody else behind the same bridge, the bridge
itself and a neighbour at the bridge's own address notice nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
from tests.server.carriers import PostPlug, SealedDial, SocketPlug
from tests.server.people import FakeGroup, Person
from tests.server.test_access import join_bridge
from tests.server.wire import Http, Wire, control_hash, device_auth

from zajil.engine.limits import DEFAULTS
from zajil.protocol import control, frames
from zajil.protocol.control import Blob, encode_json, parse_json, parse_problem
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.ids import encode_b64
from zajil.protocol.reach.bridgepath import CARRIERS_AT_ONCE
from zajil.protocol.reach.seal import NEW_BYTES, Channel, SessionKey
from zajil.protocol.reach.signed import parse_root_answer, step_root
from zajil.server.app import Server
from zajil.server.config import Settings
from zajil.server.shell.base import SEALED_PATH

CHANNELS = {Role.R: Channel.R, Role.S: Channel.S}


@pytest.fixture
def settings() -> Settings:
    """The limits as they are."""
    return Settings(port=0, registration="open", drain_s=0)


class Bridge(NamedTuple):
    """A bridge that joined, as its daemon dials the server for people."""

    url: str
    client: aiohttp.ClientSession
    headers: dict[str, str]
    key: SessionKey

    def wire(self, role: Role) -> Wire:
        """A person's session through it, under a new seal."""
        dial = SealedDial(CHANNELS[role], self.key, self.dial)
        return Wire(self.url, role, self.client, dial=dial)

    async def dial(self) -> SocketPlug:
        """A bare carrier through it."""
        plug = await SocketPlug.dial(self.client, self.url + SEALED_PATH, headers=self.headers)
        assert isinstance(plug, SocketPlug)
        return plug

    def posts(self, role: Role) -> Wire:
        """The same over POSTs."""

        async def dial() -> PostPlug:
            return PostPlug(self.client, self.url + SEALED_PATH, headers=self.headers)

        return Wire(self.url, role, self.client, dial=SealedDial(CHANNELS[role], self.key, dial))


@pytest.fixture
async def bridge(http: Http, server: Server, tmp_path: Path) -> Bridge:
    joined = await join_bridge(http, tmp_path / "data")
    plug = await SocketPlug.dial(http.client, http.url + SEALED_PATH)
    await plug.send(b"\x01\x03")
    answer = await plug.receive()
    await plug.cut()
    assert answer is not None
    root = step_root(None, parse_root_answer(answer)[0])
    headers = {"authorization": f"Bridge {encode_b64(joined.credential)}"}
    return Bridge(http.url, http.client, headers, root.session_key(0))


async def call(session: Wire, rid: int, route: control.Route, auth: str | None = None, body: bytes = b"") -> bytes:
    """The answer's body. Raises the ZajilError of a problem."""
    headers = {"authorization": auth} if auth else {}
    await session.send(frames.HttpReq(rid, route.method, route.url(), headers, body))
    answer = await session.expect(frames.HttpRes)
    assert isinstance(answer, frames.HttpRes)
    if answer.status != 200:
        raise parse_problem(answer.status, answer.body)
    return answer.body


async def code(session: Wire, rid: int, route: control.Route, auth: str | None = None, body: bytes = b"") -> str:
    try:
        await call(session, rid, route, auth, body)
    except ZajilError as reason:
        return reason.code
    return "ok"


def registration(person: Person) -> bytes:
    return encode_json(
        control.CreateAccount(Blob(person.lists[0]), Blob(person.login(control_hash(person.lists[0]))), control.Gate())
    )


async def check_unharmed(bridge: Bridge, http: Http) -> None:
    """Somebody else behind it registers, logs in, mistypes, sends and receives; the bridge fetches; a neighbour too."""
    person = Person()
    async with bridge.wire(Role.S) as s, bridge.wire(Role.R) as calls, bridge.posts(Role.R) as r:
        session = parse_json(await call(s, 1, control.CREATE_ACCOUNT, body=registration(person)), control.Session)
        auth = device_auth(session.token)
        assert await code(calls, 1, control.COUNT_KEY_PACKAGES, device_auth(os.urandom(32))) == "token-expired"
        assert await code(calls, 2, control.COUNT_KEY_PACKAGES, auth) == "ok"
        assert isinstance(await s.ask(FakeGroup().send(2)), frames.Err)
        assert (await r.hello(auth)).head == 0
    own = control.OWN_BRIDGE
    assert (await http.raw(own.method, own.url(), headers=bridge.headers))[0] == 200
    neighbour = await http.register(Person())
    assert await http.code(control.COUNT_KEY_PACKAGES, auth=neighbour) == "ok"
    assert await http.code(control.COUNT_KEY_PACKAGES, auth=device_auth(os.urandom(32))) == "token-expired"


async def test_failed_tokens_of_one_person_are_nobody_elses(bridge: Bridge, http: Http) -> None:
    most = int(DEFAULTS["failed_token"].burst)
    async with bridge.wire(Role.R) as r:
        codes = [await code(r, rid, control.COUNT_KEY_PACKAGES, device_auth(os.urandom(32))) for rid in range(most + 5)]
        assert codes == ["token-expired"] * most + ["slow-down"] * 5
    await check_unharmed(bridge, http)


async def test_registrations_of_one_person_are_nobody_elses(bridge: Bridge, http: Http) -> None:
    most = int(DEFAULTS["registration"].burst)
    async with bridge.wire(Role.S) as s:
        codes = [await code(s, rid, control.CREATE_ACCOUNT, body=registration(Person())) for rid in range(most + 2)]
        assert codes == ["ok"] * most + ["slow-down"] * 2
    await check_unharmed(bridge, http)


@pytest.mark.slow
async def test_new_seals_do_not_make_registrations_free(bridge: Bridge, http: Http) -> None:
    """One who takes a new seal for each is stopped by the bridge's own bucket, and people elsewhere never are."""
    most = int(DEFAULTS["registration_bridge"].burst)
    codes = []
    for _ in range(most // 6 + 1):
        async with bridge.wire(Role.S) as s:
            codes += [await code(s, rid, control.CREATE_ACCOUNT, body=registration(Person())) for rid in range(6)]
    assert codes == ["ok"] * most + ["slow-down"] * (len(codes) - most)
    assert await http.register(Person())


async def test_a_flood_of_records_and_requests_is_nobody_elses(bridge: Bridge, http: Http) -> None:
    async with bridge.wire(Role.S) as s:
        most = int(DEFAULTS["commit_prefix"].burst)
        group = FakeGroup()
        codes: list[str] = []
        while "slow-down" not in codes and len(codes) < 4 * most:  # some come back while it lasts
            answer = await s.ask(group.create(len(codes), os.urandom(32), bytes(54)))
            assert isinstance(answer, frames.Err)
            codes.append(answer.code)
        assert codes[-1] == "slow-down"
        assert set(codes[:-1]) == {"bad-delivery-ref"}
        assert len(codes) > most
    await check_unharmed(bridge, http)


@pytest.mark.slow
async def test_as_many_carriers_as_a_token_allows_are_nobody_elses(bridge: Bridge, http: Http) -> None:
    """The bridge lets through 240 at once for one token: each with a NEW, none of them ever said more."""
    for _ in range(CARRIERS_AT_ONCE):
        plug = await bridge.dial()
        await plug.send(b"\x01\x01\x02" + os.urandom(NEW_BYTES - 3))
        assert await plug.receive() is None
        await plug.cut()
    await check_unharmed(bridge, http)


async def test_a_bridge_that_is_removed_or_lies_is_refused_and_counts_against_its_own_address_alone(
    bridge: Bridge, http: Http
) -> None:
    most = int(DEFAULTS["failed_token"].burst)
    wrong = {"authorization": f"Bridge {encode_b64(os.urandom(32))}"}
    statuses = []
    for _ in range(most + 2):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await SocketPlug.dial(http.client, http.url + SEALED_PATH, headers=wrong)
        statuses.append(caught.value.status)
    assert statuses == [401] * most + [429] * 2
    # Those who are proven notice nothing, though they share the address.
    async with bridge.wire(Role.S) as s:
        assert await code(s, 1, control.CONFIG) == "ok"


async def test_nothing_a_bridge_sends_as_an_address_is_believed(bridge: Bridge, http: Http, server: Server) -> None:
    seen = []
    take = server._limits.take

    def spy(name: str, key: bytes, *, now: float, cost: float = 1) -> None:
        seen.append((name, key))
        take(name, key, now=now, cost=cost)

    server._limits.take = spy  # type: ignore[method-assign]  # watches, and counts as always
    headers = {**bridge.headers, "x-forwarded-for": "198.51.100.7"}
    url = http.url + SEALED_PATH
    dial = SealedDial(Channel.S, bridge.key, lambda: SocketPlug.dial(http.client, url, headers=headers))
    async with Wire(http.url, Role.S, http.client, dial=dial) as s:
        assert await code(s, 1, control.CREATE_ACCOUNT, body=registration(Person())) == "ok"
        assert isinstance(await s.ask(FakeGroup().send(2)), frames.Err)
        assert await code(s, 3, control.BRIDGE_BUNDLE, f"Token {encode_b64(os.urandom(32))}") == "token-expired"
        assert dial.seal is not None
    keyed = dict(seen)
    assert keyed.keys() == {"seal_bridge", "registration", "registration_bridge", "send_prefix", "failed_token"}
    assert {keyed[name] for name in ("registration", "send_prefix", "failed_token")} == {dial.seal.sid}
    assert not any(address in key for _, key in seen for address in (bytes([127, 0, 0]), bytes([198, 51, 100])))
