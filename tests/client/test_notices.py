"""Lines of a chat that are no messages, of which the newest are kept."""

from __future__ import annotations

import shutil

from tests.client.world import small_world

from zajil.client.state.notices import KEPT, Notice, add_notices, load_notices


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
