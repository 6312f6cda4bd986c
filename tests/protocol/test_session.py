"""The session layer: every message once, in order, wherever a connection is cut. Rules of the `session` model."""

from __future__ import annotations

import msgspec
import pytest
from tests.protocol.wire import World, answer

from zajil.protocol.frames import Role
from zajil.protocol.records import pad
from zajil.protocol.session import (
    Begin,
    ClientSession,
    Closed,
    Message,
    ServerCarrier,
    SessionTable,
    Stalled,
    TakenOver,
    Usable,
)
from zajil.protocol.session.wire import Ack, Close, Data, Open, Opened, Ping, Pong, encode_record, parse_record

# With records of 256 bytes a part holds 192: one part, three parts, one part.
BODIES = {b"a": b"a" * 8 + b"1" * 100, b"b": b"b" * 8 + b"2" * 400, b"c": b"c" * 8}


def check_exchange(world: World) -> None:
    """Every request arrived; the first arrivals are in order, repeats only after the gateway forgot; all answered."""
    first = list(dict.fromkeys(world.arrived))
    assert first == list(BODIES.values())
    assert not world.requests
    assert not world.closed
    assert list(dict.fromkeys(world.answers)) == [answer(body) for body in BODIES.values()]


def script(world: World) -> None:
    connection = world.dial()
    for name, body in BODIES.items():
        world.request(name, body)
        world.up(connection)
        world.down(connection)
    world.settle()


def test_a_clean_exchange_delivers_each_message_once() -> None:
    world = World()
    script(world)
    check_exchange(world)
    assert world.arrived == list(BODIES.values())
    assert world.begins == 1


def lengths() -> tuple[int, int]:
    """Bytes that travel up and down in the clean exchange."""
    world = World()
    connection = world.dial()
    up = down = 0
    for name, body in BODIES.items():
        world.request(name, body)
        up += len(connection.up.data)
        world.up(connection)
        down += len(connection.down.data)
        world.down(connection)
    return up, down


def cut_at(byte: int, *, upwards: bool, kind: str) -> World:
    """The scripted exchange whose connection dies after `byte` bytes in one direction; then a good connection."""
    world = World()
    connection = world.dial()
    budget = byte
    for name, body in BODIES.items():
        world.request(name, body)
        for pipe, move in ((connection.up, world.up), (connection.down, world.down)):
            if (pipe is connection.up) == upwards:
                if budget < len(pipe.data):
                    pipe.cut_after(budget)
                budget -= len(pipe.data)
            move(connection)
    if kind == "forget":
        world.forget()
    elif kind == "cut":
        world.cut(connection)
    second = world.dial()
    # "late": the old connection lives on and delivers what it still holds, before and after the new OPEN arrives.
    world.down(connection)
    world.up(second, 1)
    world.up(connection)
    world.down(connection)
    world.settle()
    return world


@pytest.mark.slow
@pytest.mark.parametrize("upwards", [True, False], ids=["up", "down"])
@pytest.mark.parametrize("kind", ["cut", "forget", "late"])
def test_a_cut_after_any_byte_loses_and_doubles_nothing(upwards: bool, kind: str) -> None:
    for byte in range(lengths()[0 if upwards else 1] + 1):
        world = cut_at(byte, upwards=upwards, kind=kind)
        check_exchange(world)
        if world.begins == 1:
            assert world.arrived == list(BODIES.values()), byte
            assert world.answers == [answer(body) for body in BODIES.values()], byte
