"""A helper did its part, and its Welcome never helped: the asking device still comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.client.audit import audit, find_chat
from tests.client.world import HOUR_MS, World

from zajil.client.core import readd

pytestmark = pytest.mark.slow


def test_a_welcome_that_does_not_help_is_followed_by_another(tmp_path: Path) -> None:
    world = World(tmp_path, seed=5)
    try:
        owner, admin, member = (world.enrol(name) for name in ("a", "b", "c"))
        world.befriend()
        world.settle()
        world.open_main(owner, [admin], [admin, member])
        world.settle()
        world.books.lost.add((world.main, member.device))
        with member.core.step("lose") as step:
            # Secrets that are gone, though the server still hands the packages out.
            packages = step.tx.scan("key_package")
            step.tx.clear("key_package")
            readd.lose(step, world.main, "asked")
        world.settle()
        for _ in range(8):
            world.pass_time(HOUR_MS + 61_000)
            world.settle()
        assert packages
        chat = find_chat(member, world.main)
        assert chat is not None
        assert chat.status == "active"
        audit(world)
    finally:
        world.close()
