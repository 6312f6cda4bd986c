"""Growth, commits and texts of several members in any order: one chat is left, and nothing of it is missing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.client.phone import Phone
from tests.client.successors import open_world, place, places, shown
from tests.client.talk import act, see
from tests.client.world import World

from zajil.client.core import chats
from zajil.client.core.heirs import growing
from zajil.client.state import rows
from zajil.protocol.errors import ZajilError
from zajil.protocol.limits import SUITE_RFC1

NAMES = ("amal", "boris", "cleo", "mallory")
STEPS = 500


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = open_world(tmp_path_factory.mktemp("template"), seed=41)
    made.settle()
    made.close()
    return made


def nudge(phone: Phone, rng: random.Random) -> None:
    """One small thing that this device or the server does for it."""
    world = phone.world
    moves = (
        phone.greet,
        lambda: phone.receive(rng.choice((1, 1, 64))),
        phone.call,
        phone.post,
        lambda: world.serve(phone, lose=rng.random() < 0.05),
        phone.hear,
        phone.tick,
        phone.cut_receiving if rng.random() < 0.05 else phone.greet,
        phone.cut_sending if rng.random() < 0.05 else phone.post,
        phone.crash if rng.random() < 0.03 else phone.post,
    )
    rng.choice(moves)()
    world.now_ms += rng.randrange(40)


def plan(world: World, rng: random.Random) -> dict[int, list[tuple[str, str]]]:
    """What people do, by step."""
    acts = [
        ("grow", "amal"),
        ("rename", "boris"),
        ("say", "cleo"),
        ("say", "mallory"),
        ("say", "boris"),
        ("say", "amal"),
    ]
    if rng.random() < 0.5:
        acts.append(("grow", "boris"))
    if rng.random() < 0.5:
        acts += [("rename", "amal"), ("say", "cleo")]
    found: dict[int, list[tuple[str, str]]] = {}
    for one in acts:
        found.setdefault(rng.randrange(STEPS // 2), []).append(one)
    return found


@pytest.mark.parametrize("seed", range(16))
def test_in_any_order_one_whole_chat_is_left(template: World, tmp_path: Path, seed: int) -> None:
    world, rng = template.fork(tmp_path / "world", seed=seed), random.Random(seed)
    said: list[str] = []
    world.settle()
    due = plan(world, rng)
    for step_number in range(STEPS):
        for verb, name in due.get(step_number, ()):
            phone = world.phones[name]
            if verb == "say":
                said.append(f"{name} {step_number}")
                assert phone.text(world.main, said[-1])
            elif verb == "rename":
                act(phone, lambda step: chats.rename(step, world.main, f"{name} {step_number}"))  # noqa: B023
            else:
                act(phone, lambda step: growing.start(step, world.main))
        nudge(world.phones[rng.choice(NAMES)], rng)
    world.settle()
    if any(see(world.phones[name], lambda step: step.chat(world.main)).heir is None for name in NAMES):
        for name in ("amal", "boris"):
            act(world.phones[name], lambda step: growing.take_failure(step, world.main))
        try:
            act(world.phones["amal"], lambda step: growing.start(step, world.main))
        except ZajilError as refusal:
            raise AssertionError(f"seed {seed}") from refusal
        world.settle()
    assert {tuple(one.gid for one in places(world.phones[name])) for name in NAMES} == {
        (place(world.phones["amal"]).gid,)
    }
    assert {place(world.phones[name]).suite for name in NAMES} == {SUITE_RFC1}
    assert len({place(world.phones[name]).title for name in NAMES}) == 1
    for name in NAMES:
        assert sorted(shown(world.phones[name])) == sorted(said)
        chat = see(world.phones[name], lambda step: step.chat(world.main))
        assert chat.growing is None
        assert not see(
            world.phones[name], lambda step: [item for _, item in rows.items(step.tx) if item.state != "failed"]
        )
    world.close()
