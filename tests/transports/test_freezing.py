"""Connections that freeze or break after some kilobytes: segments carry everything, once and in order."""

from __future__ import annotations

import asyncio

import pytest
from tests.transports.authority import Authority
from tests.transports.edge import Edge, serve
from tests.transports.freezer import Freezer
from tests.transports.knowing import Known, bridge, make_context, origin
from tests.transports.test_race import Talker, until_route

from zajil.protocol.frames import Role
from zajil.protocol.path import Candidate, Mode, Strategy
from zajil.protocol.reach.seal import SessionKey
from zajil.transports.race import Race

pytestmark = pytest.mark.slow
MESSAGES = 200
LIMIT = 16_384


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules on a faster clock: this line answers in a millisecond."""
    for name, seconds in (
        ("zajil.protocol.path.attempts.ECHO_PAUSE_S", 0.4),
        ("zajil.protocol.path.attempts.PATIENCE_S", 0.4),
        ("zajil.protocol.session.pings.PING_AFTER_S", 0.2),
        ("zajil.protocol.session.pings.STALLED_AFTER_S", 0.5),
        ("zajil.protocol.path.pace.GAP_S", 0.05),
        ("zajil.protocol.path.pace.CLEAN_GAP_S", 0.02),
    ):
        monkeypatch.setattr(name, seconds)


def make_race(edge: Edge, *candidates: Candidate) -> Race:
    race = Race(make_context(Known({"origin"}, SessionKey.of(edge.key.public))))
    race.set_candidates(candidates)
    return race


def behind(edge: Edge, port: int) -> Edge:
    """The edge as somebody sees it who reaches it through this port."""
    return Edge(edge.host, port)


def message(n: int) -> bytes:
    return b"%06d" % n + b"x" * (n * 37 % 900)


@pytest.mark.parametrize("place", [origin, bridge])
@pytest.mark.parametrize("strategy", [Strategy.WSS, Strategy.WSS_BROWSER])
async def test_a_line_that_freezes_from_the_start_is_used_in_segments(
    trusted: Authority, strategy: Strategy, place: object
) -> None:
    async with (
        serve(Edge(), trusted.server("localhost")) as edge,
        Freezer(edge.port, up_bytes=LIMIT, down_bytes=LIMIT) as censor,
    ):
        candidate: Candidate = place(behind(edge, censor.port), strategy)  # type: ignore[operator]  # one of two functions
        race = make_race(edge, candidate)
        talker = Talker(race)
        for n in range(MESSAGES):
            talker.ask(message(n))
        await talker.hear(MESSAGES)
        assert talker.heard == [message(n)[::-1] for n in range(MESSAGES)]
        assert edge.messages == [message(n) for n in range(MESSAGES)], "complete, once, in order"
        assert race.route is not None
        assert race.route.mode is Mode.SEGMENTED
        assert race.view().state == "slow"
        frozen = censor.frozen
        for n in range(20):
            talker.ask(message(n))
        await talker.hear(MESSAGES + 20)
        assert censor.frozen == frozen, "no segment comes near the limit"
        await talker.close()
        await race.close()


@pytest.mark.parametrize("down", [LIMIT, 1 << 40])
async def test_a_freeze_that_begins_in_mid_session_costs_nothing(trusted: Authority, down: int) -> None:
    """In one direction or in both."""
    async with serve(Edge(), trusted.server("localhost")) as edge, Freezer(edge.port) as censor:
        race = make_race(edge, origin(behind(edge, censor.port), Strategy.WSS))
        talker = Talker(race)
        talker.ask(message(0))
        await until_route(race, lambda r: r.route is not None and r.route.proved)
        censor.up_bytes, censor.down_bytes = LIMIT, down
        for n in range(1, MESSAGES):
            talker.ask(message(n))
        await talker.hear(MESSAGES)
        assert talker.heard == [message(n)[::-1] for n in range(MESSAGES)]
        assert edge.messages == [message(n) for n in range(MESSAGES)]
        assert talker.begun == 1
        await talker.close()
        await race.close()


async def test_a_session_beside_it_is_segmented_too(trusted: Authority) -> None:
    async with (
        serve(Edge(), trusted.server("localhost")) as edge,
        Freezer(edge.port, up_bytes=LIMIT, down_bytes=LIMIT) as censor,
    ):
        race = make_race(edge, origin(behind(edge, censor.port), Strategy.WSS))
        first, second = Talker(race, Role.R), Talker(race, Role.S)
        await until_route(race, lambda r: r.route is not None and r.route.mode is Mode.SEGMENTED)
        for n in range(40):
            first.ask(message(n))
            second.ask(message(n))
        await asyncio.gather(first.hear(40), second.hear(40))
        assert first.heard == second.heard == [message(n)[::-1] for n in range(40)]
        await first.close()
        await second.close()
        await race.close()


@pytest.mark.parametrize("strategy", [Strategy.WSS, Strategy.WSS_BROWSER])
@pytest.mark.parametrize("size", [6_000, 40_000])
@pytest.mark.parametrize("begun", [False, True])
async def test_long_records_on_a_line_that_freezes_show_that_it_does(
    trusted: Authority, strategy: Strategy, size: int, begun: bool
) -> None:
    """A record of 16 or 64 KiB that freezes on its way never comes at all. begun: a freeze starts in mid-session."""
    async with serve(Edge(), trusted.server("localhost")) as edge, Freezer(edge.port) as censor:
        race = make_race(edge, origin(behind(edge, censor.port), strategy))
        talker = Talker(race)
        if begun:
            talker.ask(b"first")
            await talker.hear(1)
        censor.down_bytes = LIMIT
        texts = [b"%06d" % n + b"x" * size for n in range(4)]
        for text in texts:
            talker.ask(text)
        await talker.hear(begun + len(texts))
        assert talker.heard[begun:] == [text[::-1] for text in texts]
        assert race.view().state == "slow"
        await talker.close()
        await race.close()


async def test_many_sessions_share_two_carriers(trusted: Authority) -> None:
    """Two at a time, whoever asks: none that is idle keeps another one out."""
    async with (
        serve(Edge(), trusted.server("localhost")) as edge,
        Freezer(edge.port, up_bytes=LIMIT, down_bytes=LIMIT) as censor,
    ):
        race = make_race(edge, origin(behind(edge, censor.port), Strategy.WSS))
        leading = Talker(race, Role.R)
        await until_route(race, lambda r: r.route is not None and r.route.mode is Mode.SEGMENTED)
        others = [Talker(race, Role.S, answers=True) for _ in range(3)]
        for turn in (1, 2):
            for talker in [*others, leading]:
                for n in range(15):
                    talker.ask(message(n))
            await asyncio.gather(*(talker.hear(15 * turn) for talker in [*others, leading]))
            assert race.dialer.pace.open <= 2
        for talker in [*others, leading]:
            assert talker.heard == [message(n)[::-1] for _ in range(2) for n in range(15)]
            assert talker.begun == 1
            await talker.close()
        await race.close()


class Leaving(Talker):
    """A session that leaves at the very moment at which its carrier ends."""

    def __init__(self, race: Race) -> None:
        super().__init__(race, Role.S, answers=True)
        down = self.link.detach

        def detach() -> None:
            down()
            self.task.cancel()

        self.link.detach = detach  # type: ignore[method-assign]  # the first that is done when a carrier ends


async def test_a_place_for_segments_comes_back_when_a_session_leaves_as_its_carrier_ends(trusted: Authority) -> None:
    """Nobody watches that carrier any more. Two places lost, and nobody on this device dials again."""
    async with (
        serve(Edge(), trusted.server("localhost")) as edge,
        Freezer(edge.port, up_bytes=LIMIT, down_bytes=LIMIT) as censor,
    ):
        race = make_race(edge, origin(behind(edge, censor.port), Strategy.WSS))
        leading = Talker(race, Role.R)
        await until_route(race, lambda r: r.route is not None and r.route.mode is Mode.SEGMENTED)
        led = censor.connections
        for _ in range(3):
            talker = Leaving(race)
            talker.ask(message(1))
            await talker.hear(1)
            censor.end_since(led)
            await asyncio.wait([talker.task], timeout=5)
            assert race.dialer.pace.open == 1, "the leading session's"
        await leading.close()
        await race.close()
        assert race.dialer.pace.open == 0


@pytest.mark.parametrize("direction", ["up_bytes", "down_bytes"])
async def test_connections_that_end_after_any_number_of_bytes(trusted: Authority, direction: str) -> None:
    """Wherever a connection is cut, a dial or a carrier fails as it should, and the next one works."""
    async with serve(Edge(), trusted.server("localhost")) as edge, Freezer(edge.port) as censor:
        censor.cut = True
        known = make_context(Known({"origin"}, SessionKey.of(edge.key.public)))
        for strategy in (Strategy.WSS, Strategy.POLL, Strategy.WSS_BROWSER):
            for limit in (0, 1, 100, 517, 1500, 2500, 4000, 7000):
                race = Race(known)
                race.set_candidates([bridge(behind(edge, censor.port), strategy)])
                setattr(censor, direction, limit)
                edge.messages.clear()
                talker = Talker(race)
                talker.ask(message(limit))
                await talker.settle()
                setattr(censor, direction, 1 << 40)
                race.tap()
                await talker.hear(1)
                assert talker.heard == [message(limit)[::-1]]
                await talker.close()
                await race.close()
