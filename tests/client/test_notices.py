"""Lines of a chat that are no messages, of which the newest are kept."""

from __future__ import annotations

import shutil
from collections import deque

import msgspec
from tests.client.world import HOUR_MS, small_world

from zajil.client.core import chats
from zajil.client.state.notices import KEPT, Notice, add_notices, load_notices
from zajil.protocol.frames import Msg


def test_who_comes_and_goes_crowds_out_no_new_device() -> None:
    world = small_world()
    gid, anna = b"g" * 16, b"a" * 16
    with world.phones["a1"].core.step("lines") as step:
        add_notices(step.tx, gid, [Notice("added", anna, 1, whom=b"b" * 16), Notice("device-replaced", anna, 2)])
        add_notices(step.tx, gid, [Notice("added", anna, 3 + n, whom=b"c" * 16) for n in range(KEPT)])
        lines = load_notices(step.tx, gid)
        assert [line.at for line in lines] == [2, *range(4, KEPT + 3)], "the newest of the others, in their order"
        add_notices(step.tx, gid, [Notice("device-added", anna, 1000 + n) for n in range(KEPT)])
        assert [line.at for line in load_notices(step.tx, gid)] == [*range(1000, 1000 + KEPT)]
    world.close()
    shutil.rmtree(world.folder)


def test_a_line_has_the_time_of_the_change_whatever_a_server_says() -> None:
    """Who was away for an hour hears of it late; a server that lies hides no line above what was read before."""
    world = small_world()
    first, late = world.phones["a1"], world.phones["b"]

    def renamed(title: str, ts: int | None = None) -> tuple[int, int, list[int]]:
        with first.core.step("rename") as step:
            chats.rename(step, world.main, title)
        before = world.now_ms
        for _ in range(3):
            first.turn()
        after, world.now_ms = world.now_ms, world.now_ms + HOUR_MS
        late.greet()
        assert late.line is not None
        late.line.coming = deque(
            each if ts is None or not isinstance(each, Msg) else msgspec.structs.replace(each, ts=ts)
            for each in late.line.coming
        )
        world.settle()
        with late.core.look() as step:
            lines = load_notices(step.tx, world.main)
        return before, after, [line.at for line in lines if line.code == "renamed"]

    before, after, (one,) = renamed("Terns")
    assert before <= one <= after
    _, _, lines = renamed("Gulls", 1)
    assert lines == [one, one], "in its place among the others"
    before, _, lines = renamed("Swifts", 1 << 50)
    assert before + HOUR_MS <= lines[-1] <= world.now_ms
    world.close()
    shutil.rmtree(world.folder)
