"""A look-alike group under a known id: its Welcome opens, and is taken from who may bring us back alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.phone import Phone
from tests.client.test_attacks_member import RNG, chat_of, deliver
from tests.client.world import World, begin, build_trio

from zajil import mls
from zajil.client.core import groups
from zajil.client.state import rows
from zajil.client.state.rows import OwnKeyPackage
from zajil.protocol import frames
from zajil.protocol.chat.extensions import CHAT_SETTINGS, GROUP_INFO_SHARE, GroupInfoShare
from zajil.protocol.limits import SUITE_XWING

pytestmark = pytest.mark.slow


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Amal owns a group with Boris and Mallory; Boris was removed from it."""
    made = begin(build_trio, tmp_path, seed=5)
    boris = made.phones["boris"]
    with boris.core.step("removed") as step:
        step.drop_group(made.main)
        step.change_chat(made.main, status="removed", asking=None)
    yield made
    made.close()


def forge_welcome(forger: Phone, victim: Phone) -> tuple[bytes, int]:
    """(Welcome, epoch) of a group that the forger made under the id of the known one, beyond every epoch seen."""
    gid = forger.world.main
    with victim.core.look() as step:
        packages = [rows.parse_row(data, OwnKeyPackage) for data in step.tx.scan("key_package")]
        row = next(package for package in packages if package.suite == SUITE_XWING)
    with forger.core.step("forge") as step:
        told = next(e.data for e in step.load_group(gid).context.extensions if e.type == CHAT_SETTINGS)
        group = groups.create(step, gid, told)
        for _ in range(chat_of(victim, gid).top + 2):
            group, staged = group.commit(step.env(), [])
            group = staged.apply(group)
        share = GroupInfoShare(group_secret=RNG(32), lists=(), accounts={})
        _, staged = group.commit(
            step.env(),
            [mls.Add(mls.parse_key_package(row.package))],
            welcome_extensions=(mls.Extension(GROUP_INFO_SHARE, share.encode()),),
            with_tree=True,
        )
    assert staged.welcome is not None
    return staged.welcome, staged.epoch


@pytest.mark.parametrize(("forger", "status"), [("mallory", "removed"), ("amal", "active")])
def test_a_known_group_is_entered_again_only_by_who_may_add(world: World, forger: str, status: str) -> None:
    boris = world.phones["boris"]
    welcome, epoch = forge_welcome(world.phones[forger], boris)
    deliver(boris, frames.Kind.WELCOME, welcome, epoch=epoch)
    assert chat_of(boris, world.main).status == status
