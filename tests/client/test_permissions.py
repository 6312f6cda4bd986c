"""Permissions of a group: changed by who may, judged by all, and what a hostile member's client makes of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.client.phone import Phone
from tests.client.test_attacks_member import body_of, chat_of, deliver, say, shown
from tests.client.world import World, begin, build_trio

from zajil import mls
from zajil.client.core import chats, messages
from zajil.client.core.talk import acts
from zajil.mls.messages.extensions import find_extension
from zajil.protocol import cbor, frames
from zajil.protocol.chat import extensions
from zajil.protocol.chat.aad import CommitAad, hash_refs
from zajil.protocol.chat.extensions import CHAT_SETTINGS, ChatRole, Invite, JoinPolicy
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import AccountId

RNG = random.Random(12).randbytes


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Amal owns a group with Boris and Mallory; all know each other."""
    made = begin(build_trio, tmp_path, seed=6)
    yield made
    made.close()


def settings_commit(phone: Phone, change: object) -> tuple[int, bytes]:
    """A commit of the member's own making that changes the settings, rightly or not."""
    assert callable(change)
    with phone.core.step("evil") as step:
        group = step.load_group(phone.world.main)
        data = change(find_extension(group.extensions, CHAT_SETTINGS) or b"")
        kept = tuple(mls.Extension(e.type, data) if e.type == CHAT_SETTINGS else e for e in group.extensions)
        told = CommitAad((), (), False, hash_refs([]))
        lenient = replace(step.env(), policy=mls.Policy())
        _, staged = group.commit(lenient, [mls.SetExtensions(kept)], aad=told.encode(), with_tree=True)
    assert staged.message is not None
    return group.epoch, staged.message


def perms(**changes: int) -> object:
    return lambda data: extensions.change_settings(data, perms=changes)


def roles(phone: Phone) -> object:
    account = AccountId(phone.device[0])
    return lambda data: extensions.change_settings(data, roles={account: ChatRole.OWNER})


def link() -> object:
    return lambda data: extensions.change_settings(data, invites=[Invite(RNG(16), JoinPolicy.AUTO, 1 << 40)])


@pytest.mark.parametrize("what", ["perms", "roles", "link", "later", "broken"])
def test_a_member_s_forged_change_is_refused_and_the_group_heals(world: World, what: str) -> None:
    mallory, boris = world.phones["mallory"], world.phones["boris"]
    changes = {
        "perms": perms(send=1),
        "roles": roles(mallory),
        "link": link(),
        "later": with_later_key,
        "broken": lambda data: data + b"\x00",
    }
    before = chat_of(boris, world.main)
    epoch, commit = settings_commit(mallory, changes[what])
    deliver(boris, frames.Kind.COMMIT, commit, epoch=epoch)
    assert chat_of(boris, world.main).status == "lost"
    world.settle()
    after = chat_of(boris, world.main)
    assert (after.status, after.perms, after.roles, after.invites) == (
        "active",
        before.perms,
        before.roles,
        before.invites,
    )


def with_later_key(data: bytes) -> bytes:
    values = cbor.parse(data)
    assert isinstance(values, dict)
    return cbor.encode({**values, 99: 1})


def test_an_owner_s_change_of_the_same_form_stands(world: World) -> None:
    """The test above fails for its own reason."""
    amal, boris = world.phones["amal"], world.phones["boris"]
    epoch, commit = settings_commit(amal, perms(send=1, link=0))
    deliver(boris, frames.Kind.COMMIT, commit, epoch=epoch)
    chat = chat_of(boris, world.main)
    assert (chat.status, chat.perms["send"], chat.perms["link"]) == ("active", 1, 0)


def test_only_admins_write(world: World) -> None:
    """A stale or hostile client's words are not shown and are counted; an honest one says no before it sends."""
    amal, boris, mallory = (world.phones[name] for name in ("amal", "boris", "mallory"))
    with mallory.core.step("early") as step:
        early = messages.submit_text(step, world.main, "before")
    world.settle()
    with amal.core.step("rules") as step:
        chats.set_permissions(step, world.main, {"send": 1})
    world.settle()
    assert chat_of(boris, world.main).perms["send"] == 1
    say(mallory, body_of(mallory, "all the same"))
    world.settle()
    assert shown(boris) == shown(amal) == ["before"]
    assert chat_of(boris, world.main).unshown == 1
    with mallory.core.step("say") as step, pytest.raises(ZajilError, match="not-permitted"):
        chats.check_writer(step, world.main)
    with mallory.core.step("edit") as step, pytest.raises(ZajilError, match="not-permitted"):
        acts.edit(step, world.main, early, "other words")
    with mallory.core.step("react") as step:
        acts.react(step, world.main, early, "👍")
    with amal.core.step("say") as step:
        messages.submit_text(step, world.main, "news")
    world.settle()
    assert shown(boris) == shown(mallory) == ["before", "news"]
    with amal.core.step("promote") as step:
        chats.set_role(step, world.main, mallory.device[0], ChatRole.ADMIN)
    world.settle()
    say(mallory, body_of(mallory, "now I may"))
    world.settle()
    assert shown(boris)[-1] == "now I may"


def test_a_text_that_waited_when_the_rules_changed_is_marked_as_not_sent(world: World) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    away = world.phones.pop("boris")
    with boris.core.step("say") as step:
        identity = messages.submit_text(step, world.main, "late")
    with amal.core.step("rules") as step:
        chats.set_permissions(step, world.main, {"send": 1})
    world.settle()
    world.phones["boris"] = away
    world.settle()
    assert shown(amal) == []
    with boris.core.look() as step:
        found = step.tx.lookup("message", identity)
    assert found is not None
    assert b"not-permitted" in found[1]


def test_an_admin_changes_permissions_and_a_member_does_not(world: World) -> None:
    amal, boris = world.phones["amal"], world.phones["boris"]
    with boris.core.step("rules") as step, pytest.raises(ZajilError, match="not-permitted"):
        chats.set_permissions(step, world.main, {"add": 0})
    with amal.core.step("rules") as step, pytest.raises(ZajilError, match="malformed"):
        chats.set_permissions(step, world.main, {"fly": 0})
    with amal.core.step("rules") as step:
        chats.set_permissions(step, world.main, {"info": 0})
    world.settle()
    with boris.core.step("name") as step:
        chats.rename(step, world.main, "By a member")
    world.settle()
    assert chat_of(amal, world.main).title == "By a member"
