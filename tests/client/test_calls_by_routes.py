"""Control calls on whatever route there is, against a real server: what goes where, and what becomes of a call."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.client.test_reach import NO_LIMITS
from tests.client.tlsfront import TLSFront
from tests.transports.authority import Authority
from tests.transports.freezer import Freezer
from tests.transports.knowing import Known

from zajil.client.shell.calls import Calls
from zajil.client.shell.reach.candidates import HOME
from zajil.protocol import control
from zajil.protocol.errors import Malformed, ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.path import Candidate, Mode, Strategy
from zajil.protocol.reach.endpoints import Endpoint, EndpointKind
from zajil.protocol.reach.signed import follow_roots
from zajil.server.app import Server
from zajil.server.config import Settings
from zajil.transports.base import Answer, DialError, Reason, Stage
from zajil.transports.dialing import DialContext
from zajil.transports.direct import DirectTransport
from zajil.transports.pluggable import Programs
from zajil.transports.race import Race, RaceCaller, calling, session_calls
from zajil.transports.sealed import Seals

pytestmark = pytest.mark.slow
ONE, OTHER = "Device " + "A" * 43, "Device " + "B" * 42 + "A"


class Home:
    """A server behind TLS, and what a device knows of it."""

    def __init__(self, server: Server, front: TLSFront, known: Known) -> None:
        self.server = server
        self.front = front
        self.known = known
        self.refused: list[ZajilError] = []

    def candidate(self, strategy: Strategy, *, sealed: bool = False, port: int = 0) -> Candidate:
        identity = "cdn" if sealed else HOME
        kind = EndpointKind.FRONT if sealed else EndpointKind.ORIGIN
        endpoint = Endpoint(identity, kind, "localhost", port or self.front.port)
        return Candidate(f"{identity}/{strategy}/{port}", endpoint, strategy)

    @asynccontextmanager
    async def calling(self, *candidates: Candidate) -> AsyncIterator[tuple[Race, RaceCaller]]:
        ctx = DialContext(
            trust=self.known,
            seals=Seals(now_ms=lambda: int(time.time() * 1000), random=os.urandom),
            programs=Programs(),
            now_s=time.time,
            random=os.urandom,
        )
        race = Race(ctx)
        race.set_candidates(candidates)
        caller = RaceCaller(race)
        try:
            yield race, caller
        finally:
            await caller.close()
            await race.close()
        assert race.crash is None


@pytest.fixture
async def home(tmp_path: Path, authority: Authority) -> AsyncIterator[Home]:
    async with TLSFront(0, authority.server("localhost")) as front:
        settings = Settings(port=0, registration="open", limits=NO_LIMITS, drain_s=0, front=front.url)
        server = await Server.start(tmp_path / "data", settings)
        front.leads_to = server.port
        known = Known({HOME})
        made = Home(server, front, known)
        async with made.calling(made.candidate(Strategy.WSS)) as (_, caller):
            answer = await caller.call("GET", "/v1/reach/docs?root=0", timeout_s=10)
            roots = control.parse_json(answer.body, control.ReachDocs).roots
            known.key = follow_roots(None, [bytes(one) for one in roots], now_s=time.time()).session_key(time.time())
        yield made
        await server.stop()


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("strategy", [Strategy.WSS, Strategy.WSS_BROWSER, Strategy.POLL])
async def test_calls_go_by_every_strategy(home: Home, strategy: Strategy, sealed: bool) -> None:
    async with home.calling(home.candidate(strategy, sealed=sealed)) as (race, caller):
        calls = Calls(caller)
        config = await calls.call(control.CONFIG, control.Config)
        assert config.server_name == "localhost"
        found = await asyncio.gather(*(calls.call(control.HEALTH, control.Health) for _ in range(20)))
        assert [each.status for each in found] == ["ok"] * 20
        offer = os.urandom(4096)
        await calls.call(control.PUT_LINK_OFFER, control.Empty, request=offer, addr="A" * 22)
        assert await calls.call(control.LINK_OFFER, bytes, addr="A" * 22) == offer
        assert race.route is not None
        assert race.route.proved, "no call before the proof"
        with pytest.raises(ZajilError) as raised:
            await calls.call(control.COUNT_KEY_PACKAGES, control.KeyPackageCounts, auth="Device " + "A" * 43)
        assert raised.value.code == "token-expired"


async def test_plain_https_is_for_the_origin_itself(home: Home) -> None:
    for strategy, sessions in ((Strategy.WSS, 0), (Strategy.POLL, 1)):
        async with home.calling(home.candidate(strategy)) as (_, caller):
            await Calls(caller).call(control.CONFIG, control.Config)
            assert len(caller._sessions._sessions) == sessions


async def test_a_device_has_a_session_of_its_own_and_another_token_another(home: Home) -> None:
    async with home.calling(home.candidate(Strategy.WSS, sealed=True)) as (_, caller):
        seen = []
        for auth in ("", ONE, ONE, OTHER, ""):
            headers = {"Authorization": auth} if auth else {}
            answer = await caller.call("GET", "/v1/keypackages/count", headers=headers, timeout_s=10)
            assert answer.status == (401 if auth else 400)
            sessions = caller._sessions._sessions
            seen.append((sessions.get(Role.S), sessions.get(Role.R)))
        assert seen[1] == seen[2]
        assert seen[2][1] is not seen[3][1]
        assert seen[0][0] is seen[4][0]


async def test_a_session_of_calls_ends_when_nobody_calls(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_calls, "IDLE_S", 0.05)
    async with home.calling(home.candidate(Strategy.WSS, sealed=True)) as (_, caller):
        calls = Calls(caller)
        await calls.call(control.HEALTH, control.Health)
        session = caller._sessions._sessions[Role.S]
        async with asyncio.timeout(5):
            await asyncio.gather(session._task, return_exceptions=True)
        await calls.call(control.HEALTH, control.Health)
        assert caller._sessions._sessions[Role.S] is not session


async def test_a_body_beyond_the_limit_is_refused_here(home: Home) -> None:
    async with home.calling(home.candidate(Strategy.POLL)) as (_, caller):
        with pytest.raises(Malformed):
            await caller.call("PUT", "/v1/keypackages", body=bytes(256 * 1024 + 1), timeout_s=5)


async def test_a_call_survives_its_carriers(home: Home) -> None:
    """Connections end after so many bytes; a call of twice as many comes through, once."""
    async with Freezer(home.front.port, up_bytes=100_000) as censor:
        censor.cut = True
        candidate = home.candidate(Strategy.WSS, sealed=True, port=censor.port)
        async with home.calling(candidate) as (_, caller):
            calls, addr, answer = Calls(caller), "A" * 22, os.urandom(200_000)
            await calls.call(control.PUT_LINK_OFFER, control.Empty, request=b"offer", addr=addr)
            await calls.call(control.PUT_LINK_ANSWER, control.Empty, request=answer, addr=addr)
            assert censor.frozen >= 2
            assert await calls.call(control.LINK_ANSWER, bytes, addr=addr) == answer


async def test_calls_in_segments(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zajil.protocol.path.attempts.ECHO_PAUSE_S", 0.4)
    monkeypatch.setattr("zajil.protocol.path.pace.GAP_S", 0.05)
    async with (
        Freezer(home.front.port, up_bytes=16_384, down_bytes=16_384) as censor,
        home.calling(home.candidate(Strategy.WSS, port=censor.port)) as (race, caller),
    ):
        calls = Calls(caller)
        for n in range(12):
            await calls.call(control.PUT_LINK_OFFER, control.Empty, request=bytes(4000), addr=f"{n:02}" + "A" * 20)
        assert race.route is not None
        assert race.route.mode is Mode.SEGMENTED


async def test_a_call_that_never_left_goes_another_way(home: Home, authority: Authority) -> None:
    """The route is there by memory alone, and nobody listens there any more: the next one carries the call."""
    async with (
        TLSFront(home.server.port, authority.server("localhost")) as gone,
        home.calling(home.candidate(Strategy.WSS, port=gone.port), home.candidate(Strategy.WSS, sealed=True)) as (
            race,
            caller,
        ),
    ):
        calls = Calls(caller)
        await calls.call(control.HEALTH, control.Health)
        assert race.route is not None
        assert race.route.candidate_id.startswith(HOME)
        gone.block()
        gone._server.close()
        assert (await calls.call(control.HEALTH, control.Health)).status == "ok"
        assert race.route.candidate_id.startswith("cdn")


async def test_a_call_whose_route_is_given_up_ends_soon(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """It hangs on a plain connection; the sessions beside it have left the route meanwhile."""
    begun = asyncio.Event()
    real = DirectTransport.call

    async def call(self: DirectTransport, method: str, path: str, **rest: Any) -> Answer:  # Any: passed on as it came
        begun.set()
        return await real(self, method, path, **rest)

    monkeypatch.setattr(calling, "GRACE_S", 0.1)
    async with home.calling(home.candidate(Strategy.WSS)) as (race, caller):
        calls = Calls(caller)
        await calls.call(control.PUT_LINK_OFFER, control.Empty, request=b"offer", addr="A" * 22)
        monkeypatch.setattr(DirectTransport, "call", call)
        held = asyncio.create_task(caller.call("GET", f"/v1/link/{'A' * 22}/answer?wait=25", timeout_s=30))
        await begun.wait()
        assert race.route is not None
        race.dialer.route_stalled(race.route, 0, race.now())
        race.turn()
        with pytest.raises(DialError) as raised:
            async with asyncio.timeout(5):
                await held
        assert raised.value.reason is Reason.FROZEN


async def test_no_route_is_the_best_reason_there_is(home: Home) -> None:
    home.front.block()
    async with home.calling(home.candidate(Strategy.WSS), home.candidate(Strategy.POLL)) as (_, caller):
        with pytest.raises(DialError) as raised:
            await caller.call("GET", "/v1/health", timeout_s=10)
        assert (raised.value.stage, raised.value.reason) == (Stage.HTTP, Reason.CLOSED)


async def test_a_call_without_any_way_ends_at_once(home: Home) -> None:
    async with home.calling() as (_, caller):
        with pytest.raises(DialError) as raised:
            await caller.call("GET", "/v1/health", timeout_s=10)
        assert raised.value.reason is Reason.UNREACHABLE
