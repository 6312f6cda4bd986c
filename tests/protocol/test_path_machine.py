"""Random lives of the dialer against a network that does what it likes; `path_world` checks the limits at each step."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.protocol.path_world import ALL, BEHAVIOURS, Behaviour, World

from zajil.protocol.path import Mode, encode_memory, parse_memory

PUBLIC = [c.id for c in ALL if not c.endpoint.private]


class DialerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(0)

    @initialize(seed=st.integers(0, 1 << 32))
    def begin(self, seed: int) -> None:
        self.world = World(seed)
        self.world.call("set_candidates", ALL)
        self.world.call("want")

    @rule(which=st.lists(st.sampled_from(ALL), min_size=1, max_size=6), behaviour=st.sampled_from(BEHAVIOURS))
    def change(self, which: list[object], behaviour: Behaviour) -> None:
        for one in ALL:
            if one in which:
                self.world.behaviour[one.id] = behaviour

    @rule(behaviour=st.sampled_from(BEHAVIOURS))
    def change_all(self, behaviour: Behaviour) -> None:
        for one in ALL:
            self.world.behaviour[one.id] = behaviour

    @rule(seconds=st.sampled_from([0.1, 0.3, 1.0, 5.0, 30.0, 200.0, 4000.0, 90_000.0]))
    def wait(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule(rx_bytes=st.sampled_from([0, 5000, 8192, 1 << 20]))
    def lose(self, rx_bytes: int) -> None:
        self.world.lose(rx_bytes)

    @rule(rx_bytes=st.sampled_from([100, 4096, 16_000, 65_536, 1 << 20]))
    def stall(self, rx_bytes: int) -> None:
        self.world.stall(rx_bytes)

    @precondition(lambda self: self.world.carrying is not None)
    @rule(times=st.integers(1, 8))
    def rotate(self, times: int) -> None:
        for _ in range(times):
            if self.world.carrying is not None:
                self.world.call("rotate", self.world.carrying)
                self.world.pass_time(1.0)

    @precondition(lambda self: self.world.carrying is not None)
    @rule(bytes_s=st.sampled_from([100.0, 3000.0, 5000.0]))
    def slow(self, bytes_s: float) -> None:
        assert self.world.carrying is not None
        self.world.call("slow", self.world.carrying, bytes_s)

    @precondition(lambda self: self.world.dialer.route is not None)
    @rule(rx_bytes=st.sampled_from([0, 16_000]))
    def other_session_fails(self, rx_bytes: int) -> None:
        self.world.call("route_stalled", self.world.dialer.route, rx_bytes)

    @rule(does=st.sampled_from(["tap", "doubt", "rest", "want"]))
    def tell(self, does: str) -> None:
        self.world.call(does)

    @rule(network=st.sampled_from(["home", "cafe", "train"]))
    def move(self, network: str) -> None:
        self.world.move(network)

    @rule(online=st.sampled_from([True, False, None]))
    def go_online(self, online: bool | None) -> None:
        self.world.call("set_online", online)

    @rule(public=st.sets(st.sampled_from(PUBLIC), min_size=1))
    def new_list(self, public: set[str]) -> None:
        self.world.call("set_candidates", [c for c in ALL if c.endpoint.private or c.id in public])

    @invariant()
    def the_view_and_the_memory_hold(self) -> None:
        world = self.world
        view = world.dialer.view(world.now)
        assert not world.dialer.pull(), "looking starts nothing"
        route = world.dialer.route
        assert (view.state in ("direct", "via", "slow")) == (route is not None)
        assert [one.chosen for one in view.tries].count(True) == (route is not None)
        assert parse_memory(encode_memory(world.dialer.memory)) == world.dialer.memory
        assert all(len(network.known) <= 8 for network in world.dialer.memory.networks.values())
        segmented = [line for line in world.lines.values() if line.mode is Mode.SEGMENTED]
        assert world.dialer.pace.open == len(segmented)

    def teardown(self) -> None:
        """One public candidate works from now on: it is found, whatever came before."""
        world = self.world
        for one in ALL:
            world.behaviour[one.id] = "dead"
        chosen = world.rng.choice(PUBLIC)
        world.behaviour[chosen] = world.rng.choice(["ok", "frozen", "crawl"])
        world.call("set_candidates", ALL)
        world.call("want")
        world.pass_time(30)
        world.lose(5000)
        world.pass_time(12 * 3600)
        route = world.dialer.route
        assert world.connected, world.dialer.view(world.now)
        assert route is not None
        assert route.candidate_id == chosen


DialerMachine.TestCase.settings = settings(
    max_examples=200 if os.environ.get("ZAJIL_LONG") == "1" else 100,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestDialerMachine = pytest.mark.slow(DialerMachine.TestCase)
