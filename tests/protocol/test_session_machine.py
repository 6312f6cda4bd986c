"""Random lives of a session: overlapping carriers, late ones, cuts, restarts, another gateway, segments and streams."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.protocol.wire import World, answer

from zajil.protocol.frames import Role
from zajil.protocol.records import pad
from zajil.protocol.session import ClientSession, SessionTable

# Counted from the newest connection; mostly the newest, or the walk spends its steps on dead ones.
WHICH = st.sampled_from([0, 0, 0, 0, 1, 2])


class SessionMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.count = 0
        self.restarts = 0

    def _body(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(8, "big") + bytes(size)

    @initialize(frag=st.sampled_from([256, 1024, 4096, 65536]))
    def begin(self, frag: int) -> None:
        self.world = World(frag)

    @rule(segmented=st.booleans())
    @precondition(lambda self: len(self.world.connections) < 12)
    def dial(self, segmented: bool) -> None:
        self.world.dial(segmented=segmented)

    @rule()
    @precondition(lambda self: self.world.rotate and self.world.connections[-1].open)
    def rotate(self) -> None:
        self.world.dial(segmented=True)

    @rule(size=st.sampled_from([1, 150, 500, 3000, 20_000]))
    @precondition(lambda self: self.count < 8)
    def request(self, size: int) -> None:
        body = self._body(size)
        self.world.request(body[:8], body)

    @rule(which=WHICH, most=st.integers(1, 4))
    def carry_up(self, which: int, most: int) -> None:
        if which < len(self.world.connections):
            self.world.up(self.world.connections[-1 - which], most)

    @rule(which=WHICH, most=st.integers(1, 4))
    def carry_down(self, which: int, most: int) -> None:
        if which < len(self.world.connections):
            self.world.down(self.world.connections[-1 - which], most)

    @rule()
    @precondition(lambda self: self.world.connections)
    def carry_both(self) -> None:
        self.world.up(self.world.connections[-1])
        self.world.down(self.world.connections[-1])

    @rule(which=WHICH)
    def cut(self, which: int) -> None:
        if which < len(self.world.connections):
            self.world.cut(self.world.connections[-1 - which])

    @rule()
    @precondition(lambda self: self.world.connections and self.restarts < 2)
    def restart(self) -> None:
        self.restarts += 1
        self.world.forget()

    @rule()
    @precondition(lambda self: self.world.connections and self.restarts < 2)
    def other_gateway(self) -> None:
        """Old connections live on at the old gateway; the next dial meets one that knows nothing."""
        self.restarts += 1
        self.world.table = SessionTable(Role.S, new_id=self.world._new_id)

    @rule(seconds=st.sampled_from([0.1, 0.3, 1.6, 130.0]))
    def wait(self, seconds: float) -> None:
        self.world.now += seconds
        self.world.table.expire(self.world.now)
        self.world._client_events(self.world.client.tick(self.world.now))
        self.world.flush()

    @invariant()
    def nothing_is_skipped_or_overtaken(self) -> None:
        for seen in (self.world.arrived, self.world.answers):
            first = list(dict.fromkeys(seen))
            assert [body.lstrip(b"ok:")[:8] for body in first] == sorted(body.lstrip(b"ok:")[:8] for body in first)
        assert not self.world.closed
        if self.world.begins <= 1:
            assert len(set(self.world.arrived)) == len(self.world.arrived)
            assert len(set(self.world.answers)) == len(self.world.answers)

    def teardown(self) -> None:
        for connection in self.world.connections[:-1]:
            self.world.cut(connection)
        if self.world.connections:
            self.world.settle()
            assert not self.world.requests
            assert len(set(self.world.arrived)) == self.count
            assert {answer(body) for body in self.world.arrived} == set(self.world.answers)


SessionMachine.TestCase.settings = settings(
    max_examples=300 if os.environ.get("ZAJIL_LONG") == "1" else 150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestSessionMachine = pytest.mark.slow(SessionMachine.TestCase)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=120), max_size=6), st.booleans())
def test_no_bytes_from_a_peer_raise(frames: list[bytes], opened: bool) -> None:
    table = SessionTable(Role.S, new_id=lambda: bytes(16))
    carrier, client = table.accept(), ClientSession(Role.S)
    number, _ = client.open_carrier(0.0)
    if opened:
        for record in client.pull(number, 0.0):
            carrier.feed(record, 0.0)
        for record in carrier.pull(0.0):
            client.feed(number, record, 0.0)
    for frame in frames:
        for record in (pad(frame), frame):
            carrier.feed(record, 0.0)
            client.feed(number, record, 0.0)
            carrier.pull(1.0)
            client.pull(number, 1.0)
