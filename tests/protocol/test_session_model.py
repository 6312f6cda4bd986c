"""Every order of a few moves, as the `session` mode of the delivery model walks them, against the real session layer.

Moves and budgets are the model's: dial over a live carrier, send, carry one record on any carrier, let the gateway
restart, meet another gateway. After each move nothing may be skipped, overtaken or closed for a protocol error.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
from tests.protocol.wire import World

from zajil.protocol.frames import Role
from zajil.protocol.session import SessionTable

MESSAGES, CUTS, FORGETS = 2, 2, 1


class Walk(World):
    """A world that counts what is left of its budgets."""

    def __init__(self) -> None:
        super().__init__()
        self.sent, self.cuts, self.forgets = 0, CUTS, FORGETS

    def moves(self) -> Iterator[Callable[[Walk], None]]:
        if self.cuts or not any(c.open for c in self.connections):
            yield Walk.redial
        if self.sent < MESSAGES and self.connections:
            yield Walk.say
        if self.forgets and self.connections:
            yield Walk.restart
            if self.cuts:
                yield Walk.other_gateway
        for at, connection in enumerate(self.connections):
            if connection.up.data:
                yield lambda world, at=at: world.up(world.connections[at], 1)  # type: ignore[misc]
            if connection.down.data:
                yield lambda world, at=at: world.down(world.connections[at], 1)  # type: ignore[misc]

    def redial(self) -> None:
        self.cuts -= any(c.open for c in self.connections)
        self.dial()

    def say(self) -> None:
        self.sent += 1
        body = bytes((self.sent,)) * 300
        self.request(body[:8], body)

    def restart(self) -> None:
        self.forgets -= 1
        self.forget()

    def other_gateway(self) -> None:
        self.forgets -= 1
        self.cuts -= 1
        self.table = SessionTable(Role.S, new_id=self._new_id)
        self.dial()

    def fingerprint(self) -> tuple[object, ...]:
        pipes = tuple((c.open, bytes(c.up.data), bytes(c.down.data)) for c in self.connections)
        return pipes, tuple(self.arrived), tuple(self.answers), self.sent, self.cuts, self.forgets, self.begins


def check(world: Walk) -> None:
    for seen in (world.arrived, world.answers):
        first = list(dict.fromkeys(seen))
        assert first == sorted(first)
    assert not world.closed
    if world.begins <= 1:
        assert len(set(world.arrived)) == len(world.arrived)


@pytest.mark.slow
def test_every_order_of_moves_keeps_the_promise() -> None:
    layer, seen, states = [Walk()], set(), 0
    for _ in range(9):
        following: list[Walk] = []
        for world in layer:
            for move in world.moves():
                after = copy.deepcopy(world)
                move(after)
                check(after)
                states += 1
                if (mark := after.fingerprint()) not in seen:
                    seen.add(mark)
                    following.append(after)
        layer = following
    assert states > 3000
    for world in layer[:: max(1, len(layer) // 200)]:
        world.settle()
        assert not world.requests
        assert len(set(world.arrived)) == world.sent
