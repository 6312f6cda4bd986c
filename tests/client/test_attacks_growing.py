"""Hostile admins and members who make room in a group: what they may is told, all else is another chat or none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.phone import Phone
from tests.client.successors import open_world, place, places, shown
from tests.client.talk import act, say, see
from tests.client.test_attacks_successors import absent, forge, link_ann, stays, told_of
from tests.client.world import World

from zajil import mls
from zajil.client.core import chats
from zajil.client.state import rows
from zajil.protocol.chat.extensions import Reason, change_settings, with_predecessor
from zajil.protocol.limits import SUITE_RFC1

PLAIN = mls.suite_of(SUITE_RFC1)
OTHERS = ("amal", "cleo", "mallory")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = open_world(tmp_path, seed=31)
    yield made
    made.close()


def hears_nothing(phone: Phone, gid: bytes) -> bool:
    """Whether the group is what it was, and no trace of the other one is here."""
    chat = see(phone, lambda step: step.chat(phone.world.main))
    other = see(phone, lambda step: rows.find_chat(step.tx, gid))
    return (chat.heir, chat.status, other) == (None, "active", None) and {one.gid for one in places(phone)} == {
        chat.gid
    }


def test_a_member_cannot_grow_a_group(world: World) -> None:
    cleo = world.phones["cleo"]
    data, named = told_of(cleo, reason=Reason.RESIZE)
    gid = forge(cleo, with_predecessor(data, named), ["amal", "boris", "mallory"], PLAIN)
    assert all(stays(world.phones[name], gid) for name in ("amal", "boris", "mallory"))


def test_an_admin_who_grows_a_group_leaves_nobody_out_and_renames_nothing(world: World) -> None:
    boris = world.phones["boris"]
    data, named = told_of(boris, reason=Reason.RESIZE)
    gid = forge(boris, with_predecessor(data, named), ["amal", "cleo"], PLAIN)
    assert all(stays(world.phones[name], gid) for name in ("amal", "cleo"))
    gid = forge(boris, change_settings(with_predecessor(data, named), name="Hawks"), list(OTHERS), PLAIN)
    assert all(stays(world.phones[name], gid) for name in OTHERS)


@pytest.mark.parametrize(("reason", "suite"), [(2, mls.XWING), (3, mls.XWING), (3, PLAIN)])
def test_no_other_reason_or_suite_weakens_a_group(world: World, reason: int, suite: mls.Suite) -> None:
    """Only growing costs protection, and only growing says so."""
    boris = world.phones["boris"]
    data, named = told_of(boris, reason=Reason(reason))
    gid = forge(boris, with_predecessor(data, named), list(OTHERS), suite)
    assert all(stays(world.phones[name], gid) for name in OTHERS)


def test_what_follows_an_epoch_that_is_over_is_no_chat_at_all(world: World) -> None:
    """A commit came first, so nobody follows; the same by a member is silent too, and a false secret a chat."""
    amal, boris, cleo = (world.phones[name] for name in ("amal", "boris", "cleo"))
    data, named = told_of(boris, reason=Reason.RESIZE)
    act(amal, lambda step: chats.rename(step, world.main, "Swifts"))
    world.settle()
    gid = forge(boris, with_predecessor(data, named), list(OTHERS), PLAIN)
    assert all(hears_nothing(world.phones[name], gid) for name in OTHERS)
    gid = forge(cleo, with_predecessor(data, named), ["amal", "boris", "mallory"], PLAIN)
    assert all(hears_nothing(world.phones[name], gid) for name in ("amal", "mallory"))
    gid = forge(cleo, with_predecessor(data, named._replace(authenticator=bytes(32))), ["amal", "mallory"], PLAIN)
    assert all(stays(world.phones[name], gid) for name in ("amal", "mallory"))


def test_a_device_that_an_admin_left_out_is_brought_in_by_its_sibling(world: World) -> None:
    """All accounts are in it, so it is followed: nobody but the other device of that person can tell."""
    amal, boris = world.phones["amal"], world.phones["boris"]
    laptop = link_ann(world)
    data, named = told_of(boris, reason=Reason.RESIZE)
    people = [world.phones[name].device[0] for name in OTHERS]
    with absent(laptop):
        gid = act(boris, lambda step: chats.begin(step, with_predecessor(data, named), people, suite=PLAIN, most=9))
        for _ in range(20):
            for name in ("boris", "amal", "cleo", "mallory"):
                world.phones[name].turn()
        assert place(amal).gid == gid
        assert laptop.device not in {(one.account, one.device) for one in place(amal).members}
    say(laptop, "me too")
    world.settle()
    assert place(laptop).gid == gid
    assert shown(amal) == shown(world.phones["cleo"]) == ["me too"]


def test_whoever_was_removed_is_not_shown_a_group_that_came_too_late(world: World) -> None:
    amal, boris, mallory = (world.phones[name] for name in ("amal", "boris", "mallory"))
    data, named = told_of(boris, reason=Reason.RESIZE)
    act(amal, lambda step: chats.remove_account(step, world.main, mallory.device[0]))
    world.settle()
    gid = forge(boris, with_predecessor(data, named), list(OTHERS), PLAIN)
    assert see(mallory, lambda step: rows.find_chat(step.tx, gid)) is None
