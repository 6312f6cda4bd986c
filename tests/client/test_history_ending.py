"""What an archive may not bring to a new device: what is over, what went there, and what no list of chats shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from tests.client import talk
from tests.client.phone import Phone
from tests.client.talk import mark_read, meet, row_of, say, texts
from tests.client.world import DAY_MS, World, begin

from zajil.client.core import chats
from zajil.client.core.expiry import sweep
from zajil.client.core.talk import acts
from zajil.client.history import packing
from zajil.client.state import deadlines, notices
from zajil.client.state.notices import Notice, NoticeCode
from zajil.protocol.history.archive import NOTICES, Archive

DAY_S = 86_400


def build(world: World) -> None:
    a1, b = (world.enrol(name) for name in ("a1", "b"))
    world.befriend()
    world.settle()
    world.open_main(a1, [], [b])


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """a1 owns a group with b."""
    made = begin(build, tmp_path, seed=12)
    yield made
    made.close()


def packed(phone: Phone) -> list[Archive]:
    return talk.see(phone, lambda step: [Archive.parse(part) for part in packing.pack(step)])


def taken(phone: Phone, parts: list[Archive]) -> int:
    return talk.act(phone, lambda step: packing.unpack(step, parts))


def linked(world: World) -> Phone:
    new = world.link("a2", world.phones["a1"])
    world.settle()
    return new


def sweep_now(phone: Phone) -> None:
    talk.act(phone, sweep.sweep)


def with_timer(world: World) -> tuple[Phone, Phone]:
    a1, b = meet(world, "a1", "b")
    talk.act(a1, lambda step: chats.set_timer(step, world.main, DAY_S))
    world.settle()
    return a1, b


def test_what_disappears_goes_on_the_new_device_at_the_same_moment(world: World) -> None:
    a1, b = with_timer(world)
    read = say(b, "read")
    world.settle()
    mark_read(a1)
    world.settle()
    world.pass_time(DAY_MS // 2)
    unread, own = say(b, "unread"), say(a1, "own")
    world.settle()
    new = linked(world)
    taken(new, packed(a1))
    for identity in (read, unread, own):
        ours, theirs = row_of(new, identity), row_of(a1, identity)
        assert (ours.expire_s, ours.expires_at) == (theirs.expire_s, theirs.expires_at)
        assert ours.expire_s == DAY_S
    at = row_of(a1, read).expires_at
    assert talk.see(new, sweep.next_deadline) == at
    world.pass_time(at - world.now_ms)
    sweep_now(new)
    assert sorted(texts(new)) == ["own", "unread"]
    mark_read(new)
    assert row_of(new, unread).expires_at == world.now_ms + DAY_MS


def test_what_is_over_never_travels_and_ends_on_its_way(world: World) -> None:
    a1, b = with_timer(world)
    say(b, "goes")
    world.settle()
    mark_read(a1)
    late = packed(a1)
    new = linked(world)
    for phone in (a1, new):  # nobody has swept yet
        phone.core.now = lambda: world.now_ms + 2 * DAY_MS  # the clock of this device
    assert not any(chat.messages for part in packed(a1) for chat in part.chats if chat.gid == world.main)
    taken(new, late)
    assert texts(new) == []
    assert talk.see(new, lambda step: deadlines.all_deadlines(step.tx)) == []


def test_what_was_on_the_new_device_and_went_does_not_come_back(world: World) -> None:
    a1, b = with_timer(world)
    new = linked(world)
    goes, deleted = say(b, "goes"), say(b, "deleted here")
    world.settle()
    parts = packed(a1)
    mark_read(new)
    talk.act(new, lambda step: acts.delete_for_me(step, world.main, deleted))
    world.pass_time(DAY_MS + 1)
    sweep_now(new)
    assert talk.see(new, lambda step: sweep.is_gone(step, goes))
    taken(new, parts)
    assert texts(new) == []


def test_a_clock_that_is_behind_keeps_nothing_longer_than_the_span(world: World) -> None:
    a1, b = with_timer(world)
    identity = say(b, "goes")
    world.settle()
    mark_read(a1)
    parts = packed(a1)
    new = linked(world)
    behind = world.now_ms - 30 * DAY_MS
    new.core.now = lambda: behind  # the clock of this device
    taken(new, parts)
    assert row_of(new, identity).expires_at == behind + DAY_MS


@pytest.mark.parametrize("hidden", [{"request": "incoming"}, {"quiet": True}])
def test_chats_that_no_list_shows_do_not_travel(world: World, hidden: dict[str, object]) -> None:
    a1, b = meet(world, "a1", "b")
    say(b, "hello")
    world.settle()
    assert world.main in {chat.gid for part in packed(a1) for chat in part.chats}
    talk.act(a1, lambda step: step.change_chat(world.main, **hidden))
    assert world.main not in {chat.gid for part in packed(a1) for chat in part.chats}


def test_nothing_is_put_into_a_request(world: World) -> None:
    a1, b = meet(world, "a1", "b")
    say(b, "hello")
    world.settle()
    parts = packed(a1)
    new = linked(world)
    talk.act(new, lambda step: step.change_chat(world.main, request="incoming"))
    assert taken(new, parts) == 0


def test_lines_of_a_chat_that_are_no_message_travel_where_the_archive_has_their_code(world: World) -> None:
    a1, b = meet(world, "a1", "b")
    told: list[NoticeCode] = [code for code in get_args(NoticeCode) if code in NOTICES]
    assert tuple(told) == NOTICES
    stay: list[NoticeCode] = [code for code in get_args(NoticeCode) if code not in NOTICES]
    assert "role-admin" in stay
    lines = tuple(Notice(code, b.device[0], at, 60 * at) for at, code in enumerate(told))
    others = tuple(Notice(code, b.device[0], 1, whom=a1.device[0]) for code in stay)
    talk.act(a1, lambda step: notices.add_notices(step.tx, world.main, others))
    talk.act(a1, lambda step: notices.add_notices(step.tx, world.main, lines))
    new = linked(world)
    taken(new, packed(a1))
    here = talk.see(new, lambda step: notices.load_notices(step.tx, world.main))
    assert here[: len(lines)] == lines
    assert not set(here) & set(others)
