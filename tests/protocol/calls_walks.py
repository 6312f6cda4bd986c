"""Random lives of the devices of a chat: calls, answers, hang-ups, breaks, reloads and lies, in any order."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.protocol.calls_signals import EVERY
from tests.protocol.calls_world import World, call_id

from zajil.protocol.calls import events as ev
from zajil.protocol.calls import signals as sg

CHATS = (("a1 b1", False), ("a1 a2 b1 b2", False), ("a1 b1 c1", True), ("a1 a2 b1 c1 d1 e1", True))
SHORT = tuple(signal for signal in EVERY if not isinstance(signal, sg.Desc | sg.Cand))


def begin_walk(chat: tuple[str, bool], seed: int, loss: float) -> tuple[World, random.Random]:
    """A world whose signals are lost with this chance and come in any order."""
    rng = random.Random(seed)
    world = World(chat[0], group=chat[1])
    world.lost = lambda *_: rng.random() < loss
    world.delay_ms = lambda: rng.choice((20, 50, 50, 700, 5000))
    return world, rng


def walk(seed: int) -> World:
    """A life for the vectors."""
    world, rng = begin_walk(CHATS[seed % len(CHATS)], seed, 0.1)
    for _ in range(40):
        live_a_little(world, rng)
    world.wait(60_000)
    return world


def live_a_little(world: World, rng: random.Random) -> None:
    """Something happens."""
    name, other = rng.sample(list(world.devices), 2)
    match rng.randrange(12):
        case 0 | 1:
            world.dial(name, call=rng.randrange(1, 200))
        case 2 | 3:
            world.tell(name, ev.AcceptCall("audio"))
        case 4:
            world.tell(name, rng.choice((ev.DeclineCall(), ev.Hangup(), ev.Fail("no-route"), ev.Alarm(0))))
        case 5:
            world.tell(name, ev.SetMedia(rng.random() < 0.5, rng.random() < 0.5))
        case 6:
            world.break_media(name, other)
        case 7:
            world.mend_media(name, other)
        case 8:
            world.reload(name)
        case 9:
            world.tell(name, rng.choice((ev.LinkUp(rng.randrange(6)), ev.LinkDown(rng.randrange(6)), ev.Tick())))
        case 10:
            call = rng.choice([device.state.call or call_id(7) for device in world.devices.values()])
            world.receive(name, other, any_signal(rng, call), age_ms=rng.choice((0, 40_000, 59_000)))
        case 11:
            if rng.random() < 0.2:
                world.remove(other)
    world.wait(rng.choice((0, 20, 100, 1000, 6000, 30_000)))


def any_signal(rng: random.Random, call: bytes) -> sg.Signal:
    return replace(rng.choice(SHORT), call=call)
