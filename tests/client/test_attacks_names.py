"""A member who changes its name to pass as another one: each change shows, in bounded lines and at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client import talk
from tests.client.phone import Phone
from tests.client.talk import meet, say, see
from tests.client.world import DAY_MS, World, begin, build_trio

from zajil.client import listing
from zajil.client.core import chats, groups, messages
from zajil.client.core.contact import blocking, names
from zajil.client.core.talk.notices import NAMES_A_DAY
from zajil.client.state import accounts, rows
from zajil.client.state.step import Step
from zajil.protocol.chat import parts
from zajil.protocol.limits import NAME_BYTES


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Amal owns a group with Boris and Mallory; all know each other."""
    made = begin(build_trio, tmp_path, seed=6)
    for name in ("amal", "boris", "mallory"):
        talk.act(made.phones[name], introduce)
    made.settle()
    yield made
    made.close()


def introduce(step: Step) -> None:
    """Tell every chat our name and token."""
    part = parts.Profile(step.profile.name, step.profile.profile_token)
    for chat in rows.all_chats(step.tx):
        if chat.kind != groups.SELF and chat.status == "active":
            messages.submit_control(step, chat.gid, part)


def rename(phone: Phone, name: str) -> None:
    """Take a name and tell every chat, without any check of the sender's."""

    def change(step: Step) -> None:
        step.profile = rows.save_profile(step.tx, rows.changed(step.profile, name=name))
        introduce(step)

    talk.act(phone, change)


def lines(phone: Phone, gid: bytes) -> list[tuple[str, str]]:
    """Old and new name of the lines in a chat, oldest first."""
    found = see(phone, lambda step: listing.notices(step, gid))
    return [(line.was, line.became) for line in found if line.code == "named"]


def name_at(phone: Phone, of: Phone) -> str:
    """The name that one has for another."""
    return see(phone, lambda step: listing.name_of(step, of.device[0]))


def test_a_new_name_shows_once_in_each_chat_that_is_shared(world: World) -> None:
    amal, boris, mallory = meet(world, "amal", "boris", "mallory")
    direct = talk.act(amal, lambda step: chats.open_dm(step, mallory.device[0]))
    own = talk.act(amal, lambda step: chats.open_group(step, "Others", [boris.device[0]]))
    world.settle()
    before = {gid: talk.chat_of(amal, gid) for gid in (world.main, direct, own)}
    world.now_ms += 60_000
    rename(mallory, "Amal B.")
    world.settle()
    assert [lines(amal, gid) for gid in (world.main, direct, own)] == [[("mallory", "Amal B.")]] * 2 + [[]]
    assert lines(boris, world.main) == [("mallory", "Amal B.")]
    for gid, chat in before.items():
        after = talk.chat_of(amal, gid)
        assert (after.activity, after.unread, after.heard) == (chat.activity, chat.unread, chat.heard)

    talk.act(mallory, introduce)  # the same name again, as to newcomers
    say(mallory, "hello")
    world.settle()
    amal.crash()
    amal.boot()
    world.settle()
    assert [lines(amal, gid) for gid in (world.main, direct, own)] == [[("mallory", "Amal B.")]] * 2 + [[]]
    assert lines(mallory, world.main) == [], "about ourselves there is no line"


def test_a_storm_of_names_leaves_few_lines_and_the_last_name(world: World) -> None:
    amal, mallory = meet(world, "amal", "mallory")
    for n in range(40):
        rename(mallory, f"name {n}")
        world.settle()
    told = lines(amal, world.main)
    assert len(told) == NAMES_A_DAY
    assert told[:2] == [("mallory", "name 0"), ("name 0", "name 1")]
    assert told[-1] == ("name 3", "name 39")
    world.now_ms += DAY_MS
    rename(mallory, "later")
    world.settle()
    assert lines(amal, world.main)[-1] == ("name 39", "later")


def test_an_older_profile_that_comes_late_brings_no_old_name_back(world: World) -> None:
    amal, mallory = meet(world, "amal", "mallory")
    rename(mallory, "Second")
    world.settle()
    at = see(amal, lambda step: accounts.known(step, mallory.device[0])).named_at

    def late(step: Step) -> None:
        names.take(step, mallory.device[0], parts.Profile("First", b"n" * 32), sent=at - 1)

    talk.act(amal, late)
    assert name_at(amal, mallory) == "Second"
    assert lines(amal, world.main) == [("mallory", "Second")]
    assert see(amal, lambda step: accounts.known(step, mallory.device[0])).contact_token == b"n" * 32


def test_a_clock_ahead_does_not_keep_later_names_out(world: World) -> None:
    amal, mallory = meet(world, "amal", "mallory")

    def ahead(step: Step) -> None:
        names.take(step, mallory.device[0], parts.Profile("Ahead"), sent=step.now + 3_600_000)

    talk.act(amal, ahead)
    world.now_ms += 1_000
    rename(mallory, "Now")
    world.settle()
    assert name_at(amal, mallory) == "Now"


@pytest.mark.parametrize("blank", ["", " ", "\u200b\u200d", "\u202e\u2066", "\u0301\u0489", "\u3164\u2800", "\t\n\xad"])
def test_a_name_that_shows_nothing_is_none(world: World, blank: str) -> None:
    amal, mallory = meet(world, "amal", "mallory")
    rename(mallory, blank)
    world.settle()
    assert name_at(amal, mallory) == "mallory"
    assert lines(amal, world.main) == []


def test_a_name_over_the_limit_is_refused(world: World) -> None:
    amal, mallory = meet(world, "amal", "mallory")
    rename(mallory, "ا" * (NAME_BYTES // 2) + "a")
    world.settle()
    assert name_at(amal, mallory) == "mallory"
    assert lines(amal, world.main) == []
    rename(mallory, "ا" * (NAME_BYTES // 2))
    world.settle()
    assert len(lines(amal, world.main)) == 1


def test_who_is_blocked_leaves_no_line(world: World) -> None:
    amal, boris, mallory = meet(world, "amal", "boris", "mallory")
    talk.act(amal, lambda step: blocking.block(step, mallory.device[0]))
    world.settle()
    rename(mallory, "Boris")
    world.settle()
    assert lines(amal, world.main) == []
    assert lines(boris, world.main) == [("mallory", "Boris")]
