"""The ladder of a link: its stories, and what holds in any of its lives."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol import calls_ladder as cl

from zajil.protocol.calls import ladder as ld
from zajil.protocol.calls.limits import ATTEMPTS


@pytest.mark.parametrize("name", cl.STORIES)
def test_a_story_ends_as_it_must(name: str) -> None:
    cl.STORIES[name]()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1 << 32))
def test_any_life_is_bounded_and_finds_what_works(seed: int) -> None:
    world = cl.walk(seed)
    assert world.most_open <= ATTEMPTS
    assert sorted(world.open) == sorted(one.number for one in world.ladder.attempts)
    assert sum(one.stage in ("carrying", "lost") for one in world.ladder.attempts) <= 1
    world.become(A=300, B=300, C=300)
    world.tell(ld.Moved(ld.KINDS))
    world.wait(20_000)
    assert world.ladder.flows
    world.tell(ld.Close())
    assert world.open == []
    assert ld.next_deadline(world.ladder) is None


def test_the_room_is_near_a_second_before_its_turn_and_not_without_a_try_over_relays() -> None:
    world = cl.opened(A=cl.DEAD, B=cl.DEAD, C=cl.DEAD)
    near = []
    for _ in range(40):
        world.wait(100)
        near.append(ld.is_room_near(world.ladder, world.now))
    assert [100 * (turn + 1) for turn, is_near in enumerate(near) if is_near] == list(range(2000, 3000, 100))
    alone = cl.opened(available=("A", "C"), A=cl.DEAD, C=cl.DEAD)
    alone.wait(1400)
    assert not ld.is_room_near(alone.ladder, alone.now)
