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
