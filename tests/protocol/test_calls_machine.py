"""The machine of a call: the stories, every row of its table in one of them, and what holds in any order of events."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol import calls_stories
from tests.protocol.calls_stories import STORIES
from tests.protocol.calls_walks import CHATS, begin_walk, live_a_little
from tests.protocol.calls_world import World

from zajil.protocol.calls import machine


@pytest.mark.parametrize("name", STORIES)
def test_a_story_ends_as_it_must(name: str) -> None:
    STORIES[name]()


def test_every_row_of_the_table_happens_in_a_story(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[tuple[str, str]] = set()
    find = machine.find_row

    def watch(*arguments: object) -> machine.Row | None:
        row = find(*arguments)  # type: ignore[arg-type]  # passed on as they came
        if row is not None:
            seen.add((row.event, row.case))
        return row

    monkeypatch.setattr(machine, "find_row", watch)
    for made in calls_stories.STORIES.values():
        made()
    assert {(row.event, row.case) for row in machine.ROWS} - seen == set()


SILENCE_MS = 180_000


def check(world: World) -> None:
    """What holds at every moment."""
    for device in world.devices.values():
        assert device.ringing == device.state.rings
        assert sorted(device.links) == [peer.leaf for peer in device.state.peers]
        assert len(device.state.peers) < 4
    for one, other in combinations(world.devices.values(), 2):
        ends = one.state.find_peer(other.leaf), other.state.find_peer(one.leaf)
        if one.phase == other.phase == "active" and all(end is not None and end.up for end in ends):
            assert one.state.call == other.state.call


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(CHATS), st.integers(0, 1 << 32), st.sampled_from((0.0, 0.2, 0.6)))
def test_any_life_keeps_the_rules_and_ends_after_three_minutes_of_silence(
    chat: tuple[str, bool], seed: int, loss: float
) -> None:
    world, rng = begin_walk(chat, seed, loss)
    for _ in range(40):
        live_a_little(world, rng)
        check(world)
    world.lost = lambda *_: True
    world.wait(5000)
    for one, other in combinations(world.devices, 2):
        world.break_media(one, other)
    world.wait(SILENCE_MS)
    check(world)
    assert {device.phase for device in world.devices.values()} <= {"idle", "ended"}
    assert all(device.record is None and not device.state.secret for device in world.devices.values())
