"""Lanes: what a persona says shares no connection, session or seal with anything else of its device (rule 2.3)."""

from __future__ import annotations

import asyncio

import pytest
from tests.client.test_calls_by_routes import ONE, Home, home

from zajil.client.shell.calls import Calls
from zajil.protocol import control
from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.path import Strategy
from zajil.protocol.reach.seal import NewSeal, Resumed, ServerSeals
from zajil.transports.race import Race, RaceCaller, session_calls

pytestmark = pytest.mark.slow
__all__ = ["home"]


async def ask(caller: RaceCaller) -> None:
    assert (await Calls(caller).call(control.HEALTH, control.Health)).status == "ok"


async def ask_as_device(caller: RaceCaller) -> None:
    with pytest.raises(ZajilError, match="token-expired"):
        await Calls(caller).call(control.COUNT_KEY_PACKAGES, control.KeyPackageCounts, auth=ONE)


@pytest.fixture
def seals(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Id of the seal of each carrier that the server took, in order."""
    seen: list[bytes] = []
    accept = ServerSeals.accept

    def watch(self: ServerSeals, first: bytes, *, now_ms: int) -> object:
        found = accept(self, first, now_ms=now_ms)
        if isinstance(found, NewSeal | Resumed):
            seen.append(found.sid)
        return found

    monkeypatch.setattr(ServerSeals, "accept", watch)
    return seen


def leads(race: Race, caller: RaceCaller) -> bool:
    return any(race._leader is session._link for session in caller._sessions._sessions.values())


@pytest.mark.parametrize("first", ["lanes", "the device"])
async def test_what_opens_seals_cannot_join_lanes(home: Home, seals: list[bytes], first: str) -> None:
    """A seal is resumed by every carrier of its channel: one for all would tell the server whose they are."""
    async with home.calling(home.candidate(Strategy.WSS, sealed=True)) as (race, usual):
        one, other = RaceCaller(race, lane="persona 0"), RaceCaller(race, lane="persona 1")
        callers = [one, other, usual] if first == "lanes" else [usual, one, other]
        for caller in callers:
            await ask(caller)
        await ask_as_device(usual)
        assert len(set(seals)) == 4, "two lanes, the device's own S, and R"
        assert not leads(race, one)
        assert not leads(race, other)
        lines = [caller._sessions._sessions[Role.S]._link.line for caller in (one, other, usual)]
        assert len({id(line) for line in lines}) == 3

        count = len(seals)
        await one.close()
        await ask(one)
        assert len(seals) == count + 1
        assert seals[-1] in seals[:count], "a lane goes on with its own seal"
        for caller in (one, other):
            await caller.close()


async def test_a_lane_goes_on_when_the_leading_session_leaves(home: Home) -> None:
    async with home.calling(home.candidate(Strategy.WSS, sealed=True)) as (race, usual):
        lane = RaceCaller(race, lane="nobody")
        await ask(usual)
        await ask(lane)
        session = lane._sessions._sessions[Role.S]
        await usual.close()
        assert race._leader is None
        await ask(lane)
        assert lane._sessions._sessions[Role.S] is session
        await lane.close()


async def test_a_session_of_a_lane_ends_when_nobody_calls(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_calls, "IDLE_S", 0.05)
    async with home.calling(home.candidate(Strategy.WSS, sealed=True)) as (race, _):
        lane = RaceCaller(race, lane="nobody")
        await ask(lane)
        session = lane._sessions._sessions[Role.S]
        async with asyncio.timeout(5):
            await asyncio.gather(session._task, return_exceptions=True)
        assert race._members == []
        await ask(lane)
        await lane.close()


async def test_over_plain_https_a_lane_has_its_own_connection(home: Home) -> None:
    async with home.calling(home.candidate(Strategy.WSS)) as (race, usual):
        await ask(usual)
        lane, count = RaceCaller(race, lane="nobody"), home.front.connections
        await ask(lane)
        await ask(lane)
        await ask(usual)
        assert home.front.connections == count + 1
        await lane.close()
