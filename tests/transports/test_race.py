"""The race against real servers: who wins, what moves where, what a call does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from tests.transports.authority import Authority
from tests.transports.edge import Edge, serve
from tests.transports.knowing import Known, bridge, make_context, origin
from tests.transports.test_dialing import Peer, hang, reset

from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import Role
from zajil.protocol.path import Candidate, Mode, Strategy
from zajil.protocol.reach.seal import SessionKey
from zajil.protocol.session import Begin, ClientEvent, Message
from zajil.transports.race import Link, Race

WAIT_S = 10.0


class Talker:
    """A session whose messages come back reversed. answers: nothing else comes."""

    def __init__(self, race: Race, role: Role = Role.R, *, answers: bool = False) -> None:
        self.begun = 0
        self.heard: list[bytes] = []
        self.problems: list[ZajilError | None] = []
        self.asked: list[bytes] = []
        self._news = asyncio.Event()
        self.link = Link(
            role,
            race,
            affinity="0001",
            take=self._take,
            down=self._down,
            pause=self._pause,
            waits=lambda: not answers or len(self.heard) < len(self.asked),
        )
        self.task = asyncio.create_task(self.link.run())

    def ask(self, message: bytes) -> None:
        self.asked.append(message)
        if self.begun:
            self.link.send(message)

    async def _take(self, events: Sequence[ClientEvent]) -> None:
        for event in events:
            if isinstance(event, Begin):
                self.begun += 1
                for message in self.asked[len(self.heard) :]:
                    self.link.send(message)
            if isinstance(event, Message):
                self.heard.append(event.body)
        self._news.set()

    def _down(self, problem: ZajilError | None, _retry_ms: int) -> None:
        self.problems.append(problem)
        self._news.set()

    async def _pause(self) -> None:
        await asyncio.sleep(0)

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not condition():
                if self.task.done():
                    self.task.result()
                self._news.clear()
                await self._news.wait()

    async def hear(self, count: int) -> None:
        """Until so many messages came back."""
        await self.until(lambda: len(self.heard) >= count)

    async def settle(self) -> None:
        """Until something came back, or a round found no route."""
        await self.until(lambda: self.heard or self.problems)

    async def close(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


@contextlib.asynccontextmanager
async def racing(edge: Edge, *candidates: Candidate) -> AsyncIterator[Race]:
    race = Race(make_context(Known({"origin"}, SessionKey.of(edge.key.public))))
    race.set_candidates(candidates)
    try:
        yield race
    finally:
        await race.close()
    assert race.crash is None


async def until_route(race: Race, condition: Callable[[Race], object]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition(race):
            await race.news.wait()


@pytest.fixture
async def edge(trusted: Authority) -> AsyncIterator[Edge]:
    async with serve(Edge(), trusted.server("localhost")) as served:
        yield served


async def test_traffic_starts_at_once_and_the_echo_proves_the_route(edge: Edge) -> None:
    async with racing(edge, origin(edge, Strategy.WSS)) as race:
        talker = Talker(race)
        talker.ask(b"hello")
        await talker.until(lambda: talker.heard)
        assert talker.heard == [b"olleh"]
        await until_route(race, lambda r: r.route is not None and r.route.proved)
        view = race.view()
        assert view.state == "direct"
        assert [(t.result, t.chosen, t.echo_bytes) for t in view.tries] == [("proved", True, 24_576)]
        assert view.tries[0].connect_ms <= view.tries[0].usable_ms
        await talker.close()


async def test_what_is_blocked_loses_to_what_is_not(edge: Edge) -> None:
    async with Peer(reset) as blocked:
        candidates = (origin(blocked, Strategy.WSS), bridge(edge, Strategy.WSS_BROWSER))
        async with racing(edge, *candidates) as race:
            talker = Talker(race)
            talker.ask(b"hello")
            await talker.until(lambda: talker.heard)
            await until_route(race, lambda r: r.route is not None and r.route.proved)
            view = race.view()
            assert (view.state, view.via) == ("via", "localhost")
            found = {t.candidate.endpoint.id: (t.result, t.stage, t.reason) for t in view.tries}
            assert found == {"origin": ("failed", "tls", "reset"), "bridge": ("proved", "", "")}
            assert talker.problems == [], "a round that found a route is no failure"
            await talker.close()


async def test_a_round_that_finds_nothing_is_told_once() -> None:
    async with Peer(reset) as blocked, racing(blocked, origin(blocked, Strategy.WSS)) as race:
        talker = Talker(race)
        await talker.until(lambda: talker.problems)
        assert [str(problem) for problem in talker.problems] == ["unreachable: tls reset"]
        assert race.problem is not None
        await talker.close()


async def test_a_session_beside_the_leading_one_follows_its_route(edge: Edge) -> None:
    async with racing(edge, bridge(edge, Strategy.WSS)) as race:
        first, second = Talker(race, Role.R), Talker(race, Role.S)
        for talker in (first, second):
            talker.ask(b"hello")
        for talker in (first, second):
            await talker.hear(1)
        await first.close()
        second.ask(b"again")
        await second.until(lambda: len(second.heard) == 2)
        assert second.heard == [b"olleh", b"niaga"]
        assert second.begun == 1, "the session went on when it became the leading one"
        await second.close()


async def test_a_lost_carrier_is_replaced_and_the_session_goes_on(edge: Edge) -> None:
    async with racing(edge, origin(edge, Strategy.WSS)) as race:
        talker = Talker(race)
        for n in range(3):
            talker.ask(b"message %d" % n)
            await talker.hear(n + 1)
            assert talker.link.line is not None
            await talker.link.line.carrier.close()
        talker.ask(b"last")
        await talker.hear(4)
        assert talker.heard == [message[::-1] for message in talker.asked]
        assert talker.begun == 1
        assert edge.messages == talker.asked
        await talker.close()


async def test_a_silent_carrier_is_left_for_another(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zajil.protocol.session.pings.STALLED_AFTER_S", 0.3)
    monkeypatch.setattr("zajil.protocol.session.pings.PING_AFTER_S", 0.1)
    async with racing(edge, origin(edge, Strategy.WSS)) as race:
        talker = Talker(race)
        talker.ask(b"hello")
        await talker.until(lambda: talker.heard)
        await until_route(race, lambda r: r.route is not None and r.route.proved)
        edge.silent = True
        talker.ask(b"into silence")
        await talker.until(lambda: talker.problems)
        edge.silent = False
        await talker.until(lambda: len(talker.heard) == 2)
        assert edge.messages == talker.asked
        await talker.close()


async def test_nobody_waits_for_a_peer_that_hangs(edge: Edge) -> None:
    async with (
        Peer(hang) as silent,
        racing(edge, origin(silent, Strategy.WSS), bridge(edge, Strategy.POLL)) as race,
    ):
        talker = Talker(race)
        talker.ask(b"hello")
        await talker.hear(1)
        assert race.route is not None
        assert race.route.mode is Mode.STREAM
        await talker.close()
